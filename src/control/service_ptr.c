/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * PTR of registered addresses, where a reverse zone is served and its text says nothing about the
 * address (RFC 1035 3.5, RFC 3596 2.5).
 *
 *   address ─► the instances that have it, in any view ─► per view: PTR to the name of each that
 * has it there
 *
 * Kept only while some zone below arpa is configured.
 */
#include "control/service_build.h"

#include "base/error.h"
#include "base/hash.h"

#include <string.h>

enum {
    BUCKETS_LEAST = 64
};

/* One address, and who has it. */
struct reverse {
    struct reverse *hash_next, *dirty_next;
    struct address address;
    struct instance_run **runs;
    uint32_t count, cap;
    bool dirty;
};

/* --- the index -----------------------------------------------------------------------------------
 */

static uint64_t address_hash(const struct address *address)
{
    return hash_bytes(HASH_START, address->bytes, sizeof(address->bytes));
}

static struct reverse **bucket_of(struct reverses *reverses, const struct address *address)
{
    return &reverses->buckets[address_hash(address) & (reverses->bucket_count - 1)];
}

static int buckets_grow(struct services *services)
{
    struct reverses *reverses = &services->reverses;
    uint32_t count = reverses->bucket_count ? reverses->bucket_count * 2 : BUCKETS_LEAST;
    if (reverses->count < reverses->bucket_count) {
        return ERR_OK;
    }
    struct reverse **buckets = mem_new_zero(services->alloc, count, sizeof(struct reverse *));
    if (!buckets) {
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < reverses->bucket_count; i++) {
        for (struct reverse *at = reverses->buckets[i], *next; at; at = next) {
            struct reverse **bucket = &buckets[address_hash(&at->address) & (count - 1)];
            next = at->hash_next;
            at->hash_next = *bucket;
            *bucket = at;
        }
    }
    mem_free(services->alloc, reverses->buckets);
    reverses->buckets = buckets;
    reverses->bucket_count = count;
    return ERR_OK;
}

static struct reverse *reverse_find(struct reverses *reverses, const struct address *address)
{
    struct reverse *at = reverses->bucket_count ? *bucket_of(reverses, address) : NULL;
    while (at && memcmp(&at->address, address, sizeof(*address)) != 0) {
        at = at->hash_next;
    }
    return at;
}

static void reverse_mark(struct services *services, struct reverse *reverse)
{
    if (!reverse->dirty) {
        reverse->dirty = true;
        reverse->dirty_next = services->reverses.dirty;
        services->reverses.dirty = reverse;
    }
}

/* Without memory an address has no PTR until its instance changes again. */
static void reverse_add(struct services *services, const struct address *address,
                        struct instance_run *run)
{
    struct reverses *reverses = &services->reverses;
    struct reverse *reverse = reverse_find(reverses, address);
    if (!reverse) {
        reverse = buckets_grow(services) == ERR_OK
                      ? mem_new_zero(services->alloc, 1, sizeof(*reverse))
                      : NULL;
        if (!reverse) {
            return;
        }
        struct reverse **bucket = bucket_of(reverses, address);
        reverse->address = *address;
        reverse->hash_next = *bucket;
        *bucket = reverse;
        reverses->count++;
    }
    for (uint32_t i = 0; i < reverse->count; i++) {
        if (reverse->runs[i] == run) {
            return; /* the same address for several views */
        }
    }
    if (reverse->count == reverse->cap) {
        uint32_t cap = reverse->cap ? reverse->cap * 2 : 1;
        struct instance_run **runs =
            mem_resize(services->alloc, reverse->runs, cap * sizeof(struct instance_run *));
        if (!runs) {
            return;
        }
        reverse->runs = runs;
        reverse->cap = cap;
    }
    reverse->runs[reverse->count++] = run;
    reverse_mark(services, reverse);
}

static void reverse_leave(struct services *services, const struct address *address,
                          const struct instance_run *run)
{
    struct reverse *reverse = reverse_find(&services->reverses, address);
    for (uint32_t i = 0; reverse && i < reverse->count; i++) {
        if (reverse->runs[i] == run) {
            reverse->runs[i] = reverse->runs[--reverse->count];
            reverse_mark(services, reverse);
            return;
        }
    }
}

