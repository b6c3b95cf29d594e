/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/json_text.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/show.h"

#include <stdlib.h>
#include <string.h>

static json_t *accept_body(const struct call *call)
{
    const char **names = calloc(call->value_count + 1, sizeof(*names));
    json_t *list = json_array();
    unsigned count = names ? call_options(call, OPT_ACCEPT, names) : 0;
    for (unsigned i = 0; i < count; i++) {
        json_array_append_new(list, json_text(names[i]));
    }
    free(names);
    return json_pack("{s:o}", "accept", list);
}

static void show_finding(const json_t *finding)
{
    bool is_error = strcmp(show_text(finding, "severity"), "error") == 0;
    const char *file = show_text(finding, "file"), *mend = show_text(finding, "mend");
    printf("%s", *file ? file : "command line");
    if (show_number(finding, "line")) {
        printf(":%lld", (long long)show_number(finding, "line"));
    }
    if (show_number(finding, "column")) {
        printf(":%lld", (long long)show_number(finding, "column"));
    }
    printf(": ");
    print_colour(stdout, is_error ? COLOUR_RED : COLOUR_YELLOW);
    printf("%s", show_text(finding, "severity"));
    print_colour(stdout, COLOUR_NONE);
    printf(": %s%s%s\n", show_text(finding, "text"), *mend ? "; " : "", mend);
}

static void show_result(const json_t *result)
{
    const json_t *item;
    size_t i;
    json_array_foreach(json_object_get(result, "findings"), i, item)
    {
        show_finding(item);
    }
    json_array_foreach(json_object_get(result, "held"), i, item)
    {
        printf("%s: held: %s\n  release it with: horizon reload --accept %s@%lld\n",
               show_text(item, "name"), show_text(item, "problem"), show_text(item, "name"),
               (long long)show_number(item, "held_serial"));
    }
    printf("%s: generation %lld, %lld %s read, %zu held\n", show_text(result, "result"),
           (long long)show_number(result, "generation"), (long long)show_number(result, "read"),
           print_plural(show_number(result, "read"), "zone", "zones"),
           json_array_size(json_object_get(result, "held")));
}

int run_reload(const struct call *call)
{
    struct target target;
    json_t *result = NULL;
    int status = wait_check(call);
    if (status != EXIT_DONE) {
        return status;
    }
    target_begin(&target, "/v1/reload");
    status = client_ask(call, "POST", &target, accept_body(call), &result);
    if (status != EXIT_DONE) {
        return status;
    }
    bool good = json_is_true(json_object_get(result, "ok"));
    long long generation = (long long)show_number(result, "generation");
    if (call_has(call, OPT_JSON)) {
        print_json(result);
    } else {
        show_result(result);
        json_decref(result);
    }
    return good ? wait_if_wanted(call, generation) : EXIT_NO;
}
