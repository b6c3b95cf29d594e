/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/failover_routes.h"

#include "api/json_text.h"
#include "api/plan.h"
#include "api/registry_json.h"
#include "api/zones.h"
#include "base/error.h"
#include "base/limits.h"
#include "control/incidents.h"
#include "daemon/discovery.h"
#include "daemon/log.h"
#include "daemon/registry_routes.h"
#include "io/clock.h"

#include <stdio.h>
#include <string.h>

static struct registry *registry_of(const struct state *state)
{
    return services_registry(discovery_services(state->discovery));
}

/* --- sites ---------------------------------------------------------------------------------------
 */

/* What is known of one site, while the registry is walked. */
struct site_sum {
    const char *name;
    uint32_t instances, working, services, down, waiting, held;
    const struct service_entry *last; /* counted last */
};

struct site_sums {
    struct site_sum at[2 * LIMIT_TAGS];
    unsigned count;
};

/* NULL: there is no room for another one. */
static struct site_sum *sum_of(struct site_sums *sums, const char *name)
{
    for (unsigned i = 0; i < sums->count; i++) {
        if (strcmp(sums->at[i].name, name) == 0) {
            return &sums->at[i];
        }
    }
    if (sums->count == sizeof(sums->at) / sizeof(sums->at[0])) {
        return NULL;
    }
    sums->at[sums->count] = (struct site_sum){.name = name};
    return &sums->at[sums->count++];
}

static void service_sum(struct site_sums *sums, const struct services *services,
                        const struct service_entry *entry, struct mono now)
{
    struct site_status states[LIMIT_TAGS];
    for (uint32_t i = 0; i < entry->instance_count; i++) {
        const struct instance *instance = instance_now(entry->instances[i]);
        struct site_sum *sum = instance && instance->site ? sum_of(sums, instance->site) : NULL;
        struct instance_status status;
        if (sum) {
            instance_status(services, entry->instances[i], now, &status);
            sum->instances++;
            sum->working += verdict_works(status.verdict);
            sum->services += sum->last != entry;
            sum->last = entry;
        }
    }
    unsigned count = services_sites(entry, states, LIMIT_TAGS);
    for (unsigned i = 0; i < count && i < LIMIT_TAGS; i++) {
        struct site_sum *sum = sum_of(sums, states[i].name);
        if (sum) {
            sum->down += states[i].down;
            sum->held += states[i].held;
            sum->waiting += !states[i].down && states[i].waits;
        }
    }
}

/* What an operator declared of the whole site; NULL: nothing. */
static const struct override *declared_of(const struct state *state, const char *site)
{
    const struct override *found = NULL;
    for (uint32_t i = 0; i < registry_override_count(registry_of(state)); i++) {
        const struct override *at = override_now(registry_override_at(registry_of(state), i));
        if (at && at->site && strcmp(at->site, site) == 0 && strcmp(at->name, "*") == 0 &&
            at->expires_at.ns > clock_wall().ns && (!found || at->revision > found->revision)) {
            found = at;
        }
    }
    return found;
}

static json_t *sum_json(const struct state *state, const struct site_sum *sum)
{
    const struct services *services = discovery_services(state->discovery);
    const struct override *declared = declared_of(state, sum->name);
    struct site_checks_status checks;
    json_t *item =
        json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "site", json_text(sum->name), "services",
                  (json_int_t)sum->services, "instances", (json_int_t)sum->instances, "working",
                  (json_int_t)sum->working, "failed", (json_int_t)sum->down, "waiting",
                  (json_int_t)sum->waiting, "held", (json_int_t)sum->held);
    if (declared) {
        json_t *override = override_to_json(declared);
        json_object_set_new(override, "owner", json_text(declared->owner));
        json_object_set_new(override, "ends", wall_to_json(declared->expires_at));
        json_object_set_new(item, "declared", override);
    }
    if (services_site_checks(services, sum->name, &checks)) {
        json_object_set_new(item, "checks",
                            json_pack("{s:b, s:i, s:i}", "failed", (int)checks.failed, "passing",
                                      (int)checks.passing, "checks", (int)checks.count));
    }
    return item;
}

void route_sites(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    const struct desired *desired = &state->epoch->config->desired;
    struct site_sums sums = {.count = 0};
    struct mono now = clock_mono();
    json_t *list = json_array(), *body = json_object();
    for (uint32_t i = 0; i < desired->site_count; i++) {
        sum_of(&sums, desired->sites[i].name);
    }
    for (struct service_entry *at = registry_first(registry_of(state)); at;
         at = registry_after(registry_of(state), at)) {
        if (service_now(at)) {
            service_sum(&sums, discovery_services(state->discovery), at, now);
        }
    }
    for (unsigned i = 0; i < sums.count; i++) {
        json_array_append_new(list, sum_json(state, &sums.at[i]));
    }
    json_object_set_new(body, "sites", list);
    body_numbers(state, body, registry_revision(registry_of(state)));
    http_reply(request, 200, body);
}

