/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/drain_routes.h"

#include "api/json_text.h"
#include "api/registry_json.h"
#include "api/zones.h"
#include "base/error.h"
#include "daemon/discovery.h"
#include "daemon/drains.h"
#include "daemon/registry_routes.h"
#include "daemon/routes.h"
#include "io/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OVERRIDE_MS = 24 * 3600 * 1000, /* how long answers stay away, unless told */
    TTL_MOST_S = 86400,
};

static void numbers(const struct state *state, json_t *body)
{
    body_numbers(state, body,
                 registry_revision(services_registry(discovery_services(state->discovery))));
}

/* --- reading a request ---------------------------------------------------------------------------
 */

static int text_of(const json_t *body, const char *key, char *out, size_t size,
                   struct refusal *refusal)
{
    const json_t *value = json_object_get(body, key);
    const char *text = json_string_value(value);
    if (!value || json_is_null(value)) {
        return ERR_OK;
    }
    if (!text || !text[0] || strlen(text) >= size) {
        return refusal_fill(refusal, key, NULL, "that is no text, or it is empty or too long");
    }
    snprintf(out, size, "%s", text);
    return ERR_OK;
}

static int keys_judge(const json_t *body, const char *const *known, struct refusal *refusal)
{
    const char *key;
    json_t *value;
    if (!json_is_object(body)) {
        return refusal_fill(refusal, "body", "send a JSON object", "the request has no body");
    }
    json_object_foreach((json_t *)(uintptr_t)body, key, value)
    {
        unsigned i = 0;
        while (known[i] && strcmp(known[i], key) != 0) {
            i++;
        }
        if (!known[i]) {
            char shown[64];
            snprintf(shown, sizeof(shown), "%.60s", key);
            return refusal_fill(refusal, shown,
                                "site, or service and instance; reason, to, ttl, for",
                                "a request of this kind has no such field");
        }
    }
    return ERR_OK;
}

/* A site, or an instance of a service. */
static int target_read(const json_t *body, struct drain *out, struct refusal *refusal)
{
    uint8_t name[NAME_MAX];
    int err = text_of(body, "site", out->site, sizeof(out->site), refusal);
    err =
        err == ERR_OK ? text_of(body, "service", out->service, sizeof(out->service), refusal) : err;
    err = err == ERR_OK ? text_of(body, "instance", out->instance, sizeof(out->instance), refusal)
                        : err;
    if (err != ERR_OK) {
        return err;
    }
    bool instance = out->service[0] && out->instance[0];
    if ((out->site[0] != 0) == instance || (out->service[0] && !out->instance[0])) {
        return refusal_fill(refusal, "site", "\"site\": NAME, or \"service\" and \"instance\"",
                            "a drain is of a site, or of an instance of a service");
    }
    if (instance) {
        if (name_from_text(out->service, NULL, name) != ERR_OK) {
            return refusal_fill(refusal, "service", "such as web.prod.internal", "that is no name");
        }
        name_lower(name, name_len(name));
        name_to_text(name, out->service);
    }
    return ERR_OK;
}

static int drain_read(const json_t *body, struct drain *out, struct refusal *refusal)
{
    static const char *const known[] = {"site", "service", "instance", "reason", "to",
                                        "ttl",  "for",     "dry_run",  NULL};
    uint32_t ttl_ms = DRAIN_TTL_S * 1000;
    const json_t *ttl = json_object_get(body, "ttl"), *lasts = json_object_get(body, "for");
    int err = keys_judge(body, known, refusal);
    out->override_ms = OVERRIDE_MS;
    err = err == ERR_OK ? target_read(body, out, refusal) : err;
    err = err == ERR_OK ? text_of(body, "reason", out->reason, sizeof(out->reason), refusal) : err;
    err = err == ERR_OK ? text_of(body, "to", out->to, sizeof(out->to), refusal) : err;
    if (err != ERR_OK) {
        return err;
    }
    if (!out->reason[0]) {
        return refusal_fill(refusal, "reason", "say why, for whoever finds it at night",
                            "a drain needs a reason");
    }
    if (ttl && (!duration_from_json(ttl, &ttl_ms) || ttl_ms < 1000 || ttl_ms / 1000 > TTL_MOST_S)) {
        return refusal_fill(refusal, "ttl", "such as 5s", "that is no TTL from 1s to 24h");
    }
    if (lasts && (!duration_from_json(lasts, &out->override_ms) || out->override_ms < 60000)) {
        return refusal_fill(refusal, "for", "such as 24h",
                            "that is no duration of a minute or more");
    }
    out->ttl_s = ttl_ms / 1000;
    return ERR_OK;
}

