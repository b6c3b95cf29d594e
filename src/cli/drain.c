/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drain, undrain, drains: planned moves, and a bar that says how long they still wait.
 */
#include "api/json_text.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/show.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    LOOK_US = 250000,
    BAR_CELLS = 30,
};

/* "2026-11-27T12:00:05Z" or with milliseconds: the time of day. */
static const char *clock_text(const char *text, char out[9])
{
    const char *from = strchr(text, 'T');
    memcpy(out, from && strlen(from) > 8 ? from + 1 : "        ", 8);
    out[8] = '\0';
    return out;
}

static const char *target_text(const json_t *drain, char *out, size_t size)
{
    const char *site = show_text(drain, "site");
    if (*site) {
        snprintf(out, size, "site %s", site);
    } else {
        snprintf(out, size, "%s of %s", show_text(drain, "instance"), show_text(drain, "service"));
    }
    return out;
}

static bool is_over(const json_t *drain)
{
    const char *step = show_text(drain, "step");
    return strcmp(step, "done") == 0 || strcmp(step, "aborted") == 0;
}

/* --- what is asked for ---------------------------------------------------------------------------
 */

/* EXIT_USAGE: neither a site nor an instance. */
static int body_make(const struct call *call, json_t **ret)
{
    bool site = call_has(call, OPT_SITE), instance = call_argument(call, 1) != NULL;
    if (site == instance || (call_argument(call, 0) && !instance)) {
        return print_usage(call->command, "%s needs --site SITE, or SERVICE ID",
                           call->command->name);
    }
    *ret = json_object();
    if (site) {
        json_object_set_new(*ret, "site", json_text(call_option(call, OPT_SITE)));
    } else {
        json_object_set_new(*ret, "service", json_text(call_argument(call, 0)));
        json_object_set_new(*ret, "instance", json_text(call_argument(call, 1)));
    }
    return EXIT_DONE;
}

static void option_add(json_t *body, const struct call *call, enum option_id option,
                       const char *key)
{
    if (call_has(call, option)) {
        json_object_set_new(body, key, json_text(call_option(call, option)));
    }
}

/* --- the report ----------------------------------------------------------------------------------
 */

static void show_step(const json_t *drain)
{
    char at[9];
    const char *step = show_text(drain, "step");
    const json_t *entered = json_object_get(drain, "entered");
    double left = json_real_value(json_object_get(drain, "left"));
    printf("  %s  %s", clock_text(show_text(entered, step), at), show_text(drain, "text"));
    if (left > 0) {
        printf(": until %s UTC (%.0f s)", clock_text(show_text(drain, "until"), at), left + 0.5);
    }
    printf("\n");
    fflush(stdout);
}

static void show_problem(const json_t *drain)
{
    const char *problem = show_text(drain, "problem");
    if (*problem) {
        print_colour(stdout, COLOUR_YELLOW);
        printf("            %s\n", problem);
        print_colour(stdout, COLOUR_NONE);
        fflush(stdout);
    }
}

static void show_report(const json_t *drain)
{
    char at[9], target[512];
    target_text(drain, target, sizeof(target));
    if (strcmp(show_text(drain, "step"), "aborted") == 0) {
        printf("%s: the drain was given up; answers and TTLs are as before\n", target);
        return;
    }
    printf("%s: no cache that honours TTLs leads there since %s UTC", target,
           clock_text(show_text(drain, "compliant"), at));
    if (*show_text(drain, "pessimistic")) {
        printf("; pessimistic until %s UTC", clock_text(show_text(drain, "pessimistic"), at));
    }
    printf("\n");
    if (*show_text(drain, "last_sent")) {
        printf("  the last answer that led there was sent at %s UTC\n",
               clock_text(show_text(drain, "last_sent"), at));
    }
    if (json_is_true(json_object_get(drain, "safe_to_power_off"))) {
        printf("  the gate says that nothing is connected: safe to power off\n");
    } else {
        printf("  open connections were not counted: look at them before you power off\n");
    }
}

/* --- following one -------------------------------------------------------------------------------
 */

static int fetch(const struct call *call, long long number, json_t **ret_drain)
{
    struct target target;
    json_t *answer = NULL;
    char text[24];
    snprintf(text, sizeof(text), "%lld", number);
    target_begin(&target, "/v1/drains");
    target_add(&target, "drain", text);
    int status = client_ask(call, "GET", &target, NULL, &answer);
    if (status == EXIT_DONE) {
        *ret_drain = json_incref(json_array_get(json_object_get(answer, "drains"), 0));
        json_decref(answer);
    }
    return status == EXIT_DONE && !*ret_drain ? print_failure("the drain is forgotten") : status;
}

/* The bar of a wait: how much of it is over. */
static void show_bar(const json_t *drain, double *whole)
{
    double left = json_real_value(json_object_get(drain, "left"));
    int cells = 0;
    *whole = left > *whole ? left : *whole;
    if (!isatty(STDOUT_FILENO) || *whole <= 0) {
        return;
    }
    cells = (int)((*whole - left) / *whole * BAR_CELLS);
    printf("\r            [");
    for (int i = 0; i < BAR_CELLS; i++) {
        putchar(i < cells ? '#' : '.');
    }
    printf("] %4.0f s left ", left);
    fflush(stdout);
}

static void bar_end(void)
{
    if (isatty(STDOUT_FILENO)) {
        printf("\r%*s\r", BAR_CELLS + 30, "");
    }
}

