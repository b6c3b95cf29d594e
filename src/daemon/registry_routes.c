/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/registry_routes.h"

#include "api/json_text.h"
#include "api/registry_json.h"
#include "api/zones.h"
#include "base/error.h"
#include "base/limits.h"
#include "daemon/discovery.h"
#include "io/clock.h"
#include "store/registry_store.h"

#include <stdio.h>
#include <string.h>

/* --- asking for a change -------------------------------------------------------------------------
 */

enum {
    OWNER_BYTES = 128
};

/* A change on its way: the request waits until it is durable and published. */
struct change {
    struct asked asked;
    struct state *state;
    struct http_request *request;
    const json_t *body; /* the request's, or a part of it */
    struct arena arena;
    char owner[OWNER_BYTES];
    json_t *objects;                /* of a plan: what became of each */
    json_t *named;                  /* of a plan: what it names */
    const struct instance *renewed; /* of a registration that changes nothing: a heartbeat */
    struct instance instance;
};

static unsigned status_of(int err)
{
    switch (err) {
    case ERR_INVALID:
        return 400;
    case ERR_REFUSED:
    case ERR_PERMISSION:
        return 403;
    case ERR_NOT_FOUND:
        return 404;
    case ERR_EXISTS:
        return 409;
    case ERR_LIMIT:
        return 429;
    case ERR_AGAIN:
    case ERR_BUSY:
        return 503;
    case ERR_SPACE:
        return 507;
    default:
        return 500;
    }
}

void request_refuse(struct http_request *request, int err, const struct refusal *refusal)
{
    http_refuse(request, status_of(err), refusal->field[0] ? refusal->field : NULL,
                refusal->reason[0] ? refusal->reason : error_text(err),
                refusal->mend[0] ? refusal->mend : NULL);
}

static void renew_lease(const struct state *state, const struct instance *instance)
{
    struct services *services = discovery_services(state->discovery);
    struct instance_entry *entry =
        registry_instance(services_registry(services), instance->service, instance->id);
    if (entry && services_renew(services, entry, NULL, OUTCOME_NONE, "", clock_mono()) == ERR_OK) {
        discovery_publish(state->discovery, clock_mono());
    }
}

static void change_told(struct asked *asked, int err, const struct refusal *refusal,
                        uint64_t revision)
{
    struct change *change = (struct change *)asked;
    const struct state *state = change->state;
    if (err == ERR_OK && change->renewed && !asked->dry_run) {
        renew_lease(state, change->renewed);
    }
    if (err == ERR_OK) {
        json_t *body = json_pack("{s:b, s:I, s:b, s:b}", "ok", 1, "changed",
                                 (json_int_t)asked->staged, "dry_run", (int)asked->dry_run,
                                 "durable", discovery_store(state->discovery) != NULL);
        if (change->objects) {
            json_object_set(body, "objects", change->objects);
        }
        body_numbers(state, body, revision);
        http_reply(change->request, 200, body);
    } else {
        request_refuse(change->request, err, refusal);
    }
    json_decref(change->objects);
    json_decref(change->named);
    arena_deinit(&change->arena);
    mem_free(state->alloc, change);
}

/* In time that does not tell how much of it is right. */
static bool token_same(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    unsigned differ = a_len != b_len;
    for (size_t i = 0; i < a_len; i++) {
        differ |= (unsigned)(a[i] ^ b[b_len ? i % b_len : 0]);
    }
    return differ == 0;
}

static const struct api_token *token_of(const struct state *state,
                                        const struct http_request *request)
{
    static const char scheme[] = "Bearer ";
    const struct config *config = state->epoch->config;
    const char *header = http_header(request, "Authorization");
    const struct api_token *found = NULL;
    if (!header || strncmp(header, scheme, sizeof(scheme) - 1) != 0) {
        return NULL;
    }
    for (uint32_t i = 0; i < config->token_count; i++) {
        if (token_same(header + sizeof(scheme) - 1, config->tokens[i].token)) {
            found = &config->tokens[i];
        }
    }
    return found;
}