/* --- the routes ----------------------------------------------------------------------------------
 */

/* When each step would come, in seconds from now. */
static json_t *timetable_json(const struct state *state, const struct drain *drain)
{
    struct until_world until = until_world_of(state);
    bool lowers = drain->ttl_before_s > drain->ttl_s;
    int64_t most = (int64_t)drain->ttl_before_s + UNTIL_TRANSIT_S + 1; /* and rounding */
    int64_t low_s = lowers ? drain->ttl_s : drain->ttl_before_s;
    int64_t move = lowers ? most : 0, over = move + low_s + UNTIL_TRANSIT_S + 1;
    int64_t held = low_s < until.minimum_ttl_s ? until.minimum_ttl_s : low_s;
    return json_pack("{s:o, s:I, s:I, s:I}", "lower", lowers ? json_integer(0) : json_null(),
                     "move", (json_int_t)move, "compliant", (json_int_t)over, "pessimistic",
                     (json_int_t)(move + held + until.beyond_s + UNTIL_TRANSIT_S + 1));
}

void route_drain(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    const json_t *body = http_body(request);
    struct refusal refusal = {.field = ""};
    struct drain drain = {0};
    bool dry_run = json_is_true(json_object_get(body, "dry_run"));
    int err = drain_read(body, &drain, &refusal);
    if (err == ERR_OK && !request_owner(state, request, drain.owner, sizeof(drain.owner))) {
        err = ERR_PERMISSION;
        refusal_fill(&refusal, "token", "ask over the control socket", "nobody knows who asks");
    }
    if (err == ERR_OK && !state->ledger.until) {
        err = ERR_BUSY;
        refusal_fill(&refusal, "", "raise the limit on address space (ulimit -v)",
                     "no account is kept of what is told: nobody could say when it is over");
    }
    err = err == ERR_OK ? drains_begin(state->drains, &drain, dry_run, &refusal) : err;
    if (err != ERR_OK) {
        request_refuse(request, err, &refusal);
        return;
    }
    json_t *reply =
        json_pack("{s:b, s:b, s:o, s:o}", "ok", 1, "dry_run", (int)dry_run, "drain",
                  drain_to_json(&drain, clock_wall()), "timetable", timetable_json(state, &drain));
    numbers(state, reply);
    http_reply(request, 200, reply);
}

struct ending {
    struct state *state;
    struct http_request *request;
};

static void ended(void *ctx, int err, const struct refusal *refusal)
{
    struct ending *ending = ctx;
    if (err == ERR_OK) {
        json_t *body = json_pack("{s:b}", "ok", 1);
        numbers(ending->state, body);
        http_reply(ending->request, 200, body);
    } else {
        request_refuse(ending->request, err, refusal);
    }
    mem_free(ending->state->alloc, ending);
}

void route_undrain(void *ctx, struct http_request *request)
{
    static const char *const known[] = {"site", "service", "instance", NULL};
    struct state *state = ctx;
    struct refusal refusal = {.field = ""};
    struct drain which = {0};
    int err = keys_judge(http_body(request), known, &refusal);
    err = err == ERR_OK ? target_read(http_body(request), &which, &refusal) : err;
    struct ending *ending = err == ERR_OK ? mem_new(state->alloc, sizeof(*ending)) : NULL;
    if (ending) {
        *ending = (struct ending){state, request};
        err = drains_end(state->drains, &which, ended, ending, &refusal);
    } else {
        err = err == ERR_OK ? ERR_NOMEM : err;
    }
    if (err != ERR_OK) {
        mem_free(state->alloc, ending);
        request_refuse(request, err, &refusal);
    }
}

void route_drains(void *ctx, struct http_request *request)
{
    struct state *state = ctx;
    const char *number = http_param(request, "drain");
    uint64_t wanted = number ? strtoull(number, NULL, 10) : 0;
    json_t *list = json_array(), *body = json_object();
    const struct drain *at = NULL;
    for (unsigned i = 0; (at = drains_at(state->drains, i)) != NULL; i++) {
        if (!number || at->number == wanted) {
            json_array_append_new(list, drain_to_json(at, clock_wall()));
        }
    }
    json_object_set_new(body, "now", wall_to_json(clock_wall()));
    json_object_set_new(body, "drains", list);
    numbers(state, body);
    http_reply(request, 200, body);
}
