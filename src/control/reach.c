/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/reach.h"

#include "control/service_build.h"
#include "dns/message.h"
#include "dns/type.h"

#include <string.h>

enum {
    SRV_FIXED_BYTES = 6,     /* priority, weight, port (RFC 2782) */
    SVCB_PRIORITY_BYTES = 2, /* RFC 9460 2.2 */
    SVCB_IPV4HINT = 4,
    SVCB_IPV6HINT = 6,
};

struct reaching {
    const struct services *services;
    const struct snapshot *snapshot;
    const struct ledger *ledger;
    const struct desired *desired;
    const struct reach_target *target;
    struct reach *out;
    /* The service and the view that are looked at: */
    const struct service_entry *entry;
    unsigned view, desired_view; /* by the snapshot, and by the configuration */
    uint32_t own_ttl_s;
};

static bool is_meant(const struct reaching *reaching, const struct instance_entry *entry)
{
    const struct reach_target *target = reaching->target;
    const struct instance *instance = instance_now(entry);
    if (!instance) {
        return false;
    }
    return target->site ? instance->site && strcmp(instance->site, target->site) == 0
                        : !target->instance || strcmp(entry->id, target->instance) == 0;
}

/* What was told with this TTL, and may be held until then. `then_s`: it leads to something that
 * lives on for so long. */
static void told_count(struct reach *out, uint32_t until, uint32_t ttl_s, uint32_t then_s,
                       uint32_t minimum_ttl_s)
{
    if (until == 0) {
        return;
    }
    then_s = then_s && ttl_s > then_s ? ttl_s : then_s; /* it was told with as much, then */
    uint32_t sent = until > ttl_s ? until - ttl_s : 0;
    uint32_t held = ttl_s > minimum_ttl_s ? ttl_s : minimum_ttl_s;
    uint32_t then = then_s == 0 ? 0 : then_s > minimum_ttl_s ? then_s : minimum_ttl_s;
    out->until = until + then_s > out->until ? until + then_s : out->until;
    out->longest = sent + held + then > out->longest ? sent + held + then : out->longest;
    out->last_sent = sent > out->last_sent ? sent : out->last_sent;
    out->ttl_s = ttl_s + then_s > out->ttl_s ? ttl_s + then_s : out->ttl_s;
}

/* --- does a record lead there? -------------------------------------------------------------------
 */

static bool address_is(const struct reaching *reaching, const struct instance *instance,
                       const uint8_t *bytes, size_t len)
{
    for (unsigned i = 0; i < instance->address_count; i++) {
        const struct address *address = &instance->addresses[i].address;
        bool v4 = address_is_v4(address);
        if (len == (v4 ? 4U : 16U) && memcmp(address->bytes + (v4 ? 12 : 0), bytes, len) == 0 &&
            (reaching->desired_view == VIEW_NONE ||
             address_shown(reaching->desired, instance, i, reaching->desired_view))) {
            return true;
        }
    }
    return false;
}

/* Is one of the hints of an HTTPS or SVCB record its address? */
static bool hints_it(const struct reaching *reaching, const struct instance *instance,
                     const uint8_t *rdata, uint16_t len)
{
    size_t at = SVCB_PRIORITY_BYTES;
    at += len > at ? name_len(rdata + at) : 0;
    while (at + 4 <= len) {
        unsigned key = wire_read16(rdata + at), size = wire_read16(rdata + at + 2);
        unsigned step = key == SVCB_IPV4HINT ? 4 : key == SVCB_IPV6HINT ? 16 : 0;
        at += 4;
        for (size_t hint = at; step && hint + step <= at + size && hint + step <= len;
             hint += step) {
            if (address_is(reaching, instance, rdata + hint, step)) {
                return true;
            }
        }
        at += size;
    }
    return false;
}

/* *ret_then_s: how long what it leads to lives on. */
static bool leads_there(const struct reaching *reaching, uint16_t type, const uint8_t *rdata,
                        uint16_t len, uint32_t *ret_then_s)
{
    const struct service *service = service_now(reaching->entry);
    *ret_then_s = 0;
    for (uint32_t i = 0; i < reaching->entry->instance_count; i++) {
        const struct instance_entry *entry = reaching->entry->instances[i];
        const struct instance *instance = instance_now(entry);
        bool leads = false;
        if (!is_meant(reaching, entry)) {
            continue;
        }
        if (type == TYPE_A || type == TYPE_AAAA) {
            leads = address_is(reaching, instance, rdata, len);
        } else if (type == TYPE_SRV && len > SRV_FIXED_BYTES) {
            uint8_t name[NAME_MAX];
            instance_name(service, entry->id, name);
            leads = name_equal(rdata + SRV_FIXED_BYTES, name);
            *ret_then_s = reaching->own_ttl_s;
        } else if (type == TYPE_HTTPS || type == TYPE_SVCB) {
            leads = hints_it(reaching, instance, rdata, len);
        }
        if (leads) {
            return true;
        }
    }
    return false;
}

/* --- one name ------------------------------------------------------------------------------------
 */

/* The node of a name in the view; NULL: there is none. */
static const struct node *node_of(const struct reaching *reaching, const uint8_t *name)
{
    const struct slab *slab = reaching->snapshot->slab;
    struct qp_space space, relative_space;
    struct qp_name absolute, relative;
    qp_name_init(&absolute, &space, name, name_len(name) - 1);
    ref_t ref = qp_find_longest(slab, reaching->snapshot->views[reaching->view], &absolute, false);
    const struct zone_view *zone = ref ? zone_view_at(slab, ref) : NULL;
    if (!zone || name_len(name) <= zone->origin_len || twig_empty(zone->root)) {
        return NULL;
    }
    qp_name_init(&relative, &relative_space, name, name_len(name) - zone->origin_len);
    ref = qp_get(slab, zone->root, &relative);
    return ref ? node_at(slab, ref) : NULL;
}