/* The name before the port of a Host header: localhost, or an address. */
static bool host_is_ours(const char *host)
{
    char name[ADDRESS_TEXT_BYTES];
    struct address address;
    size_t len = host[0] == '[' ? strcspn(host + 1, "]") : strcspn(host, ":");
    const char *from = host + (host[0] == '[');
    if (len >= sizeof(name)) {
        return false;
    }
    memcpy(name, from, len);
    name[len] = '\0';
    return strcmp(name, "localhost") == 0 || address_from_text(name, &address) == ERR_OK;
}

void api_guard(void *ctx, struct http_request *request)
{
    const char *host = http_header(request, "Host");
    if (http_header(request, "Origin") || (host && !host_is_ours(host))) {
        http_refuse(request, 403, "Host", "a page of another site may not ask here",
                    "ask for localhost, or for the address, outside of a browser");
    } else if (strcmp(http_method(request), "GET") != 0 && !token_of(ctx, request)) {
        http_refuse(request, 401, "Authorization", "a request that changes something needs a token",
                    "Authorization: Bearer TOKEN, one of api.tokens");
    }
}

/* Who asks: the user at the other end of the socket, or the owner of the token. */
bool request_owner(const struct state *state, const struct http_request *request, char *out,
                   size_t size)
{
    uint32_t uid;
    if (http_peer_user(request, &uid)) {
        snprintf(out, size, "unix:%u", uid);
        return true;
    }
    const struct api_token *token = token_of(state, request);
    if (token) {
        snprintf(out, size, "api:%s", token->name);
    }
    return token != NULL;
}

/* Every member that a request may have; a word that nobody knows, or of another kind than it
 * should be, must not turn a small request into a large one. */
struct member {
    const char *key;
    enum member_kind {
        MEMBER_ANY,
        MEMBER_TEXT,
        MEMBER_FLAG
    } kind;
};

static int member_judge(const struct member *member, const json_t *value, struct refusal *refusal)
{
    if (member->kind == MEMBER_FLAG && !json_is_boolean(value)) {
        return refusal_fill(refusal, member->key, "true or false",
                            "that is neither true nor false");
    }
    if (member->kind == MEMBER_TEXT && !json_is_string(value)) {
        return refusal_fill(refusal, member->key, "a text", "that is no text");
    }
    return ERR_OK;
}