/* --- incidents -----------------------------------------------------------------------------------
 */

/* "…_at" as a date to the millisecond, and seconds since the first sign. */
static void time_add(json_t *json, const char *what, const char *after, struct wall at,
                     struct wall first)
{
    json_object_set_new(json, what, at.ns ? wall_ms_to_json(at) : json_null());
    if (at.ns) {
        json_object_set_new(json, after, json_real((double)(at.ns - first.ns) / 1e9));
    }
}

static json_t *incident_json(const struct incident *incident)
{
    json_t *item = json_pack(
        "{s:I, s:o, s:s, s:s, s:I, s:I, s:o, s:I}", "incident", (json_int_t)incident->number,
        "site", json_text(incident->site), "cause", failover_cause_name(incident->cause), "because",
        failover_cause_text(incident->cause), "services", (json_int_t)incident->services, "back",
        (json_int_t)incident->back, "first", json_text(incident->first), "generation",
        (json_int_t)incident->generation);
    json_object_set_new(item, "failed_at", wall_ms_to_json(incident->failed_at));
    time_add(item, "detected_at", "detected", incident->detected_at, incident->failed_at);
    time_add(item, "changed_at", "changed", incident->changed_at, incident->failed_at);
    time_add(item, "half_at", "half", incident->half_at, incident->failed_at);
    time_add(item, "over_at", "over", incident->over_at, incident->failed_at);
    time_add(item, "back_at", "taken_back", incident->back_at, incident->failed_at);
    return item;
}

void route_incidents(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    struct incidents *incidents = discovery_incidents(state->discovery);
    json_t *list = json_array(), *body = json_object();
    const struct incident *at = NULL;
    for (uint32_t i = 0; (at = incidents_at(incidents, i)) != NULL; i++) {
        json_array_append_new(list, incident_json(at));
    }
    json_object_set_new(body, "incidents", list);
    body_numbers(state, body, registry_revision(registry_of(state)));
    http_reply(request, 200, body);
}

/* --- what to expect ------------------------------------------------------------------------------
 */

static int service_plan_add(const struct state *state, const struct service_entry *entry,
                            const struct plan_world *world, json_t *list)
{
    uint32_t count = 0;
    const struct instance **instances =
        mem_new(state->alloc, (entry->instance_count + 1) * sizeof(void *));
    if (!instances) {
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < entry->instance_count; i++) {
        const struct instance *instance = instance_now(entry->instances[i]);
        if (instance) {
            instances[count++] = instance;
        }
    }
    json_array_append_new(list, plan_to_json(world, service_now(entry), instances, count));
    mem_free(state->alloc, instances);
    return ERR_OK;
}

void route_plan(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    const struct config *config = state->epoch->config;
    const char *pattern = http_param(request, "name");
    struct plan_world world = plan_world_of(
        config->desired.sites, config->desired.site_count, config->cache_minimum_ttl_ms,
        config->cache_serve_stale_ms, config->cache_client_pin_ms);
    struct discovery_status status;
    const char *field =
        plan_world_read(&world, http_param(request, "budget"), http_param(request, "caches"));
    json_t *list = json_array(), *body = json_object();
    int err = ERR_OK;
    discovery_status(state->discovery, &status);
    if (status.publish_samples > 0) {
        world.publish_ms = (uint32_t)((status.publish_p99_us + 999) / 1000);
    }
    for (struct service_entry *at = registry_first(registry_of(state)); at && err == ERR_OK;
         at = registry_after(registry_of(state), at)) {
        char name[NAME_TEXT_MAX];
        name_to_text(at->name, name);
        name[strlen(name) - 1] = '\0';
        if (service_now(at) && (!pattern || glob_match(pattern, name))) {
            err = service_plan_add(state, at, &world, list);
        }
    }
    if (field || err != ERR_OK) {
        json_decref(list);
        json_decref(body);
        http_refuse(request, field ? 400 : 500, field,
                    field ? "that is no budget, or no number of caches" : error_text(err),
                    field ? "such as budget=30s, caches=100" : NULL);
        return;
    }
    json_object_set_new(body, "services", list);
    body_numbers(state, body, registry_revision(registry_of(state)));
    http_reply(request, 200, body);
}

/* --- failback ------------------------------------------------------------------------------------
 */

