/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The half of registry_routes.h that only reads: services, instances, overrides, history as JSON.
 */
#include "daemon/registry_routes.h"

#include "api/json_text.h"
#include "api/registry_json.h"
#include "api/zones.h"
#include "base/error.h"
#include "daemon/discovery.h"
#include "io/clock.h"
#include "store/registry_store.h"

#include <stdio.h>
#include <string.h>

void body_numbers(const struct state *state, json_t *body, uint64_t revision)
{
    const struct snapshot *current = publish_current(state->publish);
    json_object_set_new(body, "revision", json_integer((json_int_t)revision));
    json_object_set_new(body, "generation",
                        json_integer((json_int_t)(current ? current->generation : 0)));
}

static double seconds_since(struct mono at, struct mono now)
{
    int64_t ms = mono_since(now, at).ns / 1000000;
    return (double)ms / 1000.0;
}

static json_t *checks_json(const struct instance_entry *entry, unsigned count, struct mono now)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++) {
        struct check_status status;
        check_status(entry, i, now, &status);
        json_t *item = json_pack("{s:s, s:s, s:s, s:o, s:f}", "name", status.check->name, "kind",
                                 check_kind_name(status.check->kind), "verdict",
                                 verdict_name(status.verdict), "detail", json_text(status.detail),
                                 "for", seconds_since(status.changed_at, now));
        if (status.penalty) {
            json_object_set_new(item, "flap_penalty", json_integer(status.penalty));
        }
        if (status.held) {
            json_object_set_new(item, "reused_in", json_real(-seconds_since(status.reuse_at, now)));
        }
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *instance_json(const struct services *services, const struct instance_entry *entry,
                             struct mono now)
{
    const struct instance *instance = instance_now(entry);
    json_t *item = instance_to_json(instance);
    struct instance_status status;
    instance_status(services, entry, now, &status);
    json_object_set_new(item, "owner", json_text(instance->owner));
    json_object_set_new(item, "revision", json_integer((json_int_t)instance->revision));
    json_object_set_new(item, "verdict", json_string(verdict_name(status.verdict)));
    json_object_set_new(item, "for", json_real(seconds_since(status.since, now)));
    json_object_set_new(item, "answered", json_boolean(status.answered));
    json_object_set_new(item, "health", checks_json(entry, status.check_count, now));
    if (status.override) {
        json_object_set_new(item, "override", override_to_json(status.override));
    }
    if (instance->lease_ms) {
        json_object_set_new(item, "lease_left",
                            status.lease_expired
                                ? json_real(0)
                                : json_real(-seconds_since(status.lease_until, now)));
    }
    if (status.ramp != 1000) {
        json_object_set_new(item, "slow_start", json_integer(status.ramp / 10));
    }
    return item;
}

static json_t *sites_json(const struct service_entry *entry, struct mono now)
{
    struct site_status sites[LIMIT_TAGS];
    unsigned count = services_sites(entry, sites, LIMIT_TAGS);
    json_t *list = json_array();
    for (unsigned i = 0; i < count && i < LIMIT_TAGS; i++) {
        const struct site_status *site = &sites[i];
        json_t *item = json_pack("{s:o, s:s, s:f, s:i}", "site", json_text(site->name), "state",
                                 site->held   ? "held"
                                 : site->down ? "down"
                                              : "waiting",
                                 "failed_ago", seconds_since(site->failed_at, now), "failovers",
                                 (int)site->times);
        if (site->waits) {
            json_object_set_new(item, "back_in",
                                site->back_at.ns ? json_real(-seconds_since(site->back_at, now))
                                                 : json_null());
        }
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *service_json(const struct state *state, const struct service_entry *entry)
{
    const struct services *services = discovery_services(state->discovery);
    const struct service *service = service_now(entry);
    json_t *item = service_to_json(service), *views = json_object();
    json_t *verdicts = json_object();
    uint32_t counts[VERDICT_COUNT] = {0};
    for (uint32_t i = 0; i < entry->instance_count; i++) {
        struct instance_status status;
        if (instance_now(entry->instances[i])) {
            instance_status(services, entry->instances[i], clock_mono(), &status);
            counts[status.verdict]++;
        }
    }
    for (unsigned i = 0; i < VERDICT_COUNT; i++) {
        if (counts[i]) {
            json_object_set_new(verdicts, verdict_name((enum verdict)i), json_integer(counts[i]));
        }
    }
    const struct desired *desired = &state->epoch->config->desired;
    for (unsigned view = 0; view < desired->view_count; view++) {
        struct service_choice choice;
        if (service_choice(services, entry, view, VIEW_NONE, &choice) == ERR_OK) {
            json_object_set_new(
                views, desired->views[view].name,
                json_pack("{s:s, s:i, s:i, s:i}", "answered", choice_name(choice.choice.kind),
                          "instances", (int)choice.choice.candidates, "working",
                          (int)choice.choice.working, "given", (int)choice.choice.chosen));
            service_choice_drop(services, &choice);
        }
    }
    json_object_set_new(item, "owner", json_text(service->owner));
    json_object_set_new(item, "revision", json_integer((json_int_t)service->revision));
    json_object_set_new(item, "verdicts", verdicts);
    json_object_set_new(item, "views", views);
    json_object_set_new(item, "sites_down", sites_json(entry, clock_mono()));
    return item;
}

static struct registry *registry_of(const struct state *state)
{
    return services_registry(discovery_services(state->discovery));
}

void route_services(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    const char *glob = http_param(request, "name");
    json_t *list = json_array(), *body = json_object();
    for (struct service_entry *at = registry_first(registry_of(state)); at;
         at = registry_after(registry_of(state), at)) {
        char name[NAME_TEXT_MAX];
        name_to_text(at->name, name);
        name[strlen(name) - 1] = '\0';
        if (service_now(at) && (!glob || glob_match(glob, name))) {
            json_array_append_new(list, service_json(state, at));
        }
    }
    json_object_set_new(body, "services", list);
    body_numbers(state, body, registry_revision(registry_of(state)));
    http_reply(request, 200, body);
}

void route_instances(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    const char *text = http_param(request, "service");
    uint8_t name[NAME_MAX];
    if (!text || name_from_text(text, NULL, name) != ERR_OK) {
        http_refuse(request, 400, "service", "no service is named", "?service=web.prod.internal");
        return;
    }
    struct service_entry *entry = registry_service(registry_of(state), name);
    if (!entry || !service_now(entry)) {
        http_refuse(request, 404, "service", "no such service is registered",
                    "GET /v1/services lists them");
        return;
    }
    json_t *list = json_array();
    for (uint32_t i = 0; i < entry->instance_count; i++) {
        if (instance_now(entry->instances[i])) {
            json_array_append_new(list, instance_json(discovery_services(state->discovery),
                                                      entry->instances[i], clock_mono()));
        }
    }
    json_t *body =
        json_pack("{s:o, s:o}", "service", service_json(state, entry), "instances", list);
    body_numbers(state, body, registry_revision(registry_of(state)));
    http_reply(request, 200, body);
}

void route_overrides(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    json_t *list = json_array(), *body = json_object();
    for (uint32_t i = 0; i < registry_override_count(registry_of(state)); i++) {
        const struct override *at = override_now(registry_override_at(registry_of(state), i));
        if (at) {
            json_t *item = override_to_json(at);
            json_object_set_new(item, "owner", json_text(at->owner));
            json_object_set_new(item, "ends", wall_to_json(at->expires_at));
            json_object_set_new(item, "ended", json_boolean(at->expires_at.ns <= clock_wall().ns));
            json_array_append_new(list, item);
        }
    }
    json_object_set_new(body, "overrides", list);
    body_numbers(state, body, registry_revision(registry_of(state)));
    http_reply(request, 200, body);
}

static int event_json(void *ctx, const struct store_event *event)
{
    static const char *const kinds[] = {"service", "instance", "override"};
    json_t *before = event->before ? json_loads(event->before, 0, NULL) : json_null();
    json_t *after = event->after ? json_loads(event->after, 0, NULL) : json_null();
    json_array_append_new(ctx, json_pack("{s:I, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}",
                                         "revision", (json_int_t)event->revision, "at",
                                         wall_to_json(event->at), "kind", kinds[event->kind],
                                         "name", json_text(event->name), "id", json_text(event->id),
                                         "owner", json_text(event->owner), "why",
                                         json_text(event->why), "before", before, "after", after));
    return ERR_OK;
}

void route_history(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    struct registry_store *store = discovery_store(state->discovery);
    if (!store) {
        http_refuse(request, 404, NULL, "without a data folder nothing is remembered",
                    "set server.data, or start with --data");
        return;
    }
    json_t *list = json_array();
    int err = registry_store_history(store, UINT64_MAX, 100, event_json, list);
    json_t *body = json_pack("{s:o}", "history", list);
    if (err != ERR_OK) {
        json_decref(body);
        http_refuse(request, 500, NULL, registry_store_problem(store), NULL);
        return;
    }
    body_numbers(state, body, registry_revision(registry_of(state)));
    http_reply(request, 200, body);
}