/* `known` ends with a NULL key. */
static int members_judge(const json_t *body, const struct member *known, struct refusal *refusal)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)body, key, value)
    {
        const struct member *member = known;
        while (member->key && strcmp(member->key, key) != 0) {
            member++;
        }
        char shown[64];
        snprintf(shown, sizeof(shown), "%.60s", key);
        if (!member->key) {
            char all[160] = "";
            for (member = known; member->key; member++) {
                size_t len = strlen(all);
                snprintf(all + len, sizeof(all) - len, "%s%s", len ? ", " : "", member->key);
            }
            return refusal_fill(refusal, shown, all, "a request of this kind has no such field");
        }
        int err = member_judge(member, value, refusal);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

/* What every change may have; the fields of the object itself are judged where they are read. */
static int wish_judge(const json_t *body, struct refusal *refusal)
{
    static const struct member all[] = {
        {"dry_run", MEMBER_FLAG}, {"why", MEMBER_TEXT}, {NULL, MEMBER_ANY}};
    int err = ERR_OK;
    for (const struct member *member = all; err == ERR_OK && member->key; member++) {
        const json_t *value = json_object_get(body, member->key);
        err = value ? member_judge(member, value, refusal) : ERR_OK;
    }
    return err;
}

static void ask(void *ctx, struct http_request *request,
                int (*stage)(struct asked *, struct registry *, struct refusal *))
{
    struct state *state = ctx;
    const json_t *body = http_body(request);
    struct change *change = mem_new_zero(state->alloc, 1, sizeof(*change));
    if (!change) {
        http_refuse(request, 500, NULL, error_text(ERR_NOMEM), NULL);
        return;
    }
    if (!body || !request_owner(state, request, change->owner, OWNER_BYTES)) {
        mem_free(state->alloc, change);
        http_refuse(request, body ? 403 : 400, body ? "token" : "body",
                    body ? "nobody knows who asks" : "the request has no body",
                    body ? "ask over the control socket" : "send a JSON object");
        return;
    }
    struct refusal refusal;
    int err = wish_judge(body, &refusal);
    if (err != ERR_OK) {
        mem_free(state->alloc, change);
        request_refuse(request, err, &refusal);
        return;
    }
    change->state = state;
    change->request = request;
    change->body = body;
    arena_init(&change->arena, state->alloc);
    change->asked = (struct asked){
        .stage = stage,
        .told = change_told,
        .owner = change->owner,
        .why = json_string_value(json_object_get(body, "why")),
        .dry_run = json_is_true(json_object_get(body, "dry_run")),
    };
    err = discovery_ask(state->discovery, &change->asked);
    if (err != ERR_OK) {
        refusal =
            (struct refusal){.reason = "too many changes wait", .mend = "ask again a little later"};
        change_told(&change->asked, err, &refusal, 0);
    }
}

/* "expect": a revision, 0: not there yet; absent: any. */
static int expect_of(const json_t *body, uint64_t *ret, struct refusal *refusal)
{
    const json_t *expect = json_object_get(body, "expect");
    *ret = REVISION_ANY;
    if (!expect) {
        return ERR_OK;
    }
    if (!json_is_integer(expect) || json_integer_value(expect) < 0) {
        return refusal_fill(refusal, "expect", "the revision that was read; 0: it is not there yet",
                            "that is no revision");
    }
    *ret = (uint64_t)json_integer_value(expect);
    return ERR_OK;
}

static const char *const SKIPPED[] = {"expect", "dry_run", "why", NULL};

static int stage_register(struct asked *asked, struct registry *registry, struct refusal *refusal)
{
    struct change *change = (struct change *)asked;
    struct instance *instance = &change->instance;
    uint64_t expect;
    bool same = false;
    int err = expect_of(change->body, &expect, refusal);
    err = err == ERR_OK
              ? instance_from_json(change->body, &change->arena, SKIPPED, instance, refusal)
              : err;
    instance->owner = change->owner;
    err = err == ERR_OK ? registry_put_instance(registry, instance, expect, &same, refusal) : err;
    change->renewed = err == ERR_OK && same ? instance : NULL;
    return err;
}

/* Registering what is registered already is a heartbeat, too. */
void route_register(void *ctx, struct http_request *request)
{
    ask(ctx, request, stage_register);
}

static int stage_service(struct asked *asked, struct registry *registry, struct refusal *refusal)
{
    struct change *change = (struct change *)asked;
    struct service service;
    uint64_t expect;
    bool same;
    int err = expect_of(change->body, &expect, refusal);
    err = err == ERR_OK
              ? service_from_json(change->body, &change->arena, SKIPPED, &service, refusal)
              : err;
    service.owner = change->owner;
    return err == ERR_OK ? registry_put_service(registry, &service, expect, &same, refusal) : err;
}

void route_service(void *ctx, struct http_request *request)
{
    ask(ctx, request, stage_service);
}

static int stage_deregister(struct asked *asked, struct registry *registry, struct refusal *refusal)
{
    static const struct member known[] = {{"service", MEMBER_TEXT}, {"id", MEMBER_TEXT},
                                          {"expect", MEMBER_ANY},   {"dry_run", MEMBER_FLAG},
                                          {"why", MEMBER_TEXT},     {NULL, MEMBER_ANY}};
    struct change *change = (struct change *)asked;
    const json_t *id = json_object_get(change->body, "id");
    const uint8_t *name;
    uint64_t expect;
    int err = members_judge(change->body, known, refusal);
    err = err == ERR_OK ? expect_of(change->body, &expect, refusal) : err;
    err = err == ERR_OK
              ? service_name_from_json(change->body, "service", &change->arena, &name, refusal)
              : err;
    if (err != ERR_OK) {
        return err;
    }
    return id ? registry_drop_instance(registry, name, json_string_value(id), change->owner, expect,
                                       refusal)
              : registry_drop_service(registry, name, change->owner, expect, refusal);
}

void route_deregister(void *ctx, struct http_request *request)
{
    ask(ctx, request, stage_deregister);
}

/* What ended a day ago has been looked at long enough; it goes with the next one that is set. */
static int overrides_forget(struct change *change, struct registry *registry,
                            struct refusal *refusal)
{
    const int64_t day_ns = INT64_C(86400000000000);
    int64_t now = clock_wall().ns;
    int err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < registry_override_count(registry); i++) {
        const struct override_entry *entry = registry_override_at(registry, i);
        const struct override *override = override_now(entry);
        if (override && !entry->object.staged && override->expires_at.ns < now - day_ns) {
            const char *key = arena_format(&change->arena, "%s", entry->key);
            err = key ? registry_drop_override(registry, key, refusal) : ERR_NOMEM;
        }
    }
    return err;
}

