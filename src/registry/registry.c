/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "registry/registry.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"

#include <stdio.h>
#include <string.h>

enum {
    BUCKETS_LEAST = 64
};

/* One step of a staged change, and how to take it back. */
struct step {
    struct object *object;
    void *next_before;
    bool staged_before;
    bool made; /* the entry is new with this step */
};

struct registry {
    const struct alloc *alloc;
    struct object **buckets;
    uint32_t bucket_count, object_count;
    struct override_entry **overrides;
    uint32_t override_count, override_cap;
    uint32_t service_count;
    uint64_t instance_count;
    struct step *steps;
    size_t step_count, step_cap;
    uint64_t revision, staged_revision;
};

const char *override_action_name(enum override_action action)
{
    static const char *const names[] = {"up", "down", "drain"};
    return names[action];
}

int registry_new(const struct alloc *alloc, struct registry **ret)
{
    struct registry *registry = mem_new_zero(alloc, 1, sizeof(*registry));
    struct object **buckets = mem_new_zero(alloc, BUCKETS_LEAST, sizeof(struct object *));
    if (!registry || !buckets) {
        mem_free(alloc, registry);
        mem_free(alloc, buckets);
        return ERR_NOMEM;
    }
    registry->alloc = alloc;
    registry->buckets = buckets;
    registry->bucket_count = BUCKETS_LEAST;
    *ret = registry;
    return ERR_OK;
}

/* --- the hash ------------------------------------------------------------------------------------
 */

static uint32_t hash_key(enum object_kind kind, const uint8_t *name, const char *id)
{
    uint64_t hash = hash_bytes(HASH_START + (uint64_t)kind, name, name ? name_len(name) : 0);
    return (uint32_t)(id ? hash_bytes(hash, id, strlen(id)) : hash);
}

static int hash_grow(struct registry *registry)
{
    uint32_t count = registry->bucket_count * 2;
    if (registry->object_count < registry->bucket_count) {
        return ERR_OK;
    }
    struct object **buckets = mem_new_zero(registry->alloc, count, sizeof(struct object *));
    if (!buckets) {
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < registry->bucket_count; i++) {
        for (struct object *at = registry->buckets[i], *next; at; at = next) {
            struct object **bucket = &buckets[at->hash & (count - 1)];
            next = at->hash_next;
            at->hash_next = *bucket;
            *bucket = at;
        }
    }
    mem_free(registry->alloc, registry->buckets);
    registry->buckets = buckets;
    registry->bucket_count = count;
    return ERR_OK;
}

static void hash_add(struct registry *registry, struct object *object)
{
    struct object **bucket = &registry->buckets[object->hash & (registry->bucket_count - 1)];
    object->hash_next = *bucket;
    *bucket = object;
    registry->object_count++;
}

static void hash_remove(struct registry *registry, struct object *object)
{
    struct object **link = &registry->buckets[object->hash & (registry->bucket_count - 1)];
    while (*link != object) {
        link = &(*link)->hash_next;
    }
    *link = object->hash_next;
    registry->object_count--;
}

struct service_entry *registry_service(const struct registry *registry, const uint8_t *name)
{
    uint32_t hash = hash_key(OBJECT_SERVICE, name, NULL);
    for (struct object *at = registry->buckets[hash & (registry->bucket_count - 1)]; at;
         at = at->hash_next) {
        if (at->hash == hash && at->kind == OBJECT_SERVICE &&
            name_equal(((struct service_entry *)at)->name, name)) {
            return (struct service_entry *)at;
        }
    }
    return NULL;
}

struct instance_entry *registry_instance(const struct registry *registry, const uint8_t *name,
                                         const char *id)
{
    uint32_t hash = hash_key(OBJECT_INSTANCE, name, id);
    for (struct object *at = registry->buckets[hash & (registry->bucket_count - 1)]; at;
         at = at->hash_next) {
        struct instance_entry *entry = (struct instance_entry *)at;
        if (at->hash == hash && at->kind == OBJECT_INSTANCE && strcmp(entry->id, id) == 0 &&
            name_equal(entry->service->name, name)) {
            return entry;
        }
    }
    return NULL;
}

