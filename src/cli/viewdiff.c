/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/viewdiff.h"

#include "cli/client.h"
#include "cli/command.h"
#include "cli/offline.h"
#include "cli/print.h"
#include "cli/show.h"

static int ask_daemon(const struct call *call, const struct viewdiff_question *question,
                      json_t **ret_json)
{
    struct target target;
    target_begin(&target, "/v1/views/diff");
    target_add(&target, "a", question->a);
    target_add(&target, "b", question->b);
    target_add(&target, "name", question->name);
    return client_ask(call, "GET", &target, NULL, ret_json);
}

static int ask_offline(const struct call *call, const struct viewdiff_question *question,
                       json_t **ret_json)
{
    struct offline *offline = NULL;
    int status = offline_open(call, call_option(call, OPT_CONFIG), &offline);
    if (status != EXIT_DONE) {
        return status;
    }
    struct explain_world world = offline_world(offline);
    struct explain_refusal refusal;
    status = offline_answer(call, viewdiff_to_json(&world, question, ret_json, &refusal), &refusal);
    offline_free(offline);
    return status;
}

/* One line a record; a side that has nothing says so. */
static void show_side(struct table *table, const char *view, const json_t *records, bool has_name)
{
    const json_t *record;
    size_t i;
    json_array_foreach(records, i, record)
    {
        table_cell(table, "%s", i == 0 ? view : "");
        table_cell(table, "%lld", (long long)show_number(record, "ttl"));
        table_cell(table, "%s", show_text(record, "type"));
        table_cell(table, "%s", show_text(record, "data"));
    }
    if (json_array_size(records) == 0) {
        table_cell(table, "%s", view);
        table_cell(table, "%s", "");
        table_cell(table, "%s", has_name ? "has it" : "has not");
        table_cell(table, "%s", "");
    }
}

static void show_difference(const json_t *diff, const json_t *item)
{
    bool declared = json_is_true(json_object_get(item, "declared"));
    const char *type = show_text(item, "type"), *place = show_text(item, "place");
    print_colour(stdout, COLOUR_BOLD);
    printf("%s%s%s", show_text(item, "name"), *type ? " " : "", type);
    print_colour(stdout, COLOUR_NONE);
    print_colour(stdout, declared ? COLOUR_NONE : COLOUR_YELLOW);
    printf("  %s%s", declared ? "declared: " : "not declared",
           declared ? show_text(item, "reason") : "");
    print_colour(stdout, COLOUR_NONE);
    printf("%s%s%s\n", *place ? " (" : "", place, *place ? ")" : "");
    struct table table = {.columns = 4, .right = 2};
    show_side(&table, show_text(diff, "a"), json_object_get(item, "a"),
              json_is_true(json_object_get(item, "in_a")));
    show_side(&table, show_text(diff, "b"), json_object_get(item, "b"),
              json_is_true(json_object_get(item, "in_b")));
    table_print(&table, stdout, "  ");
}

static void show_diff(const json_t *diff)
{
    const json_t *list = json_object_get(diff, "differences"), *item;
    json_int_t count = show_number(diff, "count"), undeclared = show_number(diff, "undeclared");
    size_t i;
    json_array_foreach(list, i, item)
    {
        show_difference(diff, item);
    }
    if ((size_t)count > json_array_size(list)) {
        printf("... and %lld more\n", (long long)count - (long long)json_array_size(list));
    }
    printf("%s and %s: %lld %s, %lld not declared\n", show_text(diff, "a"), show_text(diff, "b"),
           (long long)count, print_plural(count, "difference", "differences"),
           (long long)undeclared);
}

int run_view_diff(const struct call *call)
{
    struct viewdiff_question question = {
        .a = call_option(call, OPT_VIEW_A),
        .b = call_option(call, OPT_VIEW_B),
        .name = call_argument(call, 0),
    };
    json_t *diff = NULL;
    int status = offline_wanted(call) ? ask_offline(call, &question, &diff)
                                      : ask_daemon(call, &question, &diff);
    if (status != EXIT_DONE) {
        return status;
    }
    bool declared = show_number(diff, "undeclared") == 0;
    if (call_has(call, OPT_JSON)) {
        print_json(diff);
    } else {
        show_diff(diff);
        json_decref(diff);
    }
    return declared ? EXIT_DONE : EXIT_NO;
}