static int stage_override(struct asked *asked, struct registry *registry, struct refusal *refusal)
{
    static const struct member known[] = {{"name", MEMBER_TEXT},   {"instance", MEMBER_TEXT},
                                          {"site", MEMBER_TEXT},   {"action", MEMBER_TEXT},
                                          {"reason", MEMBER_TEXT}, {"for", MEMBER_ANY},
                                          {"end", MEMBER_FLAG},    {"dry_run", MEMBER_FLAG},
                                          {"why", MEMBER_TEXT},    {NULL, MEMBER_ANY}};
    struct change *change = (struct change *)asked;
    struct override override;
    int err = members_judge(change->body, known, refusal);
    if (err != ERR_OK) {
        return err;
    }
    if (json_is_true(json_object_get(change->body, "end"))) {
        const char *name = json_string_value(json_object_get(change->body, "name"));
        const char *instance = json_string_value(json_object_get(change->body, "instance"));
        const char *site = json_string_value(json_object_get(change->body, "site"));
        char key[OVERRIDE_KEY_BYTES];
        override_key(name ? name : "*", instance ? instance : "*", site, key);
        return registry_drop_override(registry, key, refusal);
    }
    err = overrides_forget(change, registry, refusal);
    err = err == ERR_OK ? override_from_json(change->body, clock_wall(), false, &override, refusal)
                        : err;
    override.owner = change->owner;
    return err == ERR_OK ? registry_put_override(registry, &override, refusal) : err;
}

void route_override(void *ctx, struct http_request *request)
{
    ask(ctx, request, stage_override);
}

/* --- a plan --------------------------------------------------------------------------------------
 */

/* What happened to one object, for the answer. */
static void plan_note(struct change *change, const char *what, const char *name, const char *id,
                      const char *action)
{
    json_array_append_new(change->objects,
                          json_pack("{s:s, s:o, s:o, s:s}", "kind", what, "service",
                                    json_text(name), "id", json_text(id), "action", action));
}

/* The place of a fault inside a plan. */
static void plan_place(struct refusal *refusal, const char *path)
{
    char field[sizeof(refusal->field)];
    snprintf(field, sizeof(field), "%.48s.%.46s", path, refusal->field);
    memcpy(refusal->field, field, sizeof(field));
}

/* What a plan names, so that the rest can be pruned: "NAME" and "NAME/ID". */
static const char *plan_key(const uint8_t *name, const char *id, char *out, size_t size)
{
    char text[NAME_TEXT_MAX];
    snprintf(out, size, "%s%s%s", name_to_text(name, text), id ? "/" : "", id ? id : "");
    return out;
}

enum {
    PLAN_KEY_BYTES = NAME_TEXT_MAX + LIMIT_INSTANCE_ID_BYTES + 2
};

static void plan_named(struct change *change, const uint8_t *name, const char *id)
{
    char key[PLAN_KEY_BYTES];
    json_object_set_new(change->named, plan_key(name, NULL, key, sizeof(key)), json_true());
    if (id) {
        json_object_set_new(change->named, plan_key(name, id, key, sizeof(key)), json_true());
    }
}

static bool plan_names(const struct change *change, const uint8_t *name, const char *id)
{
    char key[PLAN_KEY_BYTES];
    return json_object_get(change->named, plan_key(name, id, key, sizeof(key))) != NULL;
}