static struct override_entry *override_find(const struct registry *registry, const char *key)
{
    for (uint32_t i = 0; i < registry->override_count; i++) {
        if (strcmp(registry->overrides[i]->key, key) == 0) {
            return registry->overrides[i];
        }
    }
    return NULL;
}

/* --- entries -------------------------------------------------------------------------------------
 */

static int list_push(const struct alloc *alloc, void **list, uint32_t count, uint32_t *cap,
                     void *item)
{
    if (count == *cap) {
        uint32_t grown = *cap ? *cap * 2 : 4;
        void *resized = mem_resize(alloc, *list, grown * sizeof(void *));
        if (!resized) {
            return ERR_NOMEM;
        }
        *list = resized;
        *cap = grown;
    }
    ((void **)*list)[count] = item;
    return ERR_OK;
}

static struct service_entry *service_entry_new(struct registry *registry, const uint8_t *name)
{
    struct service_entry *entry = mem_new_zero(registry->alloc, 1, sizeof(*entry));
    size_t len = name_len(name);
    if (!entry || hash_grow(registry) != ERR_OK) {
        mem_free(registry->alloc, entry);
        return NULL;
    }
    entry->object.kind = OBJECT_SERVICE;
    entry->name = mem_new(registry->alloc, len);
    if (!entry->name) {
        mem_free(registry->alloc, entry);
        return NULL;
    }
    memcpy(entry->name, name, len);
    name_lower(entry->name, len);
    entry->object.hash = hash_key(OBJECT_SERVICE, entry->name, NULL);
    hash_add(registry, &entry->object);
    registry->service_count++;
    return entry;
}

static struct instance_entry *instance_entry_new(struct registry *registry,
                                                 struct service_entry *service, const char *id)
{
    struct instance_entry *entry = mem_new_zero(registry->alloc, 1, sizeof(*entry));
    char *copy = mem_copy_text(registry->alloc, id);
    if (!entry || !copy || hash_grow(registry) != ERR_OK ||
        list_push(registry->alloc, (void **)&service->instances, service->instance_count,
                  &service->instance_cap, entry) != ERR_OK) {
        mem_free(registry->alloc, entry);
        mem_free(registry->alloc, copy);
        return NULL;
    }
    entry->object.kind = OBJECT_INSTANCE;
    entry->id = copy;
    entry->service = service;
    entry->index = service->instance_count++;
    entry->object.hash = hash_key(OBJECT_INSTANCE, service->name, id);
    hash_add(registry, &entry->object);
    registry->instance_count++;
    return entry;
}

static struct override_entry *override_entry_new(struct registry *registry, const char *key)
{
    struct override_entry *entry = mem_new_zero(registry->alloc, 1, sizeof(*entry));
    char *copy = mem_copy_text(registry->alloc, key);
    if (!entry || !copy ||
        list_push(registry->alloc, (void **)&registry->overrides, registry->override_count,
                  &registry->override_cap, entry) != ERR_OK) {
        mem_free(registry->alloc, entry);
        mem_free(registry->alloc, copy);
        return NULL;
    }
    entry->object.kind = OBJECT_OVERRIDE;
    entry->key = copy;
    registry->override_count++;
    return entry;
}

/* An entry that stands for nothing any more. */
static void entry_free(struct registry *registry, struct object *object)
{
    if (object->kind == OBJECT_OVERRIDE) {
        struct override_entry *entry = (struct override_entry *)object;
        uint32_t i = 0;
        while (registry->overrides[i] != entry) {
            i++;
        }
        registry->overrides[i] = registry->overrides[--registry->override_count];
        mem_free(registry->alloc, entry->key);
    } else if (object->kind == OBJECT_INSTANCE) {
        struct instance_entry *entry = (struct instance_entry *)object;
        struct service_entry *service = entry->service;
        hash_remove(registry, object);
        service->instances[entry->index] = service->instances[--service->instance_count];
        service->instances[entry->index]->index = entry->index;
        registry->instance_count--;
        mem_free(registry->alloc, entry->id);
    } else {
        struct service_entry *entry = (struct service_entry *)object;
        hash_remove(registry, object);
        registry->service_count--;
        mem_free(registry->alloc, entry->instances);
        mem_free(registry->alloc, entry->name);
    }
    mem_free(registry->alloc, object);
}