/* A body with a site, and one more text; both may be left out. false: *ret_field is wrong. */
static bool site_read(const json_t *body, const char *other, const char **ret_other,
                      const char **ret_site, const char **ret_field)
{
    const char *key;
    json_t *value;
    *ret_field = "body";
    if (!json_is_object(body)) {
        return false;
    }
    json_object_foreach((json_t *)(uintptr_t)body, key, value)
    {
        bool known = strcmp(key, other) == 0 || strcmp(key, "site") == 0;
        if (!known || !json_is_string(value)) {
            *ret_field = known ? key : "body";
            return false;
        }
    }
    *ret_other = json_string_value(json_object_get(body, other));
    *ret_site = json_string_value(json_object_get(body, "site"));
    return true;
}

void route_failback(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    struct services *services = discovery_services(state->discovery);
    const char *pattern, *site, *field;
    struct mono now = clock_mono();
    uint64_t count = 0;
    if (!site_read(http_body(request), "service", &pattern, &site, &field)) {
        http_refuse(request, 400, field, "that is no request for a failback",
                    "{\"service\": \"*.prod.internal\", \"site\": \"dc1\"}, both if wanted");
        return;
    }
    for (struct service_entry *at = registry_first(registry_of(state)); at;
         at = registry_after(registry_of(state), at)) {
        char name[NAME_TEXT_MAX];
        name_to_text(at->name, name);
        name[strlen(name) - 1] = '\0';
        if (service_now(at) && (!pattern || glob_match(pattern, name)) &&
            services_failback(services, at, site, now)) {
            count++;
        }
    }
    if (count == 0) {
        http_refuse(request, 404, pattern ? "service" : "site",
                    "no such service waits for a site that works again",
                    "`horizon sites` shows which sites wait");
        return;
    }
    discovery_publish(state->discovery, now);
    json_t *body = json_pack("{s:b, s:I}", "ok", 1, "services", (json_int_t)count);
    body_numbers(state, body, registry_revision(registry_of(state)));
    http_reply(request, 200, body);
}

/* --- what a guard holds --------------------------------------------------------------------------
 */

void route_accept(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    const char *owner = NULL, *site = NULL, *field = NULL;
    struct mono now = clock_mono();
    char by[128] = "";
    bool good = site_read(http_body(request), "owner", &owner, &site, &field);
    if (!good || (!owner && !site) || (owner && strlen(owner) >= sizeof(by)) ||
        (site && strlen(site) > LIMIT_LABEL_BYTES)) {
        http_refuse(request, 400, good ? "owner" : field, "that says nothing that can be accepted",
                    "{\"owner\": \"api:deploy\"}, or {\"site\": \"dc2\"}");
        return;
    }
    request_owner(state, request, by, sizeof(by));
    services_accept(discovery_services(state->discovery), owner, site, now);
    log_warning("%s accepts what the blast radius held: %s%s%s%s", by, owner ? owner : "",
                owner && site ? ", " : "", site ? "site " : "", site ? site : "");
    discovery_publish(state->discovery, now);
    json_t *body = json_pack("{s:b}", "ok", 1);
    body_numbers(state, body, registry_revision(registry_of(state)));
    http_reply(request, 200, body);
}

/* --- away, at once -------------------------------------------------------------------------------
 */

/* An emergency: every site of a service but one is taken out of its answers. */
struct moving {
    struct asked asked;
    struct state *state;
    struct http_request *request;
    char owner[128], to[LIMIT_LABEL_BYTES + 1], reason[256];
    char pattern[NAME_TEXT_MAX]; /* the service's name, without the final dot */
    uint8_t name[NAME_MAX];
    uint32_t for_ms;
    bool end;
};

/* Does anything work there? */
static bool site_works(const struct services *services, const struct service_entry *entry,
                       const char *site)
{
    for (uint32_t i = 0; i < entry->instance_count; i++) {
        const struct instance *instance = instance_now(entry->instances[i]);
        struct instance_status status;
        if (instance && instance->site && strcmp(instance->site, site) == 0) {
            instance_status(services, entry->instances[i], clock_mono(), &status);
            if (verdict_works(status.verdict)) {
                return true;
            }
        }
    }
    return false;
}