static int plan_instances(struct change *change, struct registry *registry, const json_t *list,
                          const char *path, const json_t *service, struct refusal *refusal)
{
    int err = ERR_OK;
    if (list && !json_is_array(list)) {
        return refusal_fill(refusal, path, "a list of objects", "that is no list");
    }
    for (size_t i = 0; err == ERR_OK && i < json_array_size(list); i++) {
        json_t *item = json_array_get(list, i);
        struct instance instance;
        bool same = false;
        char place[64];
        if (service && json_is_object(item) && !json_object_get(item, "service")) {
            json_object_set(item, "service", (json_t *)(uintptr_t)service);
        }
        err = instance_from_json(item, &change->arena, NULL, &instance, refusal);
        instance.owner = change->owner;
        err = err == ERR_OK
                  ? registry_put_instance(registry, &instance, REVISION_ANY, &same, refusal)
                  : err;
        if (err != ERR_OK) {
            snprintf(place, sizeof(place), "%.40s[%zu]", path, i);
            plan_place(refusal, place);
        } else {
            plan_named(change, instance.service, instance.id);
            plan_note(change, "instance", json_string_value(json_object_get(item, "service")),
                      instance.id, same ? "unchanged" : "set");
        }
    }
    return err;
}

static int plan_services(struct change *change, struct registry *registry, struct refusal *refusal)
{
    static const char *const skip[] = {"instances", NULL};
    const json_t *list = json_object_get(change->body, "services");
    int err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i), *name = json_object_get(item, "service");
        struct service service;
        bool same = false;
        char place[64];
        err = service_from_json(item, &change->arena, skip, &service, refusal);
        service.owner = change->owner;
        err = err == ERR_OK ? registry_put_service(registry, &service, REVISION_ANY, &same, refusal)
                            : err;
        if (err != ERR_OK) {
            snprintf(place, sizeof(place), "services[%zu]", i);
            plan_place(refusal, place);
            break;
        }
        plan_named(change, service.name, NULL);
        plan_note(change, "service", json_string_value(name), NULL, same ? "unchanged" : "set");
        snprintf(place, sizeof(place), "services[%zu].instances", i);
        err = plan_instances(change, registry, json_object_get(item, "instances"), place, name,
                             refusal);
    }
    return err;
}

/* "prune": what this owner has and the plan does not name goes. */
static int plan_prune(struct change *change, struct registry *registry, struct refusal *refusal)
{
    int err = ERR_OK;
    for (struct service_entry *at = registry_first(registry); at && err == ERR_OK;
         at = registry_after(registry, at)) {
        const struct service *service = service_now(at);
        char name[NAME_TEXT_MAX];
        name_to_text(at->name, name);
        for (uint32_t i = 0; err == ERR_OK && i < at->instance_count; i++) {
            const struct instance *instance = instance_now(at->instances[i]);
            if (instance && strcmp(instance->owner, change->owner) == 0 &&
                !plan_names(change, at->name, instance->id)) {
                plan_note(change, "instance", name, instance->id, "removed");
                err = registry_drop_instance(registry, at->name, instance->id, change->owner,
                                             REVISION_ANY, refusal);
            }
        }
        if (err == ERR_OK && service && strcmp(service->owner, change->owner) == 0 &&
            !plan_names(change, at->name, NULL)) {
            plan_note(change, "service", name, NULL, "removed");
            err = registry_drop_service(registry, at->name, change->owner, REVISION_ANY, refusal);
        }
    }
    return err;
}

static int plan_shape(const struct change *change, struct refusal *refusal)
{
    static const struct member known[] = {{"services", MEMBER_ANY}, {"instances", MEMBER_ANY},
                                          {"dry_run", MEMBER_FLAG}, {"expect", MEMBER_ANY},
                                          {"prune", MEMBER_FLAG},   {"why", MEMBER_TEXT},
                                          {NULL, MEMBER_ANY}};
    int err = members_judge(change->body, known, refusal);
    if (err != ERR_OK) {
        return err;
    }
    const json_t *services = json_object_get(change->body, "services");
    const json_t *instances = json_object_get(change->body, "instances");
    if ((services && !json_is_array(services)) || (instances && !json_is_array(instances))) {
        return refusal_fill(refusal,
                            services && !json_is_array(services) ? "services" : "instances",
                            "a list of objects", "that is no list");
    }
    return ERR_OK;
}