void registry_free(struct registry *registry)
{
    if (!registry) {
        return;
    }
    registry_undo(registry, 0);
    for (unsigned pass = 0; pass < 2; pass++) { /* instances before their services */
        for (uint32_t i = 0; i < registry->bucket_count; i++) {
            for (struct object *at = registry->buckets[i], *next; at; at = next) {
                next = at->hash_next;
                if (pass == 1 || at->kind == OBJECT_INSTANCE) {
                    mem_free(registry->alloc, at->now);
                    entry_free(registry, at);
                }
            }
        }
    }
    while (registry->override_count > 0) {
        mem_free(registry->alloc, registry->overrides[0]->object.now);
        entry_free(registry, &registry->overrides[0]->object);
    }
    mem_free(registry->alloc, registry->overrides);
    mem_free(registry->alloc, registry->steps);
    mem_free(registry->alloc, registry->buckets);
    mem_free(registry->alloc, registry);
}

/* --- staging -------------------------------------------------------------------------------------
 */

static void *wanted_of(const struct object *object)
{
    return object->staged ? object->next : object->now;
}

static int step_reserve(struct registry *registry, size_t count)
{
    if (registry->step_count + count <= registry->step_cap) {
        return ERR_OK;
    }
    size_t cap = registry->step_cap ? registry->step_cap * 2 : 32;
    while (cap < registry->step_count + count) {
        cap *= 2;
    }
    struct step *steps = mem_resize(registry->alloc, registry->steps, cap * sizeof(*steps));
    if (!steps) {
        return ERR_NOMEM;
    }
    registry->steps = steps;
    registry->step_cap = cap;
    return ERR_OK;
}

/* Takes over `next`; room was reserved. */
static void stage(struct registry *registry, struct object *object, void *next, bool made)
{
    registry->steps[registry->step_count++] = (struct step){.object = object,
                                                            .next_before = object->next,
                                                            .staged_before = object->staged,
                                                            .made = made};
    object->next = next;
    object->staged = true;
}

size_t registry_staged(const struct registry *registry)
{
    return registry->step_count;
}

struct object *registry_staged_at(const struct registry *registry, size_t i)
{
    return registry->steps[i].object;
}

void registry_undo(struct registry *registry, size_t mark)
{
    while (registry->step_count > mark) {
        struct step *step = &registry->steps[--registry->step_count];
        mem_free(registry->alloc, step->object->next);
        step->object->next = step->next_before;
        step->object->staged = step->staged_before;
        if (step->made) {
            entry_free(registry, step->object);
        }
    }
    if (mark == 0) {
        registry->staged_revision = registry->revision;
    }
}

static bool entry_is_empty(const struct object *object)
{
    return !object->now && !object->staged &&
           (object->kind != OBJECT_SERVICE ||
            ((const struct service_entry *)object)->instance_count == 0);
}

void registry_commit(struct registry *registry, object_fn *each, void *ctx)
{
    for (size_t i = 0; i < registry->step_count; i++) {
        struct step *step = &registry->steps[i];
        if (step->staged_before) {
            mem_free(registry->alloc, step->next_before); /* was replaced before anybody saw it */
        }
    }
    for (size_t i = 0; i < registry->step_count; i++) {
        struct object *object = registry->steps[i].object;
        if (!object->staged) { /* staged more than once, and done already */
            registry->steps[i].object = NULL;
            continue;
        }
        void *before = object->now;
        object->now = object->next;
        object->next = NULL;
        object->staged = false;
        if (each) {
            each(ctx, object, before);
        }
        mem_free(registry->alloc, before);
    }
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < registry->step_count; i++) {
            struct object *object = registry->steps[i].object;
            bool now = object && (pass == 1 || object->kind == OBJECT_INSTANCE);
            if (now && entry_is_empty(object)) {
                registry->steps[i].object = NULL;
                entry_free(registry, object);
            }
        }
    }
    registry->step_count = 0;
    registry->revision = registry->staged_revision;
}

void registry_next(struct registry *registry)
{
    registry->staged_revision++;
}

uint64_t registry_revision(const struct registry *registry)
{
    return registry->revision;
}

uint64_t registry_staged_revision(const struct registry *registry)
{
    return registry->staged_revision;
}

void registry_revision_set(struct registry *registry, uint64_t revision)
{
    registry->revision = registry->staged_revision = revision;
}