void reverses_instance(struct services *services, struct instance_run *run,
                       const struct instance *before, const struct instance *now)
{
    const struct service *service = service_now(run->entry->service);
    if (!services->reverses.wanted) {
        return;
    }
    now = service && service->over_zone ? NULL : now; /* it has no name of its own */
    for (unsigned i = 0; before && i < before->address_count; i++) {
        reverse_leave(services, &before->addresses[i].address, run);
    }
    for (unsigned i = 0; now && i < now->address_count; i++) {
        reverse_add(services, &now->addresses[i].address, run);
    }
}

static void reverse_free(struct services *services, struct reverse *reverse)
{
    mem_free(services->alloc, reverse->runs);
    mem_free(services->alloc, reverse);
}

void reverses_free(struct services *services)
{
    struct reverses *reverses = &services->reverses;
    for (uint32_t i = 0; i < reverses->bucket_count; i++) {
        while (reverses->buckets[i]) {
            struct reverse *reverse = reverses->buckets[i];
            reverses->buckets[i] = reverse->hash_next;
            reverse_free(services, reverse);
        }
    }
    mem_free(services->alloc, reverses->buckets);
    *reverses = (struct reverses){0};
}

/* Is any reverse zone configured? Then every instance is in the index, else none. */
static void reverses_want(struct services *services, const struct desired *desired)
{
    static const uint8_t arpa[] = "\4arpa";
    bool wanted = false;
    for (uint32_t i = 0; i < desired->zone_count && !wanted; i++) {
        wanted = name_in_zone(desired->zones[i].origin, arpa);
    }
    if (wanted == services->reverses.wanted) {
        return;
    }
    if (!wanted) {
        reverses_free(services);
        return;
    }
    services->reverses.wanted = true;
    for (struct service_entry *at = registry_first(services->registry); at;
         at = registry_after(services->registry, at)) {
        for (uint32_t i = 0; i < at->instance_count; i++) {
            struct instance_run *run = instance_run(at->instances[i]);
            if (run) {
                reverses_instance(services, run, NULL, instance_now(at->instances[i]));
            }
        }
    }
}

/* --- names ---------------------------------------------------------------------------------------
 */

/* "10.1.0.10.in-addr.arpa." or the nibbles below ip6.arpa. */
static void reverse_name(const struct address *address, uint8_t out[NAME_MAX])
{
    static const char hex[] = "0123456789abcdef";
    static const uint8_t v4[] = "\7in-addr\4arpa", v6[] = "\3ip6\4arpa";
    bool is_v4 = address_is_v4(address);
    uint8_t *at = out;
    for (unsigned i = 16; i > (is_v4 ? 12u : 0u); i--) {
        unsigned byte = address->bytes[i - 1];
        if (!is_v4) {
            *at++ = 1;
            *at++ = (uint8_t)hex[byte & 15];
            *at++ = 1;
            *at++ = (uint8_t)hex[byte >> 4];
            continue;
        }
        uint8_t *len = at++;
        for (unsigned power = byte >= 100 ? 100 : byte >= 10 ? 10 : 1; power > 0; power /= 10) {
            *at++ = (uint8_t)('0' + byte / power % 10);
        }
        *len = (uint8_t)(at - len - 1);
    }
    memcpy(at, is_v4 ? v4 : v6, is_v4 ? sizeof(v4) : sizeof(v6));
}

static bool has_address(const struct desired *desired, const struct instance *instance,
                        const struct address *address, unsigned view)
{
    for (unsigned i = 0; i < instance->address_count; i++) {
        if (memcmp(&instance->addresses[i].address, address, sizeof(*address)) == 0 &&
            address_shown(desired, instance, i, view)) {
            return true;
        }
    }
    return false;
}