static int stage_plan(struct asked *asked, struct registry *registry, struct refusal *refusal)
{
    struct change *change = (struct change *)asked;
    uint64_t expect;
    int err = expect_of(change->body, &expect, refusal);
    if (err == ERR_OK) {
        err = plan_shape(change, refusal);
    }
    if (err == ERR_OK && expect != REVISION_ANY && expect != asked->revision - 1) {
        refusal_fill(refusal, "expect", "read the registry again, and make the plan anew",
                     "the registry is at revision %llu, not %llu: the plan is older than that",
                     (unsigned long long)(asked->revision - 1), (unsigned long long)expect);
        return ERR_EXISTS;
    }
    change->objects = json_array();
    change->named = json_object();
    err = err == ERR_OK ? plan_services(change, registry, refusal) : err;
    if (err == ERR_OK) {
        err = plan_instances(change, registry, json_object_get(change->body, "instances"),
                             "instances", NULL, refusal);
    }
    if (err == ERR_OK && json_is_true(json_object_get(change->body, "prune"))) {
        err = plan_prune(change, registry, refusal);
    }
    return err;
}

void route_apply(void *ctx, struct http_request *request)
{
    ask(ctx, request, stage_plan);
}

/* --- heartbeats ----------------------------------------------------------------------------------
 */

static bool outcome_of(const char *status, enum outcome_kind *ret)
{
    *ret = OUTCOME_PASS;
    if (!status || strcmp(status, "passing") == 0) {
        return true;
    }
    *ret = strcmp(status, "warning") == 0 ? OUTCOME_WARN : OUTCOME_FAIL;
    return *ret == OUTCOME_WARN || strcmp(status, "critical") == 0;
}

static int renew(struct state *state, struct http_request *request, struct refusal *refusal)
{
    static const struct member known[] = {{"service", MEMBER_TEXT}, {"id", MEMBER_TEXT},
                                          {"check", MEMBER_TEXT},   {"status", MEMBER_TEXT},
                                          {"note", MEMBER_TEXT},    {NULL, MEMBER_ANY}};
    const json_t *body = http_body(request);
    const char *id = json_string_value(json_object_get(body, "id"));
    const char *check = json_string_value(json_object_get(body, "check"));
    const char *note = json_string_value(json_object_get(body, "note"));
    const uint8_t *name;
    char owner[OWNER_BYTES];
    struct arena arena;
    enum outcome_kind outcome;
    struct services *services = discovery_services(state->discovery);
    if (!request_owner(state, request, owner, OWNER_BYTES)) {
        refusal_fill(refusal, "token", "ask over the control socket", "nobody knows who asks");
        return ERR_PERMISSION;
    }
    arena_init(&arena, state->alloc);
    int err = members_judge(body, known, refusal);
    err = err == ERR_OK ? service_name_from_json(body, "service", &arena, &name, refusal) : err;
    struct instance_entry *entry =
        err == ERR_OK && id ? registry_instance(services_registry(services), name, id) : NULL;
    const struct instance *instance = entry ? instance_now(entry) : NULL;
    arena_deinit(&arena);
    if (err != ERR_OK) {
        return err;
    }
    if (!instance) {
        refusal_fill(refusal, "id", "register it first", "no such instance is registered");
        return ERR_NOT_FOUND;
    }
    if (strcmp(instance->owner, owner) != 0) {
        refusal_fill(refusal, "owner", "its owner renews it", "the instance belongs to %s",
                     instance->owner);
        return ERR_REFUSED;
    }
    if (!outcome_of(json_string_value(json_object_get(body, "status")), &outcome)) {
        return refusal_fill(refusal, "status", "passing, warning or critical", "that is no status");
    }
    err = services_renew(services, entry, check, outcome, note ? note : "", clock_mono());
    if (err != ERR_OK) {
        bool goes = entry->object.staged && !entry->object.next;
        refusal_fill(refusal, goes ? "id" : "check",
                     goes ? "register it again" : "name a check of kind ttl",
                     goes ? "the instance is being removed" : "the instance has no such check");
    }
    return err;
}

void route_renew(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    struct refusal refusal = {.field = ""};
    int err = renew(state, request, &refusal);
    if (err != ERR_OK) {
        request_refuse(request, err, &refusal);
        return;
    }
    discovery_publish(state->discovery, clock_mono());
    json_t *body = json_pack("{s:b}", "ok", 1);
    body_numbers(state, body,
                 registry_revision(services_registry(discovery_services(state->discovery))));
    http_reply(request, 200, body);
}

