/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/plan.h"

#include "base/error.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/offline.h"
#include "cli/print.h"
#include "cli/show.h"
#include "registry/registry.h"

#include <stdlib.h>
#include <string.h>

/* --- from a configuration ------------------------------------------------------------------------
 */

int plan_of_config(const struct config *config, const struct service *service,
                   const struct plan_world *world, struct plan *ret_plan, json_t *list)
{
    uint32_t count = 0;
    for (const struct instance_link *at = config->instances; at; at = at->next) {
        count += name_equal(at->instance.service, service->name);
    }
    const struct instance **instances = calloc(count + 1, sizeof(*instances));
    if (!instances) {
        return ERR_NOMEM;
    }
    count = 0;
    for (const struct instance_link *at = config->instances; at; at = at->next) {
        if (name_equal(at->instance.service, service->name)) {
            instances[count++] = &at->instance;
        }
    }
    if (ret_plan) {
        plan_make(world, service, instances, count, ret_plan);
    }
    if (list) {
        json_array_append_new(list, plan_to_json(world, service, instances, count));
    }
    free(instances);
    return ERR_OK;
}

struct plan_world plan_world_of_config(const struct config *config)
{
    return plan_world_of(config->desired.sites, config->desired.site_count,
                         config->cache_minimum_ttl_ms, config->cache_serve_stale_ms,
                         config->cache_client_pin_ms);
}

static int ask_offline(const struct call *call, json_t **ret_json)
{
    struct offline *offline = NULL;
    const char *pattern = call_argument(call, 0);
    int status = offline_open(call, call_option(call, OPT_CONFIG), &offline);
    if (status != EXIT_DONE) {
        return status;
    }
    const struct config *config = offline_config(offline);
    struct plan_world world = plan_world_of_config(config);
    const char *field =
        plan_world_read(&world, call_option(call, OPT_BUDGET), call_option(call, OPT_CACHES));
    json_t *list = json_array();
    int err = ERR_OK;
    for (uint32_t i = 0; !field && err == ERR_OK && i < config->service_count; i++) {
        char name[NAME_TEXT_MAX];
        name_to_text(config->services[i].name, name);
        name[strlen(name) - 1] = '\0';
        if (!pattern || glob_match(pattern, name)) {
            err = plan_of_config(config, &config->services[i], &world, NULL, list);
        }
    }
    offline_free(offline);
    *ret_json = json_pack("{s:o}", "services", list);
    if (field) {
        return print_usage(call->command, "--%s makes no sense", field);
    }
    return err == ERR_OK ? EXIT_DONE : print_failure("%s", error_text(err));
}

static int ask_daemon(const struct call *call, json_t **ret_json)
{
    struct target target;
    target_begin(&target, "/v1/plan");
    target_add(&target, "name", call_argument(call, 0));
    target_add(&target, "budget", call_option(call, OPT_BUDGET));
    target_add(&target, "caches", call_option(call, OPT_CACHES));
    return client_ask(call, "GET", &target, NULL, ret_json);
}

/* --- for people ----------------------------------------------------------------------------------
 */

static double number(const json_t *json, const char *key)
{
    return json_number_value(json_object_get(json, key));
}

static void show_budget(const json_t *plan)
{
    const json_t *budget = json_object_get(plan, "budget");
    if (!json_is_number(budget)) {
        return;
    }
    bool met = json_is_true(json_object_get(plan, "met"));
    print_colour(stdout, met ? COLOUR_GREEN : COLOUR_RED);
    printf("  budget %.1f s: %s", json_number_value(budget), met ? "met" : "NOT MET");
    print_colour(stdout, COLOUR_NONE);
    printf("%s%s\n", met ? "" : "; ", met ? "" : show_text(plan, "mend"));
}

static void show_plan(const json_t *plan)
{
    const json_t *detected = json_object_get(plan, "detected");
    const json_t *killed = json_object_get(plan, "killed");
    const json_t *sites = json_object_get(plan, "sites");
    long long ttl = (long long)show_number(plan, "ttl");
    bool by_site = json_array_size(sites) > 1;
    print_colour(stdout, COLOUR_BOLD);
    printf("%s", show_text(plan, "service"));
    print_colour(stdout, COLOUR_NONE);
    printf("  TTL %lld s; decided by: %s\n", ttl, show_text(plan, "because"));
    printf("  T+0       %s%s fails and is silent\n", by_site ? "site " : "an instance",
           by_site ? json_string_value(json_array_get(sites, 0)) : "");
    if (!json_is_object(detected)) {
        printf("  never     detected: %s\n", show_text(plan, "check"));
    } else {
        double worst = number(detected, "worst"), changed = worst + number(plan, "publication");
        printf("  T+%-7.1f detected at the latest (mean %.1f s): %s\n", worst,
               number(detected, "mean"), show_text(plan, "check"));
        printf("  T+%-7.1f answers changed\n", changed);
        printf("  T+%-7.1f no cache that honours TTLs holds the old answer (expected %.1f s)\n",
               number(plan, "worst"), number(plan, "expected"));
        printf("  T+%-7.1f nor one that does what `caches` in the configuration says\n",
               number(plan, "longest"));
    }
    if (json_is_object(killed)) {
        printf("  a process that is killed: detected after %.1f s at the latest\n",
               number(killed, "worst"));
    }
    show_budget(plan);
    printf("  the TTL costs %.1f queries/s with as many caches as were assumed\n",
           number(plan, "queries"));
}

int run_plan(const struct call *call)
{
    json_t *json = NULL;
    const json_t *plan;
    size_t i;
    bool met = true;
    int status = offline_wanted(call) ? ask_offline(call, &json) : ask_daemon(call, &json);
    if (status != EXIT_DONE) {
        json_decref(json);
        return status;
    }
    json_array_foreach(json_object_get(json, "services"), i, plan)
    {
        met = met && json_is_true(json_object_get(plan, "met"));
        if (!call_has(call, OPT_JSON)) {
            show_plan(plan);
        }
    }
    if (call_has(call, OPT_JSON)) {
        print_json(json);
        return met ? EXIT_DONE : EXIT_NO;
    }
    if (i == 0) {
        printf("no such service; `horizon plan` without a pattern shows all\n");
    }
    json_decref(json);
    return met && i > 0 ? EXIT_DONE : EXIT_NO;
}