static int follow(const struct call *call, long long number)
{
    char step[32] = "", problem[256] = "";
    double whole = 0;
    for (;;) {
        json_t *drain = NULL;
        int status = fetch(call, number, &drain);
        if (status != EXIT_DONE) {
            return status;
        }
        if (strcmp(step, show_text(drain, "step")) != 0) {
            bar_end();
            whole = 0;
            snprintf(step, sizeof(step), "%s", show_text(drain, "step"));
            show_step(drain);
        }
        if (strcmp(problem, show_text(drain, "problem")) != 0) {
            bar_end();
            snprintf(problem, sizeof(problem), "%s", show_text(drain, "problem"));
            show_problem(drain);
        }
        if (is_over(drain)) {
            show_report(drain);
            status = strcmp(step, "done") == 0 ? EXIT_DONE : EXIT_NO;
            json_decref(drain);
            return status;
        }
        show_bar(drain, &whole);
        json_decref(drain);
        usleep(LOOK_US);
    }
}

static void show_timetable(const json_t *answer)
{
    const json_t *times = json_object_get(answer, "timetable");
    const json_t *drain = json_object_get(answer, "drain");
    char target[512];
    long long services = (long long)show_number(drain, "services");
    printf("%s, %lld %s; nothing was changed. It would be:\n",
           target_text(drain, target, sizeof(target)), services,
           print_plural(services, "service", "services"));
    if (json_is_integer(json_object_get(times, "lower"))) {
        printf("  T+0 s     TTLs are lowered from %lld s to %lld s\n",
               (long long)show_number(drain, "ttl_before"), (long long)show_number(drain, "ttl"));
    }
    printf("  T+%-4lld s  answers change\n", (long long)show_number(times, "move"));
    printf("  T+%-4lld s  no cache that honours TTLs leads there, at the latest\n",
           (long long)show_number(times, "compliant"));
    printf("  T+%-4lld s  nor one that does what `caches` in the configuration says\n",
           (long long)show_number(times, "pessimistic"));
}

int run_drain(const struct call *call)
{
    struct target target;
    json_t *body = NULL, *answer = NULL;
    int status = body_make(call, &body);
    if (status != EXIT_DONE) {
        return status;
    }
    option_add(body, call, OPT_REASON, "reason");
    option_add(body, call, OPT_TO, "to");
    option_add(body, call, OPT_TTL, "ttl");
    option_add(body, call, OPT_FOR, "for");
    if (call_has(call, OPT_DRY_RUN)) {
        json_object_set_new(body, "dry_run", json_true());
    }
    target_begin(&target, "/v1/drain");
    status = client_ask(call, "POST", &target, body, &answer);
    if (status != EXIT_DONE) {
        return status;
    }
    long long number = (long long)show_number(json_object_get(answer, "drain"), "drain");
    if (call_has(call, OPT_DRY_RUN) && !call_has(call, OPT_JSON)) {
        show_timetable(answer);
        json_decref(answer);
        return EXIT_DONE;
    }
    if (call_has(call, OPT_JSON) && (call_has(call, OPT_DETACH) || call_has(call, OPT_DRY_RUN))) {
        print_json(answer);
        return EXIT_DONE;
    }
    json_decref(answer);
    if (call_has(call, OPT_DETACH)) {
        printf("drain %lld has begun; `horizon drains` shows it\n", number);
        return EXIT_DONE;
    }
    if (call_has(call, OPT_JSON)) {
        json_t *drain = NULL;
        while ((status = fetch(call, number, &drain)) == EXIT_DONE && !is_over(drain)) {
            json_decref(drain);
            drain = NULL;
            usleep(LOOK_US);
        }
        if (drain) {
            status = strcmp(show_text(drain, "step"), "done") == 0 ? EXIT_DONE : EXIT_NO;
            print_json(drain);
        }
        return status;
    }
    printf("drain %lld; it goes on when you leave (`horizon drains`, `horizon undrain`)\n", number);
    return follow(call, number);
}

int run_undrain(const struct call *call)
{
    struct target target;
    json_t *body = NULL, *answer = NULL;
    int status = body_make(call, &body);
    if (status != EXIT_DONE) {
        return status;
    }
    target_begin(&target, "/v1/undrain");
    status = client_ask(call, "POST", &target, body, &answer);
    if (status != EXIT_DONE) {
        return status;
    }
    if (call_has(call, OPT_JSON)) {
        print_json(answer);
        return EXIT_DONE;
    }
    printf("no longer drained: generation %lld; services go back when their failback is due\n",
           (long long)show_number(answer, "generation"));
    json_decref(answer);
    return EXIT_DONE;
}

int run_drains(const struct call *call)
{
    struct target target;
    struct table table = {.columns = 5};
    json_t *answer = NULL;
    const json_t *item;
    size_t i;
    target_begin(&target, "/v1/drains");
    int status = client_ask(call, "GET", &target, NULL, &answer);
    if (status != EXIT_DONE) {
        return status;
    }
    if (call_has(call, OPT_JSON)) {
        print_json(answer);
        return EXIT_DONE;
    }
    json_array_foreach(json_object_get(answer, "drains"), i, item)
    {
        char what[512];
        double left = json_real_value(json_object_get(item, "left"));
        table_cell(&table, "%lld", (long long)show_number(item, "drain"));
        table_cell(&table, "%s", target_text(item, what, sizeof(what)));
        table_cell(&table, left > 0 ? "%s, %.0f s left" : "%s", show_text(item, "text"), left);
        table_cell(&table, "%s: %s", show_text(item, "owner"), show_text(item, "reason"));
        table_cell(&table, "%s", show_text(item, "problem"));
    }
    if (i == 0) {
        printf("nothing is drained\n");
    }
    table_print(&table, stdout, "");
    json_decref(answer);
    return EXIT_DONE;
}