/* --- who may change what -------------------------------------------------------------------------
 */

static int owner_check(const char *what, const char *has, const struct place *place,
                       const char *wants, struct refusal *refusal)
{
    if (strcmp(has, wants) == 0) {
        return ERR_OK;
    }
    if (place && place->file) {
        refusal_fill(refusal, "owner", "change it there", "the %s belongs to %s (%s:%u)", what, has,
                     place->file, place->line);
    } else {
        refusal_fill(refusal, "owner", "ask its owner, or take another name",
                     "the %s belongs to %s, not to %s", what, has, wants);
    }
    return ERR_REFUSED;
}

static int expect_check(const char *what, bool exists, uint64_t revision, uint64_t expect,
                        struct refusal *refusal)
{
    if (expect == REVISION_ANY || expect == (exists ? revision : 0)) {
        return ERR_OK;
    }
    if (!exists) {
        refusal_fill(refusal, "expect", "read it again", "the %s does not exist (any more)", what);
    } else {
        refusal_fill(refusal, "expect", "read it again, and decide anew",
                     "the %s is at revision %llu, not %llu", what, (unsigned long long)revision,
                     (unsigned long long)expect);
    }
    return ERR_EXISTS;
}

int registry_put_service(struct registry *registry, const struct service *wanted, uint64_t expect,
                         bool *ret_same, struct refusal *refusal)
{
    struct service_entry *entry = registry_service(registry, wanted->name);
    const struct service *have = entry ? wanted_of(&entry->object) : NULL;
    int err = service_check(wanted, refusal);
    if (err == ERR_OK && have) {
        err = owner_check("service", have->owner, &have->place, wanted->owner, refusal);
    }
    if (err == ERR_OK) {
        err = expect_check("service", have, have ? have->revision : 0, expect, refusal);
    }
    if (err != ERR_OK) {
        return err;
    }
    if (ret_same) {
        *ret_same = have && service_same(have, wanted);
        if (*ret_same) {
            return ERR_OK;
        }
    }
    if (!entry && registry->service_count >= LIMIT_SERVICES) {
        refusal_fill(refusal, "service", NULL, "%d services are registered", (int)LIMIT_SERVICES);
        return ERR_LIMIT;
    }
    bool made = !entry;
    struct service copy = *wanted;
    copy.revision = registry->staged_revision;
    struct service *frozen = service_freeze(registry->alloc, &copy);
    if (!frozen || step_reserve(registry, 1) != ERR_OK ||
        (!entry && !(entry = service_entry_new(registry, wanted->name)))) {
        mem_free(registry->alloc, frozen);
        return ERR_NOMEM;
    }
    stage(registry, &entry->object, frozen, made);
    return ERR_OK;
}

/* The service of a new instance: it is there, or is made. */
static int instance_service(struct registry *registry, const struct instance *wanted,
                            struct service_entry **ret, struct refusal *refusal)
{
    *ret = registry_service(registry, wanted->service);
    if (*ret && wanted_of(&(*ret)->object)) {
        return ERR_OK;
    }
    struct service service;
    uint8_t name[NAME_MAX];
    memcpy(name, wanted->service, name_len(wanted->service));
    service_default(&service);
    service.name = name;
    service.owner = wanted->owner;
    service.place = wanted->place;
    int err = registry_put_service(registry, &service, REVISION_ANY, NULL, refusal);
    *ret = err == ERR_OK ? registry_service(registry, wanted->service) : NULL;
    return err;
}

