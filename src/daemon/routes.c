/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/routes.h"

#include "api/explain.h"
#include "api/until.h"
#include "api/viewdiff.h"
#include "api/zones.h"
#include "base/error.h"
#include "daemon/discovery.h"
#include "daemon/drain_routes.h"
#include "daemon/failover_routes.h"
#include "daemon/registry_routes.h"
#include "daemon/reload.h"
#include "daemon/status.h"
#include "io/clock.h"

#include <stdlib.h>

static void with_numbers(const struct state *state, json_t *body)
{
    const struct snapshot *current = publish_current(state->publish);
    json_object_set_new(body, "revision",
                        json_integer((json_int_t)(current ? current->revision : 0)));
    json_object_set_new(body, "generation",
                        json_integer((json_int_t)(current ? current->generation : 0)));
}

static void route_status(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    json_t *body = status_to_json(state);
    with_numbers(state, body);
    http_reply(request, 200, body);
}

static void route_zones(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    json_t *body =
        json_pack("{s:o}", "zones", zones_to_json(state->control, &state->epoch->config->desired));
    with_numbers(state, body);
    http_reply(request, 200, body);
}

static void refuse_error(struct http_request *request, int err)
{
    http_refuse(request, 500, NULL, error_text(err), NULL);
}

static void reply_or_refuse(struct http_request *request, int err, json_t *body,
                            const struct explain_refusal *refusal)
{
    if (err == ERR_OK) {
        http_reply(request, 200, body);
    } else if (err == ERR_INVALID) {
        http_refuse(request, 400, refusal->field, refusal->reason, refusal->mend);
    } else {
        refuse_error(request, err);
    }
}

static struct explain_world world_of(const struct state *state)
{
    return (struct explain_world){
        .snapshot = publish_current(state->publish),
        .desired = &state->epoch->config->desired,
        .control = state->control,
        .services = discovery_services(state->discovery),
    };
}

static void route_explain(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    struct explain_world world = world_of(state);
    struct explain_question question = {
        .name = http_param(request, "name"),
        .type = http_param(request, "type"),
        .from = http_param(request, "from"),
        .listener = http_param(request, "listener"),
        .subnet = http_param(request, "subnet"),
        .transport = http_param(request, "transport"),
    };
    struct explain_refusal refusal;
    json_t *body = NULL;
    int err = explain_to_json(&world, &question, &body, &refusal);
    reply_or_refuse(request, err, body, &refusal);
}

static void route_view_diff(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    struct explain_world world = world_of(state);
    struct viewdiff_question question = {
        .a = http_param(request, "a"),
        .b = http_param(request, "b"),
        .name = http_param(request, "name"),
    };
    struct explain_refusal refusal;
    json_t *body = NULL;
    int err = viewdiff_to_json(&world, &question, &body, &refusal);
    if (err == ERR_OK) {
        with_numbers(state, body);
    }
    reply_or_refuse(request, err, body, &refusal);
}

struct until_world until_world_of(const struct state *state)
{
    const struct config *config = state->epoch->config;
    return (struct until_world){
        .world = world_of(state),
        .ledger = &state->ledger,
        .now = clock_mono(),
        .wall = clock_wall(),
        .minimum_ttl_s = config->cache_minimum_ttl_ms / 1000,
        .beyond_s = (config->cache_serve_stale_ms + config->cache_client_pin_ms) / 1000};
}

static void route_until(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    struct explain_refusal refusal;
    json_t *body = NULL;
    if (!state->ledger.until) {
        http_refuse(request, 503, NULL, "no account is kept: there was no address space for it",
                    "raise the limit on address space (ulimit -v)");
        return;
    }
    const struct until_world world = until_world_of(state);
    const char *site = http_param(request, "site"), *service = http_param(request, "service");
    const char *generation = http_param(request, "generation");
    if (generation) {
        const struct snapshot *current = publish_current(state->publish);
        bool settled = state->retired_generation + 1 >= strtoull(generation, NULL, 10);
        int asked = until_generation_to_json(&world, generation, settled,
                                             current ? current->generation : 0, &body, &refusal);
        reply_or_refuse(request, asked, body, &refusal);
        return;
    }
    int err = site || service
                  ? until_reach_to_json(&world, site, service, http_param(request, "instance"),
                                        &body, &refusal)
                  : until_to_json(&world, http_param(request, "name"), &body, &refusal);
    if (err == ERR_OK) {
        const struct snapshot *current = publish_current(state->publish);
        /* Can nobody be told any more what was answered before the last change? */
        json_object_set_new(
            body, "settled",
            json_boolean(!current || state->retired_generation + 1 >= current->generation));
        with_numbers(state, body);
    }
    reply_or_refuse(request, err, body, &refusal);
}

static void told_reload(void *ctx, const json_t *result)
{
    http_reply(ctx, 200, json_deep_copy(result));
}

static void route_reload(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    const json_t *accept = json_object_get(http_body(request), "accept");
    if (accept && !json_is_array(accept)) {
        http_refuse(request, 400, "accept", "accept is not a list", "[\"ZONE@SERIAL\"]");
        return;
    }
    int err = json_array_size(accept) > 0
                  ? reload_accept(state->reload, accept, told_reload, request)
                  : reload_ask(state->reload, told_reload, request);
    if (err != ERR_OK) {
        refuse_error(request, err);
    }
}

const struct http_route ROUTES[] = {
    {"GET", "/v1/status", route_status, 0},
    {"GET", "/v1/zones", route_zones, 0},
    {"GET", "/v1/explain", route_explain, 0},
    {"GET", "/v1/until", route_until, 0},
    {"GET", "/v1/views/diff", route_view_diff, 0},
    {"POST", "/v1/reload", route_reload, 0},
    {"POST", "/v1/register", route_register, 0},
    {"POST", "/v1/renew", route_renew, 0},
    {"POST", "/v1/deregister", route_deregister, 0},
    {"POST", "/v1/service", route_service, 0},
    {"POST", "/v1/override", route_override, 0},
    {"POST", "/v1/apply", route_apply, LIMIT_PLAN_BYTES},
    {"POST", "/v1/restore", route_restore, 0},
    {"POST", "/v1/drain", route_drain, 0},
    {"POST", "/v1/undrain", route_undrain, 0},
    {"GET", "/v1/drains", route_drains, 0},
    {"GET", "/v1/sites", route_sites, 0},
    {"POST", "/v1/accept", route_accept, 0},
    {"GET", "/v1/plan", route_plan, 0},
    {"GET", "/v1/incidents", route_incidents, 0},
    {"POST", "/v1/failover", route_failover, 0},
    {"POST", "/v1/failback", route_failback, 0},
    {"GET", "/v1/services", route_services, 0},
    {"GET", "/v1/instances", route_instances, 0},
    {"GET", "/v1/overrides", route_overrides, 0},
    {"GET", "/v1/history", route_history, 0},
    {NULL, NULL, NULL, 0},
};
