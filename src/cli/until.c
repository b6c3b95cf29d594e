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
        printf("may be held until %s UTC (%.0f s)\n", time_of_day(until, at), left + 0.5);
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

int run_until(const struct call *call)
{
    json_t *json = NULL;
    const json_t *view;
    size_t i;
    struct target target;
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