static int site_move(const struct moving *moving, struct registry *registry, const char *site,
                     struct refusal *refusal)
{
    char key[OVERRIDE_KEY_BYTES];
    struct wall now = clock_wall();
    if (moving->end) {
        int err = registry_drop_override(registry, override_key(moving->pattern, "*", site, key),
                                         refusal);
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    const struct override override = {.name = moving->pattern,
                                      .instance = "*",
                                      .site = site,
                                      .action = OVERRIDE_DOWN,
                                      .reason = moving->reason,
                                      .owner = moving->owner,
                                      .set_at = now,
                                      .expires_at = {now.ns + (int64_t)moving->for_ms * 1000000}};
    return registry_put_override(registry, &override, refusal);
}

static int moving_stage(struct asked *asked, struct registry *registry, struct refusal *refusal)
{
    const struct moving *moving = (struct moving *)asked;
    const struct services *services = discovery_services(moving->state->discovery);
    const struct service_entry *entry = registry_service(registry, moving->name);
    int err = ERR_OK;
    if (!entry || !service_now(entry)) {
        refusal_fill(refusal, "service", "`horizon services` lists them",
                     "no such service is registered");
        return ERR_NOT_FOUND;
    }
    if (!moving->end && !site_works(services, entry, moving->to)) {
        refusal_fill(refusal, "to", "`horizon instances` shows what works where",
                     "nothing of the service works at %s", moving->to);
        return ERR_REFUSED;
    }
    for (uint32_t i = 0; err == ERR_OK && i < entry->instance_count; i++) {
        const struct instance *instance = instance_now(entry->instances[i]);
        if (instance && instance->site &&
            (moving->end || strcmp(instance->site, moving->to) != 0)) {
            err = site_move(moving, registry, instance->site, refusal);
        }
    }
    return err;
}

static void moving_told(struct asked *asked, int err, const struct refusal *refusal,
                        uint64_t revision)
{
    struct moving *moving = (struct moving *)asked;
    const struct state *state = moving->state;
    const struct service_entry *entry = registry_service(registry_of(state), moving->name);
    const struct service *service = entry ? service_now(entry) : NULL;
    if (err != ERR_OK) {
        request_refuse(moving->request, err, refusal);
    } else {
        int64_t ttl_s = service ? service->ttl_s : 0;
        json_t *body = json_pack("{s:b, s:I, s:I}", "ok", 1, "ttl", (json_int_t)ttl_s, "compliant",
                                 (json_int_t)ttl_s + PLAN_TRANSIT_S + PLAN_ROUNDING_S);
        body_numbers(state, body, revision);
        http_reply(moving->request, 200, body);
    }
    mem_free(state->alloc, moving);
}

static int moving_read(const json_t *body, struct moving *moving, struct refusal *refusal)
{
    const char *service = json_string_value(json_object_get(body, "service"));
    const char *to = json_string_value(json_object_get(body, "to"));
    const char *reason = json_string_value(json_object_get(body, "reason"));
    const json_t *lasts = json_object_get(body, "for");
    moving->end = json_is_true(json_object_get(body, "end"));
    moving->for_ms = 4 * 3600 * 1000;
    if (!service || name_from_text(service, NULL, moving->name) != ERR_OK) {
        return refusal_fill(refusal, "service", "such as api.prod.internal", "that is no name");
    }
    name_lower(moving->name, name_len(moving->name));
    name_to_text(moving->name, moving->pattern);
    moving->pattern[strlen(moving->pattern) - 1] = '\0';
    if (!moving->end && (!to || !to[0] || strlen(to) > LIMIT_LABEL_BYTES)) {
        return refusal_fill(refusal, "to", "the site that takes over", "that is no site");
    }
    if (!moving->end && (!reason || !reason[0] || strlen(reason) >= sizeof(moving->reason))) {
        return refusal_fill(refusal, "reason", "say why, for whoever finds it at night",
                            "a failover by hand needs a reason");
    }
    if (lasts && (!duration_from_json(lasts, &moving->for_ms) || moving->for_ms < 60000)) {
        return refusal_fill(refusal, "for", "such as 4h",
                            "that is no duration of a minute or more");
    }
    snprintf(moving->to, sizeof(moving->to), "%s", to ? to : "");
    snprintf(moving->reason, sizeof(moving->reason), "%s", reason ? reason : "");
    return ERR_OK;
}

void route_failover(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    struct refusal refusal = {.field = ""};
    struct moving *moving = mem_new_zero(state->alloc, 1, sizeof(*moving));
    int err = moving ? moving_read(http_body(request), moving, &refusal) : ERR_NOMEM;
    if (err == ERR_OK && !request_owner(state, request, moving->owner, sizeof(moving->owner))) {
        err = ERR_PERMISSION;
        refusal_fill(&refusal, "token", "ask over the control socket", "nobody knows who asks");
    }
    if (err == ERR_OK) {
        moving->state = state;
        moving->request = request;
        moving->asked = (struct asked){.stage = moving_stage,
                                       .told = moving_told,
                                       .owner = moving->owner,
                                       .why = moving->reason[0] ? moving->reason : NULL};
        err = discovery_ask(state->discovery, &moving->asked);
    }
    if (err != ERR_OK) {
        mem_free(state->alloc, moving);
        request_refuse(request, err, &refusal);
    }
}
