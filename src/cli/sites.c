/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * sites, failback, incidents: datacenters, what happened to them, and how services come back.
 */
#include "api/json_text.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/incident_svg.h"
#include "cli/print.h"
#include "cli/show.h"

#include <stdio.h>
#include <string.h>

/* "declared down until ... (fire)", "fails its own checks", "failed 3 services", or "up". */
static void state_cell(struct table *table, const json_t *site)
{
    const json_t *declared = json_object_get(site, "declared");
    const json_t *checks = json_object_get(site, "checks");
    long long failed = (long long)show_number(site, "failed");
    long long waiting = (long long)show_number(site, "waiting");
    if (declared) {
        table_cell(table, "declared %s until %s by %s: %s", show_text(declared, "action"),
                   show_text(declared, "ends"), show_text(declared, "owner"),
                   show_text(declared, "reason"));
    } else if (json_is_true(json_object_get(checks, "failed"))) {
        table_cell(table, "fails its own checks (%lld of %lld pass)",
                   (long long)show_number(checks, "passing"),
                   (long long)show_number(checks, "checks"));
    } else if (show_number(site, "held") > 0) {
        table_cell(table, "fails; %lld held as they were: horizon accept --site %s",
                   (long long)show_number(site, "held"), show_text(site, "site"));
    } else if (failed > 0) {
        table_cell(table, "failed %lld %s", failed, print_plural(failed, "service", "services"));
    } else if (waiting > 0) {
        table_cell(table, "works again; %lld %s for the failback", waiting,
                   print_plural(waiting, "service waits", "services wait"));
    } else if (show_number(site, "instances") > 0 && show_number(site, "working") == 0) {
        table_cell(table, "nothing works there");
    } else {
        table_cell(table, "up");
    }
}

int run_sites(const struct call *call)
{
    struct target target;
    struct table table = {.columns = 4};
    json_t *answer = NULL;
    const json_t *item;
    size_t i;
    target_begin(&target, "/v1/sites");
    int status = client_ask(call, "GET", &target, NULL, &answer);
    if (status != EXIT_DONE) {
        return status;
    }
    if (call_has(call, OPT_JSON)) {
        print_json(answer);
        return EXIT_DONE;
    }
    json_array_foreach(json_object_get(answer, "sites"), i, item)
    {
        long long services = (long long)show_number(item, "services");
        table_cell(&table, "%s", show_text(item, "site"));
        table_cell(&table, "%lld %s", services, print_plural(services, "service", "services"));
        table_cell(&table, "%lld of %lld instances work", (long long)show_number(item, "working"),
                   (long long)show_number(item, "instances"));
        state_cell(&table, item);
    }
    if (json_array_size(json_object_get(answer, "sites")) == 0) {
        printf("there is no site: no instance names one, and the configuration has none\n");
    }
    table_print(&table, stdout, "");
    json_decref(answer);
    return EXIT_DONE;
}

int run_failback(const struct call *call)
{
    struct target target;
    json_t *answer = NULL, *body = json_object();
    if (call_argument(call, 0)) {
        json_object_set_new(body, "service", json_text(call_argument(call, 0)));
    }
    if (call_has(call, OPT_SITE)) {
        json_object_set_new(body, "site", json_text(call_option(call, OPT_SITE)));
    }
    target_begin(&target, "/v1/failback");
    int status = client_ask(call, "POST", &target, body, &answer);
    if (status != EXIT_DONE) {
        return status;
    }
    if (call_has(call, OPT_JSON)) {
        print_json(answer);
        return EXIT_DONE;
    }
    long long services = (long long)show_number(answer, "services");
    printf("%lld %s back: generation %lld\n", services,
           print_plural(services, "service goes", "services go"),
           (long long)show_number(answer, "generation"));
    json_decref(answer);
    return EXIT_DONE;
}

int run_failover(const struct call *call)
{
    struct target target;
    json_t *answer = NULL;
    json_t *body = json_pack("{s:o}", "service", json_text(call_argument(call, 0)));
    bool end = call_has(call, OPT_OFF);
    if (!end && !call_has(call, OPT_TO)) {
        json_decref(body);
        return print_usage(call->command, "failover needs --to SITE, or --off");
    }
    json_object_set_new(body, "end", json_boolean(end));
    if (!end) {
        json_object_set_new(body, "to", json_text(call_option(call, OPT_TO)));
        json_object_set_new(body, "reason", json_text(call_option(call, OPT_REASON)));
    }
    if (call_has(call, OPT_FOR)) {
        json_object_set_new(body, "for", json_text(call_option(call, OPT_FOR)));
    }
    target_begin(&target, "/v1/failover");
    int status = client_ask(call, "POST", &target, body, &answer);
    if (status != EXIT_DONE) {
        return status;
    }
    if (call_has(call, OPT_JSON)) {
        print_json(answer);
        return EXIT_DONE;
    }
    if (end) {
        printf("ended: generation %lld; it goes back when its failback is due\n",
               (long long)show_number(answer, "generation"));
    } else {
        printf("answers have changed: generation %lld\n"
               "not waited for: the TTL of %lld s was not lowered before, caches lead to the old "
               "sites for %lld s more;\nwhat is connected there stays so. `horizon until %s` shows "
               "when it is over\n",
               (long long)show_number(answer, "generation"), (long long)show_number(answer, "ttl"),
               (long long)show_number(answer, "compliant"), call_argument(call, 0));
    }
    json_decref(answer);
    return EXIT_DONE;
}