int registry_put_instance(struct registry *registry, const struct instance *wanted, uint64_t expect,
                          bool *ret_same, struct refusal *refusal)
{
    struct instance_entry *entry = registry_instance(registry, wanted->service, wanted->id);
    const struct instance *have = entry ? wanted_of(&entry->object) : NULL;
    size_t mark = registry->step_count;
    struct service_entry *service;
    int err = instance_check(wanted, refusal);
    if (err == ERR_OK && have) {
        err = owner_check("instance", have->owner, &have->place, wanted->owner, refusal);
    }
    if (err == ERR_OK) {
        err = expect_check("instance", have, have ? have->revision : 0, expect, refusal);
    }
    if (err != ERR_OK) {
        return err;
    }
    if (ret_same) {
        *ret_same = have && instance_same(have, wanted);
        if (*ret_same) {
            return ERR_OK;
        }
    }
    err = instance_service(registry, wanted, &service, refusal);
    if (err == ERR_OK && !entry && service->instance_count >= LIMIT_INSTANCES) {
        refusal_fill(refusal, "service", NULL, "the service has %d instances",
                     (int)LIMIT_INSTANCES);
        err = ERR_LIMIT;
    }
    if (err != ERR_OK) {
        registry_undo(registry, mark);
        return err;
    }
    bool made = !entry;
    struct instance copy = *wanted;
    copy.revision = registry->staged_revision;
    struct instance *frozen = instance_freeze(registry->alloc, &copy);
    if (!frozen || step_reserve(registry, 1) != ERR_OK ||
        (!entry && !(entry = instance_entry_new(registry, service, wanted->id)))) {
        mem_free(registry->alloc, frozen);
        registry_undo(registry, mark);
        return ERR_NOMEM;
    }
    stage(registry, &entry->object, frozen, made);
    return ERR_OK;
}

int registry_drop_instance(struct registry *registry, const uint8_t *name, const char *id,
                           const char *owner, uint64_t expect, struct refusal *refusal)
{
    struct instance_entry *entry = registry_instance(registry, name, id);
    const struct instance *have = entry ? wanted_of(&entry->object) : NULL;
    char text[NAME_TEXT_MAX];
    if (!have) {
        refusal_fill(refusal, "id", NULL, "%s has no instance %s", name_to_text(name, text), id);
        return ERR_NOT_FOUND;
    }
    int err = owner_check("instance", have->owner, &have->place, owner, refusal);
    if (err == ERR_OK) {
        err = expect_check("instance", true, have->revision, expect, refusal);
    }
    if (err == ERR_OK) {
        err = step_reserve(registry, 1);
    }
    if (err == ERR_OK) {
        stage(registry, &entry->object, NULL, false);
    }
    return err;
}

int registry_drop_service(struct registry *registry, const uint8_t *name, const char *owner,
                          uint64_t expect, struct refusal *refusal)
{
    struct service_entry *entry = registry_service(registry, name);
    const struct service *have = entry ? wanted_of(&entry->object) : NULL;
    char text[NAME_TEXT_MAX];
    size_t mark = registry->step_count;
    if (!have) {
        refusal_fill(refusal, "service", NULL, "no service %s is registered",
                     name_to_text(name, text));
        return ERR_NOT_FOUND;
    }
    int err = owner_check("service", have->owner, &have->place, owner, refusal);
    if (err == ERR_OK) {
        err = expect_check("service", true, have->revision, expect, refusal);
    }
    for (uint32_t i = 0; err == ERR_OK && i < entry->instance_count; i++) {
        if (wanted_of(&entry->instances[i]->object)) {
            err = registry_drop_instance(registry, name, entry->instances[i]->id, owner,
                                         REVISION_ANY, refusal);
        }
    }
    if (err == ERR_OK) {
        err = step_reserve(registry, 1);
    }
    if (err != ERR_OK) {
        registry_undo(registry, mark);
        return err;
    }
    stage(registry, &entry->object, NULL, false);
    return ERR_OK;
}

/* --- overrides -----------------------------------------------------------------------------------
 */

static char *override_copy(struct registry *registry, const struct override *from)
{
    size_t name = strlen(from->name) + 1, instance = strlen(from->instance) + 1;
    size_t reason = strlen(from->reason) + 1, owner = strlen(from->owner) + 1;
    size_t site = from->site ? strlen(from->site) + 1 : 0;
    struct override *copy =
        mem_new(registry->alloc, sizeof(*copy) + name + instance + reason + owner + site);
    if (!copy) {
        return NULL;
    }
    char *at = (char *)(copy + 1);
    *copy = *from;
    copy->name = memcpy(at, from->name, name);
    copy->instance = memcpy(at + name, from->instance, instance);
    copy->reason = memcpy(at + name + instance, from->reason, reason);
    copy->owner = memcpy(at + name + instance + reason, from->owner, owner);
    at += name + instance + reason + owner;
    copy->site = from->site ? memcpy(at, from->site, site) : NULL;
    return (char *)copy;
}

