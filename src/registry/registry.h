/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The registry: services, instances and operator overrides, with who owns them, and changes that
 * are first staged, then committed or undone as a whole.
 *
 *   change ─► put / drop: owner, revision and sense are judged ─► staged (`next`)
 *                  store says it is durable ─► registry_commit(): `next` becomes `now`
 *                  it failed                ─► registry_undo(): as if nobody had asked
 *
 * Who reads for answers looks only at `now`: nothing shows before it is durable. Changes that are
 * judged while others are staged see those (`next`). Each change is a revision of its own.
 *
 *   hash ─► service ─► instances[] (each also in the hash)      overrides (a list)
 *
 * Belongs to the one writer; memory from its allocator.
 */
#pragma once

#include "base/limits.h"
#include "registry/service.h"

enum override_action {
    OVERRIDE_UP,
    OVERRIDE_DOWN,
    OVERRIDE_DRAIN
};
const char *override_action_name(enum override_action action);

struct override {
    const char *name;     /* glob over names of services, without the final dot */
    const char *instance; /* glob over ids; "*" is the whole service */
    const char *site;     /* only instances in this site; NULL: wherever they are */
    enum override_action action;
    const char *reason, *owner;
    struct wall set_at, expires_at;
    uint64_t revision;
};

enum object_kind {
    OBJECT_SERVICE,
    OBJECT_INSTANCE,
    OBJECT_OVERRIDE
};

struct object {
    enum object_kind kind;
    bool staged;
    uint32_t hash; /* of the key; 0 in overrides, which are in no hash */
    uint32_t mark; /* a caller's, for sweeps over all objects */
    struct object *hash_next;
    void *now, *next; /* struct service, instance, override: served; wanted, when staged */
};

struct instance_entry;

struct service_entry {
    struct object object;
    uint8_t *name; /* the key: absolute, lower case */
    struct instance_entry **instances;
    uint32_t instance_count, instance_cap;
    void *attached; /* control's */
};

struct instance_entry {
    struct object object;
    struct service_entry *service;
    char *id;
    uint32_t index; /* in service->instances */
    void *attached; /* control's */
};

struct override_entry {
    struct object object;
    char *key; /* see override_key() */
};

static inline const struct service *service_now(const struct service_entry *entry)
{
    return entry->object.now;
}

static inline const struct instance *instance_now(const struct instance_entry *entry)
{
    return entry->object.now;
}

static inline const struct override *override_now(const struct override_entry *entry)
{
    return entry->object.now;
}

struct registry;

int registry_new(const struct alloc *alloc, struct registry **ret);
void registry_free(struct registry *registry);

/* --- staging. ERR_INVALID, ERR_REFUSED (another's), ERR_NOT_FOUND, ERR_EXISTS (a revision that
 * has passed), all with *refusal; ERR_NOMEM, ERR_LIMIT. Then nothing of the call is staged. ------
 */

#define REVISION_ANY UINT64_MAX
/* Compare-and-swap: 0 means that it must not exist yet. */

/* Owner and all fields as in the argument; its revision is set here. *ret_same (may be NULL): it is
 * so already, nothing was staged. */
int registry_put_service(struct registry *registry, const struct service *wanted, uint64_t expect,
                         bool *ret_same, struct refusal *refusal);
/* A service that is not there yet is made, with defaults, for the same owner. */
int registry_put_instance(struct registry *registry, const struct instance *wanted, uint64_t expect,
                          bool *ret_same, struct refusal *refusal);
int registry_put_override(struct registry *registry, const struct override *wanted,
                          struct refusal *refusal);
/* With all of its instances, which must have the same owner. */
int registry_drop_service(struct registry *registry, const uint8_t *name, const char *owner,
                          uint64_t expect, struct refusal *refusal);
int registry_drop_instance(struct registry *registry, const uint8_t *name, const char *id,
                           const char *owner, uint64_t expect, struct refusal *refusal);
/* "NAME/INSTANCE", of one site "NAME/INSTANCE@SITE". Returns out. */
enum {
    OVERRIDE_KEY_BYTES = NAME_TEXT_MAX + LIMIT_INSTANCE_ID_BYTES + LIMIT_LABEL_BYTES + 3
};
char *override_key(const char *name, const char *instance, const char *site,
                   char out[OVERRIDE_KEY_BYTES]);
int registry_drop_override(struct registry *registry, const char *key, struct refusal *refusal);

/* How much is staged; registry_undo() goes back to such a mark. 0: nothing. */
size_t registry_staged(const struct registry *registry);
/* Object i of what is staged, in the order asked for. */
struct object *registry_staged_at(const struct registry *registry, size_t i);
void registry_undo(struct registry *registry, size_t mark);
/* What is staged is served from now on. `each` (may be NULL) is told of every object once, with
 * what it was before (freed when it returns). Objects that are gone go afterwards. */
typedef void object_fn(void *ctx, struct object *object, const void *before);
void registry_commit(struct registry *registry, object_fn *each, void *ctx);

/* --- reading -------------------------------------------------------------------------------------
 */

/* The revision of the last commit, and that of the change staged last. */
uint64_t registry_revision(const struct registry *registry);
uint64_t registry_staged_revision(const struct registry *registry);
/* After a start: goes on counting from here. */
void registry_revision_set(struct registry *registry, uint64_t revision);
/* The next change is a new revision; changes until the next call share it. */
void registry_next(struct registry *registry);

struct service_entry *registry_service(const struct registry *registry, const uint8_t *name);
struct instance_entry *registry_instance(const struct registry *registry, const uint8_t *name,
                                         const char *id);
/* All services in no order: the first, then the one after; NULL at the end. */
struct service_entry *registry_first(const struct registry *registry);
struct service_entry *registry_after(const struct registry *registry,
                                     const struct service_entry *entry);
uint32_t registry_override_count(const struct registry *registry);
struct override_entry *registry_override_at(const struct registry *registry, uint32_t i);
uint32_t registry_service_count(const struct registry *registry);
uint64_t registry_instance_count(const struct registry *registry);

/* Does `*` and `?` pattern match the text, apart from case? */
bool glob_match(const char *pattern, const char *text);