int run_accept(const struct call *call)
{
    struct target target;
    json_t *answer = NULL, *body = json_object();
    if (!call_argument(call, 0) && !call_has(call, OPT_SITE)) {
        json_decref(body);
        return print_usage(call->command, "accept needs an owner, or --site");
    }
    if (call_argument(call, 0)) {
        json_object_set_new(body, "owner", json_text(call_argument(call, 0)));
    }
    if (call_has(call, OPT_SITE)) {
        json_object_set_new(body, "site", json_text(call_option(call, OPT_SITE)));
    }
    target_begin(&target, "/v1/accept");
    int status = client_ask(call, "POST", &target, body, &answer);
    if (status != EXIT_DONE) {
        return status;
    }
    if (call_has(call, OPT_JSON)) {
        print_json(answer);
        return EXIT_DONE;
    }
    printf("accepted for one window (registry.budget-window)\n");
    json_decref(answer);
    return EXIT_DONE;
}

/* --- incidents -----------------------------------------------------------------------------------
 */

struct instant {
    const char *at, *after, *what;
};

/* "T+0.4 s  12:08:45.521  detected"; what has not happened is left out. */
static void instant_add(struct table *table, const json_t *incident, const struct instant *instant)
{
    const char *at = show_text(incident, instant->at);
    const char *time = *at ? strchr(at, 'T') : NULL;
    if (!time) {
        return;
    }
    const json_t *after = json_object_get(incident, instant->after);
    if (after) {
        table_cell(table, "   T+%.1f s", json_real_value(after));
    } else {
        table_cell(table, "   T+0");
    }
    table_cell(table, "%.12s", time + 1);
    table_cell(table, "%s", instant->what);
}

static void incident_show(const json_t *incident)
{
    static const struct instant instants[] = {
        {"failed_at", "", "the first sign"},
        {"detected_at", "detected", "detected"},
        {"changed_at", "changed", "answers changed"},
        {"half_at", "half", "half of what caches held is expected to be over"},
        {"over_at", "over", "over: no cache that honours TTLs holds the old answer"},
        {"back_at", "taken_back", "taken back"},
    };
    struct table table = {.columns = 3};
    long long services = (long long)show_number(incident, "services");
    printf("%lld  site %s: %s; %lld %s, %s%s\n", (long long)show_number(incident, "incident"),
           show_text(incident, "site"), show_text(incident, "because"), services,
           print_plural(services, "service", "services"), show_text(incident, "first"),
           services > 1 ? " ..." : "");
    for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++) {
        instant_add(&table, incident, &instants[i]);
    }
    table_print(&table, stdout, "");
}

/* The newest, or that of the number; NULL: there is none. */
static const json_t *incident_find(const json_t *list, const char *number)
{
    const json_t *item;
    size_t i;
    char text[24];
    json_array_foreach(list, i, item)
    {
        snprintf(text, sizeof(text), "%lld", (long long)show_number(item, "incident"));
        if (!number || strcmp(number, text) == 0) {
            return item;
        }
    }
    return NULL;
}

int run_incidents(const struct call *call)
{
    struct target target;
    json_t *answer = NULL;
    const json_t *item;
    size_t i;
    target_begin(&target, "/v1/incidents");
    int status = client_ask(call, "GET", &target, NULL, &answer);
    if (status != EXIT_DONE) {
        return status;
    }
    const json_t *list = json_object_get(answer, "incidents");
    const json_t *wanted = incident_find(list, call_argument(call, 0));
    bool one = call_argument(call, 0) || call_has(call, OPT_SVG);
    if (one && !wanted) {
        json_decref(answer);
        return print_failure("there is no such incident");
    }
    if (call_has(call, OPT_JSON)) {
        print_json(one ? json_deep_copy(wanted) : json_deep_copy(answer));
    } else if (call_has(call, OPT_SVG)) {
        incident_svg(stdout, wanted);
    } else if (one) {
        incident_show(wanted);
    } else {
        json_array_foreach(list, i, item)
        {
            incident_show(item);
        }
        if (i == 0) {
            printf("no site has failed since the start\n");
        }
    }
    json_decref(answer);
    return EXIT_DONE;
}