char *override_key(const char *name, const char *instance, const char *site,
                   char out[OVERRIDE_KEY_BYTES])
{
    snprintf(out, OVERRIDE_KEY_BYTES, "%.*s/%.*s%s%.*s", NAME_TEXT_MAX - 1, name,
             (int)LIMIT_INSTANCE_ID_BYTES, instance, site ? "@" : "", (int)LIMIT_LABEL_BYTES,
             site ? site : "");
    return out;
}

int registry_put_override(struct registry *registry, const struct override *wanted,
                          struct refusal *refusal)
{
    char key[OVERRIDE_KEY_BYTES];
    if (!wanted->reason || !wanted->reason[0] || strlen(wanted->reason) > 400) {
        return refusal_fill(refusal, "reason", "say why, for whoever finds it at night",
                            "an override needs a reason of at most 400 bytes");
    }
    if (strlen(wanted->name) == 0 || strlen(wanted->name) >= NAME_TEXT_MAX ||
        strlen(wanted->instance) > LIMIT_INSTANCE_ID_BYTES) {
        return refusal_fill(refusal, "name", NULL, "that is no pattern of a name");
    }
    if (wanted->site && (!wanted->site[0] || strlen(wanted->site) > LIMIT_LABEL_BYTES)) {
        return refusal_fill(refusal, "site", NULL, "that is no name of a site");
    }
    if (wanted->expires_at.ns <= wanted->set_at.ns) {
        return refusal_fill(refusal, "for", "an override ends by itself; name a duration",
                            "the override would have ended already");
    }
    override_key(wanted->name, wanted->instance, wanted->site, key);
    struct override_entry *entry = override_find(registry, key);
    bool made = !entry;
    if (made && registry->override_count >= LIMIT_OVERRIDES) {
        refusal_fill(refusal, "name", "end some of them, or use a pattern",
                     "there are %d overrides already", (int)LIMIT_OVERRIDES);
        return ERR_LIMIT;
    }
    struct override copy = *wanted;
    copy.revision = registry->staged_revision;
    char *frozen = override_copy(registry, &copy);
    if (!frozen || step_reserve(registry, 1) != ERR_OK ||
        (!entry && !(entry = override_entry_new(registry, key)))) {
        mem_free(registry->alloc, frozen);
        return ERR_NOMEM;
    }
    stage(registry, &entry->object, frozen, made);
    return ERR_OK;
}

int registry_drop_override(struct registry *registry, const char *key, struct refusal *refusal)
{
    struct override_entry *entry = override_find(registry, key);
    if (!entry || !wanted_of(&entry->object)) {
        refusal_fill(refusal, "name", NULL, "there is no override of %s", key);
        return ERR_NOT_FOUND;
    }
    int err = step_reserve(registry, 1);
    if (err == ERR_OK) {
        stage(registry, &entry->object, NULL, false);
    }
    return err;
}

uint32_t registry_override_count(const struct registry *registry)
{
    return registry->override_count;
}

struct override_entry *registry_override_at(const struct registry *registry, uint32_t i)
{
    return registry->overrides[i];
}

/* --- reading -------------------------------------------------------------------------------------
 */

static struct service_entry *bucket_service(const struct registry *registry, uint32_t bucket,
                                            struct object *at)
{
    for (;;) {
        for (; at; at = at->hash_next) {
            if (at->kind == OBJECT_SERVICE) {
                return (struct service_entry *)at;
            }
        }
        if (++bucket >= registry->bucket_count) {
            return NULL;
        }
        at = registry->buckets[bucket];
    }
}

struct service_entry *registry_first(const struct registry *registry)
{
    return bucket_service(registry, 0, registry->buckets[0]);
}

struct service_entry *registry_after(const struct registry *registry,
                                     const struct service_entry *entry)
{
    uint32_t bucket = entry->object.hash & (registry->bucket_count - 1);
    return bucket_service(registry, bucket, entry->object.hash_next);
}

uint32_t registry_service_count(const struct registry *registry)
{
    return registry->service_count;
}

uint64_t registry_instance_count(const struct registry *registry)
{
    return registry->instance_count;
}

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

bool glob_match(const char *pattern, const char *text)
{
    const char *star = NULL, *from = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            from = text;
        } else if (*pattern == '?' || lower(*pattern) == lower(*text)) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}