/* Adds what the name is answered with now. Returns whether that leads there. */
static bool node_add(struct reaching *reaching, const struct node *node)
{
    const struct slab *slab = reaching->snapshot->slab;
    unsigned count;
    bool any = false;
    const struct rrset *sets = node_visible_sets(node, &count);
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *at = rrset_data(node, &sets[i]);
        uint32_t then_s = 0;
        bool leads = false;
        for (unsigned k = 0; k < sets[i].count && !leads; k++) {
            uint16_t len;
            const uint8_t *rdata = rdata_next(&sets[i], &at, &len);
            leads = leads_there(reaching, sets[i].type, rdata, len, &then_s);
        }
        if (leads) {
            uint32_t word = told_word(slab, node, (int)(&sets[i] - node_rrsets(node)));
            told_count(reaching->out, ledger_until(reaching->ledger, word, sets[i].ttl),
                       sets[i].ttl, then_s, reaching->target->minimum_ttl_s);
            any = true;
        }
    }
    reaching->out->bound =
        reaching->out->bound || (any && told_words(slab, node).count <= count); /* they share */
    if (any && node->head.flags & NODE_SERVICE) {
        const uint8_t *weights;
        struct policy policy = policy_read(node, &weights);
        reaching->out->bound = reaching->out->bound || policy.mode != POLICY_ALL || policy.by_site;
    }
    return any;
}

static void kept_look(void *ctx, const struct kept_record *record)
{
    struct reaching *reaching = ctx;
    uint32_t then_s;
    if (record->type && leads_there(reaching, record->type, record->rdata, record->len, &then_s)) {
        told_count(reaching->out, record->until, record->ttl_s, then_s,
                   reaching->target->minimum_ttl_s);
    }
}

static bool is_variant(const uint8_t *name)
{
    return name[0] == SITE_LABEL_BYTES - 1 && name[1] == 0;
}

/* Of a name of the service; not of one of its instances. */
static void name_add(struct reaching *reaching, const uint8_t *name)
{
    const struct node *node = node_of(reaching, name);
    bool leads = node && node_add(reaching, node);
    if (is_variant(name)) { /* what was replaced is kept under the name that it varies */
        reaching->out->answered += leads;
        return;
    }
    reaching->out->names++;
    reaching->out->answered += leads;
    kept_each(&reaching->ledger->kept, reaching->snapshot->scope->view_names[reaching->view], name,
              kept_look, reaching);
}

/* The instances' own names. */
static void own_add(struct reaching *reaching)
{
    struct reach own = {0}, *out = reaching->out;
    reaching->own_ttl_s = service_ttl(service_run(reaching->entry));
    reaching->out = &own;
    for (uint32_t i = 0; i < reaching->entry->instance_count; i++) {
        uint8_t name[NAME_MAX];
        bool named = !service_now(reaching->entry)->over_zone;
        if (named && is_meant(reaching, reaching->entry->instances[i])) {
            instance_name(service_now(reaching->entry), reaching->entry->instances[i]->id, name);
            name_add(reaching, name);
        }
    }
    reaching->out = out;
    out->own_until = own.until > out->own_until ? own.until : out->own_until;
    reaching->own_ttl_s = own.ttl_s > reaching->own_ttl_s ? own.ttl_s : reaching->own_ttl_s;
}

struct naming {
    struct reaching *reaching;
    uint32_t left; /* names that are not instances' own: those come last */
};

static void name_look(void *ctx, const uint8_t *name)
{
    struct naming *naming = ctx;
    if (naming->left > 0) {
        naming->left--;
        name_add(naming->reaching, name);
    }
}

static void name_count(void *ctx, const uint8_t *name)
{
    (void)name;
    ++*(uint32_t *)ctx;
}

static void service_add(struct reaching *reaching)
{
    const struct service *service = service_now(reaching->entry);
    struct service_entry *entry = (struct service_entry *)(uintptr_t)reaching->entry;
    uint32_t total = 0;
    own_add(reaching);
    name_add(reaching, service->name);
    service_names_each(service, entry, name_count, &total);
    struct naming naming = {reaching, service->over_zone ? total : total - entry->instance_count};
    service_names_each(service, entry, name_look, &naming);
}

void reach_of(const struct services *services, const struct snapshot *snapshot,
              const struct ledger *ledger, unsigned view, const struct reach_target *target,
              struct reach *out)
{
    struct reaching reaching = {.services = services,
                                .snapshot = snapshot,
                                .ledger = ledger,
                                .desired = services->control->desired,
                                .target = target,
                                .out = out};
    *out = (struct reach){0};
    for (struct service_entry *at = registry_first(services->registry); at;
         at = registry_after(services->registry, at)) {
        uint32_t meant = 0;
        reaching.entry = at;
        if (!service_now(at) || !service_run(at) ||
            (!target->site && !name_equal(at->name, target->service))) {
            continue;
        }
        for (uint32_t i = 0; i < at->instance_count; i++) {
            meant += is_meant(&reaching, at->instances[i]);
        }
        out->instances += meant;
        for (unsigned i = 0; meant > 0 && i < snapshot->view_count; i++) {
            reaching.view = i;
            reaching.desired_view =
                desired_view_find(reaching.desired, snapshot->scope->view_names[i]);
            if (view == VIEW_NONE || view == i) {
                service_add(&reaching);
            }
        }
    }
}