/* The PTR records of an address in a view into the draft; rdata lie in the arena. */
static int reverse_draft(const struct names_target *target, const struct reverse *reverse,
                         unsigned view, struct arena *arena, struct node_draft *draft)
{
    int err = ERR_OK;
    size_t bytes = 0;
    for (uint32_t i = 0; err == ERR_OK && i < reverse->count; i++) {
        const struct instance *instance = instance_now(reverse->runs[i]->entry);
        const struct service *service = service_now(reverse->runs[i]->entry->service);
        uint8_t name[NAME_MAX];
        if (!instance || !service ||
            !has_address(target->desired, instance, &reverse->address, view)) {
            continue;
        }
        instance_name(service, instance->id, name);
        size_t len = name_len(name);
        bytes += len + RECORD_HEAD;
        if (bytes > LIMIT_RRSET_BYTES) {
            break;
        }
        uint8_t *copy = arena_copy(arena, name, len);
        err =
            copy ? node_draft_add(draft, TYPE_PTR, service->ttl_s, copy, (uint16_t)len) : ERR_NOMEM;
    }
    return err;
}

/* Sets or gives back the name of one address in one view. */
static int reverse_put_view(struct services *services, const struct names_target *target,
                            const struct reverse *reverse, const uint8_t *name, unsigned view)
{
    const struct policy policy = {.mode = POLICY_ALL,
                                  .negative_ttl_s = LIMIT_REGISTRY_NEGATIVE_TTL_S};
    struct slot slot;
    struct node_draft draft;
    struct arena arena;
    struct buf rdata;
    if (!slot_find(target, name, view, &slot)) {
        return ERR_OK;
    }
    const struct node *have = slot_node(target, &slot, name);
    if (have && !(have->head.flags & NODE_SERVICE)) {
        return ERR_OK; /* the zone's own word */
    }
    arena_init(&arena, services->alloc);
    buf_init(&rdata, services->alloc);
    node_draft_init(&draft, services->alloc);
    int err = reverse_draft(target, reverse, view, &arena, &draft);
    if (err == ERR_OK && draft.count == 0) {
        err = have ? slot_give_back(target, &slot, name, view) : ERR_OK;
    } else if (err == ERR_OK) {
        err = policy_encode(&rdata, &policy, NULL);
        err = err == ERR_OK ? node_draft_add(&draft, TYPE_POLICY, draft.records[0].ttl, rdata.data,
                                             (uint16_t)rdata.len)
                            : err;
        err = err == ERR_OK ? slot_set(target, &slot, name, view, &draft) : err;
    }
    node_draft_deinit(&draft);
    buf_deinit(&rdata);
    arena_deinit(&arena);
    return err;
}

static int reverse_put(struct services *services, const struct names_target *target,
                       const struct reverse *reverse)
{
    uint8_t name[NAME_MAX];
    int err = ERR_OK;
    reverse_name(&reverse->address, name);
    for (unsigned view = 0; err == ERR_OK && view < target->desired->view_count; view++) {
        err = reverse_put_view(services, target, reverse, name, view);
    }
    return err;
}

int reverses_put_dirty(struct services *services, const struct names_target *target)
{
    int err = ERR_OK;
    for (const struct reverse *at = services->reverses.dirty; err == ERR_OK && at;
         at = at->dirty_next) {
        err = reverse_put(services, target, at);
    }
    return err;
}

int reverses_put_all(struct services *services, const struct names_target *target)
{
    struct reverses *reverses = &services->reverses;
    int err = ERR_OK;
    reverses_want(services, target->desired);
    for (uint32_t i = 0; i < reverses->bucket_count; i++) {
        for (const struct reverse *at = reverses->buckets[i]; err == ERR_OK && at;
             at = at->hash_next) {
            uint8_t name[NAME_MAX];
            reverse_name(&at->address, name);
            if (target->zone == UINT32_MAX ||
                name_in_zone(name, target->desired->zones[target->zone].origin)) {
                err = reverse_put(services, target, at);
            }
        }
    }
    return err;
}

/* What is in the trees now needs no more; addresses that nobody has are forgotten. */
void reverses_done(struct services *services)
{
    struct reverses *reverses = &services->reverses;
    while (reverses->dirty) {
        struct reverse *reverse = reverses->dirty;
        reverses->dirty = reverse->dirty_next;
        reverse->dirty = false;
        reverse->dirty_next = NULL;
        if (reverse->count == 0) {
            struct reverse **link = bucket_of(reverses, &reverse->address);
            while (*link != reverse) {
                link = &(*link)->hash_next;
            }
            *link = reverse->hash_next;
            reverses->count--;
            reverse_free(services, reverse);
        }
    }
}
