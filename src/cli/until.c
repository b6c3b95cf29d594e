/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/client.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/show.h"

#include <string.h>

/* "12:00:05" of "2026-11-27T12:00:05Z". */
static const char *time_of_day(const char *text, char out[9])
{
    const char *from = strchr(text, 'T');
    memcpy(out, from && strlen(from) > 8 ? from + 1 : "        ", 8);
    out[8] = '\0';
    return out;
}

static void show_sent(const json_t *item, const char *what)
{
    const char *until = show_text(item, "until"), *sent = show_text(item, "last_sent");
    double left = json_real_value(json_object_get(item, "left"));
    char at[9];
    if (!*until) {
        printf("not %s since the start\n", what);
        return;
    }
    if (*sent) {
        printf("last %s %s, ", what, time_of_day(sent, at));
    }
    if (left > 0) {
        char last[9];
        printf("may be held until %s UTC (%.0f s), pessimistic %s\n", time_of_day(until, at),
               left + 0.5, time_of_day(show_text(item, "pessimistic"), last));
    } else {
        printf("no cache holds it since %s UTC\n", time_of_day(until, at));
    }
}

static void show_set(const json_t *set)
{
    const json_t *data = json_object_get(set, "data"), *item;
    size_t i;
    printf("    %-6s TTL %lld s  ", show_text(set, "type"), (long long)show_number(set, "ttl"));
    show_sent(set, "sent");
    json_array_foreach(data, i, item)
    {
        printf("           %s\n", json_string_value(item));
    }
    if (show_number(set, "count") > (json_int_t)json_array_size(data)) {
        printf("           ... %lld in all\n", (long long)show_number(set, "count"));
    }
}

static void show_replaced(const json_t *list)
{
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        bool still = json_is_true(json_object_get(item, "still_answered"));
        printf("    %-6s %s  ", show_text(item, "type"), show_text(item, "data"));
        print_colour(stdout, still ? COLOUR_NONE : COLOUR_YELLOW);
        printf("%s", still ? "earlier too: " : "replaced: ");
        show_sent(item, "sent");
        print_colour(stdout, COLOUR_NONE);
    }
}

static void show_view(const json_t *view)
{
    const json_t *records = json_object_get(view, "records"), *set;
    const char *bound = show_text(view, "bound");
    size_t i;
    print_colour(stdout, COLOUR_BOLD);
    printf("  view %s", show_text(view, "view"));
    print_colour(stdout, COLOUR_NONE);
    if (!*show_text(view, "zone")) {
        printf("  no zone here holds the name\n");
        return;
    }
    printf("%s\n",
           json_is_true(json_object_get(view, "exists")) ? "" : "  the name does not exist");
    json_array_foreach(records, i, set)
    {
        show_set(set);
    }
    printf("    %-6s           ", "denied");
    show_sent(json_object_get(view, "denied"), "denied");
    show_replaced(json_object_get(view, "replaced"));
    if (*bound) {
        printf("    at the latest: %s\n", bound);
    }
}

/* "last sent 12:00:00, until 12:01:00 UTC (42 s); pessimistic 12:03:00" */
static void show_reach(const json_t *item)
{
    const char *until = show_text(item, "until");
    long long answered = (long long)show_number(item, "answered");
    double left = json_real_value(json_object_get(item, "left"));
    char at[9], sent[9], last[9];
    if (!*until) {
        printf("nobody was led there since the start\n");
    } else if (left > 0) {
        printf("last led there %s, caches may lead there until %s UTC (%.0f s), pessimistic %s\n",
               time_of_day(show_text(item, "last_sent"), sent), time_of_day(until, at), left + 0.5,
               time_of_day(show_text(item, "pessimistic"), last));
    } else {
        printf("no cache that honours TTLs leads there since %s UTC, pessimistic %s\n",
               time_of_day(until, at), time_of_day(show_text(item, "pessimistic"), last));
    }
    if (answered > 0) {
        printf("    %lld of %lld %s there now: each question moves that instant\n", answered,
               (long long)show_number(item, "names"),
               print_plural(answered, "names leads", "names lead"));
    } else {
        printf("    no name leads there any more: the instant is fixed\n");
    }
    if (json_is_true(json_object_get(item, "bound"))) {
        printf("    at the latest: clients are told different parts, the latest of all is shown\n");
    }
}

static int until_reach(const struct call *call)
{
    json_t *json = NULL;
    const json_t *view, *views;
    size_t i;
    struct target target;
    target_begin(&target, "/v1/until");
    if (call_has(call, OPT_SITE)) {
        target_add(&target, "site", call_option(call, OPT_SITE));
    } else {
        target_add(&target, "service", call_argument(call, 0));
        target_add(&target, "instance", call_argument(call, 1));
    }
    int status = client_ask(call, "GET", &target, NULL, &json);
    if (status != EXIT_DONE) {
        return status;
    }
    if (call_has(call, OPT_JSON)) {
        print_json(json);
        return EXIT_DONE;
    }
    long long instances = (long long)show_number(json, "instances");
    if (call_has(call, OPT_SITE)) {
        printf("site %s, %lld %s\n  ", call_option(call, OPT_SITE), instances,
               print_plural(instances, "instance", "instances"));
    } else {
        printf("%s of %s\n  ", call_argument(call, 1), call_argument(call, 0));
    }
    show_reach(json);
    if (json_is_false(json_object_get(json, "settled"))) {
        printf("  a change is being published: the instant may move for a moment yet\n");
    }
    views = json_object_get(json, "views");
    json_array_foreach(views, i, view)
    {
        if (json_array_size(views) > 1) {
            printf("  view %s: ", show_text(view, "view"));
            show_reach(view);
        }
    }
    json_decref(json);
    return EXIT_DONE;
}

int run_until(const struct call *call)
{
    json_t *json = NULL;
    const json_t *view;
    size_t i;
    struct target target;
    if (!call_argument(call, 0) && !call_has(call, OPT_SITE)) {
        return print_usage(call->command,
                           "until needs a name, a service and an instance, or --site");
    }
    if (call_argument(call, 0) && call_has(call, OPT_SITE)) {
        return print_usage(call->command, "until asks for a name or for a site, not for both");
    }
    if (call_argument(call, 1) || call_has(call, OPT_SITE)) {
        return until_reach(call);
    }
    target_begin(&target, "/v1/until");
    target_add(&target, "name", call_argument(call, 0));
    int status = client_ask(call, "GET", &target, NULL, &json);
    if (status != EXIT_DONE) {
        return status;
    }
    if (call_has(call, OPT_JSON)) {
        print_json(json);
        return EXIT_DONE;
    }
    printf("%s  as caches that honour TTLs may hold it, if it were changed now\n",
           show_text(json, "name"));
    json_array_foreach(json_object_get(json, "views"), i, view)
    {
        show_view(view);
    }
    json_decref(json);
    return EXIT_DONE;
}
