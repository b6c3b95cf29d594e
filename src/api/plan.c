/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/plan.h"

#include "api/json_text.h"
#include "api/registry_json.h"
#include "config/options.h"

#include <stdio.h>
#include <stdlib.h>

struct plan_world plan_world_of(const struct desired_site *sites, uint32_t site_count,
                                uint32_t minimum_ttl_ms, uint32_t serve_stale_ms,
                                uint32_t client_pin_ms)
{
    return (struct plan_world){.sites = sites,
                               .site_count = site_count,
                               .publish_ms = PLAN_PUBLISH_MS,
                               .minimum_ttl_s = minimum_ttl_ms / 1000,
                               .beyond_s = (serve_stale_ms + client_pin_ms) / 1000,
                               .caches = PLAN_CACHES};
}

const char *plan_world_read(struct plan_world *world, const char *budget, const char *caches)
{
    char *end = NULL;
    if (budget) {
        json_t *text = json_string(budget);
        bool good = duration_from_json(text, &world->budget_ms) && world->budget_ms > 0;
        json_decref(text);
        if (!good) {
            return "budget";
        }
    }
    if (caches) {
        unsigned long count = strtoul(caches, &end, 10);
        if (!*caches || *end || count == 0 || count > 1000000) {
            return "caches";
        }
        world->caches = (uint32_t)count;
    }
    return NULL;
}

char *plan_check_words(const struct plan *plan, char out[PLAN_CHECK_BYTES])
{
    char interval[DURATION_TEXT_BYTES], timeout[DURATION_TEXT_BYTES];
    const struct check *check = plan->check;
    if (!check) {
        snprintf(out, PLAN_CHECK_BYTES, "no check sees a host that is silent");
        return out;
    }
    duration_to_text(check->interval_ms, interval);
    duration_to_text(check->timeout_ms, timeout);
    if (check->kind == CHECK_TTL) {
        snprintf(out, PLAN_CHECK_BYTES, "no report for %s", interval);
    } else {
        snprintf(out, PLAN_CHECK_BYTES, "%s%s every %s, %u times, timeout %s",
                 plan->by_site ? "the site's check " : "", check_kind_name(check->kind), interval,
                 check->fall, timeout);
    }
    return out;
}

char *plan_mend_words(const struct plan *plan, char out[PLAN_CHECK_BYTES])
{
    char interval[DURATION_TEXT_BYTES];
    duration_to_text(plan->interval_allowed_ms, interval);
    if (!plan->check) {
        snprintf(out, PLAN_CHECK_BYTES, "add a check of kind http, tcp or ttl");
    } else if (plan->ttl_allowed_s && plan->interval_allowed_ms) {
        snprintf(out, PLAN_CHECK_BYTES, "a TTL of %us would meet it, or a check every %s",
                 plan->ttl_allowed_s, interval);
    } else if (plan->ttl_allowed_s) {
        snprintf(out, PLAN_CHECK_BYTES, "a TTL of %us would meet it; no interval would",
                 plan->ttl_allowed_s);
    } else if (plan->interval_allowed_ms) {
        snprintf(out, PLAN_CHECK_BYTES, "a check every %s would meet it; no TTL would", interval);
    } else {
        snprintf(out, PLAN_CHECK_BYTES,
                 "neither a TTL nor an interval alone would meet it: lower both, and the timeout");
    }
    return out;
}

static json_t *seconds(uint64_t ms)
{
    return ms == UINT64_MAX ? json_null() : json_real((double)ms / 1000.0);
}

static json_t *time_json(const struct plan_time *time)
{
    return time->worst_ms == PLAN_NEVER ? json_null()
                                        : json_pack("{s:o, s:o}", "mean", seconds(time->mean_ms),
                                                    "worst", seconds(time->worst_ms));
}

json_t *plan_to_json(const struct plan_world *world, const struct service *service,
                     const struct instance *const *instances, uint32_t count)
{
    struct plan plan;
    char name[NAME_TEXT_MAX], words[PLAN_CHECK_BYTES];
    json_t *sites = json_array();
    plan_make(world, service, instances, count, &plan);
    for (unsigned i = 0; i < service->site_count; i++) {
        json_array_append_new(sites, json_text(service->sites[i]));
    }
    json_t *json = json_pack("{s:o, s:o, s:I, s:I, s:s, s:o, s:o}", "service",
                             json_text(name_to_text(service->name, name)), "sites", sites,
                             "instances", (json_int_t)count, "ttl", (json_int_t)service->ttl_s,
                             "check", plan_check_words(&plan, words), "detected",
                             time_json(&plan.silent), "killed", time_json(&plan.killed));
    json_object_set_new(json, "publication", seconds(plan.publish_ms));
    json_object_set_new(json, "compliant", seconds(plan.compliant_ms));
    json_object_set_new(json, "pessimistic", seconds(plan.pessimistic_ms));
    json_object_set_new(json, "expected", seconds(plan.expected_ms));
    json_object_set_new(json, "worst", seconds(plan.worst_ms));
    json_object_set_new(json, "longest", seconds(plan.longest_ms));
    json_object_set_new(json, "dominant", json_string(plan_part_name(plan.dominant)));
    json_object_set_new(json, "because", json_string(plan_part_text(plan.dominant)));
    json_object_set_new(json, "budget", plan.budget_ms ? seconds(plan.budget_ms) : json_null());
    json_object_set_new(json, "met", json_boolean(plan.met));
    json_object_set_new(json, "ttl_allowed",
                        plan.ttl_allowed_s ? json_integer(plan.ttl_allowed_s) : json_null());
    json_object_set_new(json, "interval_allowed",
                        plan.interval_allowed_ms ? seconds(plan.interval_allowed_ms) : json_null());
    json_object_set_new(json, "mend",
                        plan.met ? json_null() : json_text(plan_mend_words(&plan, words)));
    json_object_set_new(json, "queries", seconds(plan.queries_per_ks));
    return json;
}