/* --- back to an earlier state --------------------------------------------------------------------
 *
 * Of each service of this owner that was changed after the revision: what it was before the first
 * of those changes. Instances, leases and verdicts stay as they are.
 */

struct restoring {
    json_t *states; /* name → body, or null: it was not there */
    uint64_t revision;
    unsigned seen; /* events */
    bool known;    /* the history reaches back as far */
};

static int restore_event(void *ctx, const struct store_event *event)
{
    struct restoring *restoring = ctx;
    restoring->seen++;
    if (event->revision <= restoring->revision) {
        restoring->known = true;
        return ERR_OK;
    }
    if (event->kind == STORE_SERVICE) { /* newest first: the oldest stays */
        json_object_set_new(restoring->states, event->name,
                            event->before ? json_loads(event->before, 0, NULL) : json_null());
    }
    return ERR_OK;
}

static int restore_one(struct change *change, struct registry *registry, const char *name,
                       const json_t *body, struct refusal *refusal)
{
    uint8_t wire[NAME_MAX];
    struct service service;
    bool same = false;
    if (name_from_text(name, NULL, wire) != ERR_OK) {
        return ERR_OK;
    }
    const struct service_entry *entry = registry_service(registry, wire);
    const struct service *now = entry ? service_now(entry) : NULL;
    if (now && strcmp(now->owner, change->owner) != 0) {
        return ERR_OK; /* each object for its owner */
    }
    if (json_is_null(body)) {
        if (now && entry->instance_count == 0) {
            plan_note(change, "service", name, NULL, "removed");
            return registry_drop_service(registry, wire, change->owner, REVISION_ANY, refusal);
        }
        return ERR_OK; /* it has instances, and those are never restored backwards */
    }
    int err = service_from_json(body, &change->arena, NULL, &service, refusal);
    service.owner = change->owner;
    err = err == ERR_OK ? registry_put_service(registry, &service, REVISION_ANY, &same, refusal)
                        : err;
    if (err == ERR_OK) {
        plan_note(change, "service", name, NULL, same ? "unchanged" : "set");
    }
    return err;
}

static int stage_restore(struct asked *asked, struct registry *registry, struct refusal *refusal)
{
    struct change *change = (struct change *)asked;
    struct registry_store *store = discovery_store(change->state->discovery);
    const json_t *revision = json_object_get(change->body, "revision");
    struct restoring restoring = {.states = json_object()};
    const char *name;
    json_t *body;
    static const struct member known[] = {{"revision", MEMBER_ANY},
                                          {"dry_run", MEMBER_FLAG},
                                          {"why", MEMBER_TEXT},
                                          {NULL, MEMBER_ANY}};
    int err = members_judge(change->body, known, refusal);
    change->objects = json_array();
    if (err != ERR_OK) {
        json_decref(restoring.states);
        return err;
    }
    if (!store || !json_is_integer(revision) || json_integer_value(revision) < 0) {
        json_decref(restoring.states);
        return refusal_fill(refusal, "revision", "horizon history lists them",
                            store ? "that is no revision"
                                  : "without a data folder nothing is remembered");
    }
    restoring.revision = (uint64_t)json_integer_value(revision);
    err = registry_store_history(store, UINT64_MAX, LIMIT_HISTORY, restore_event, &restoring);
    /* A history that has forgotten nothing reaches back to the beginning. */
    if (err == ERR_OK && !restoring.known && restoring.seen >= LIMIT_HISTORY) {
        refusal_fill(refusal, "revision", "horizon history lists what is remembered",
                     "the history does not reach back to revision %llu",
                     (unsigned long long)restoring.revision);
        err = ERR_NOT_FOUND;
    }
    if (err == ERR_OK) {
        json_object_foreach(restoring.states, name, body)
        {
            err = restore_one(change, registry, name, body, refusal);
            if (err != ERR_OK) {
                break;
            }
        }
    }
    json_decref(restoring.states);
    return err;
}

void route_restore(void *ctx, struct http_request *request)
{
    ask(ctx, request, stage_restore);
}
