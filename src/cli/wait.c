/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * wait, and --wait horizon of changes: until no cache that honours TTLs holds what was replaced.
 * The number of the generation is all that is needed to go on waiting later.
 */
#include "cli/client.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LOOK_US = 200000
};

int wait_check(const struct call *call)
{
    const char *what = call_option(call, OPT_WAIT);
    if (what && strcmp(what, "served") != 0 && strcmp(what, "horizon") != 0) {
        return print_usage(call->command, "--wait is for served, or horizon");
    }
    return EXIT_DONE;
}

/* `quiet`: the change has said all that a program reads. */
static int wait_for(const struct call *call, const char *generation, bool quiet)
{
    bool told = false;
    for (;;) {
        struct target target;
        json_t *json = NULL;
        target_begin(&target, "/v1/until");
        target_add(&target, "generation", generation);
        int status = client_ask(call, "GET", &target, NULL, &json);
        if (status != EXIT_DONE) {
            return status;
        }
        bool over = json_is_true(json_object_get(json, "over"));
        double left = json_real_value(json_object_get(json, "left"));
        bool known = json_is_true(json_object_get(json, "settled"));
        if (over && !quiet && call_has(call, OPT_JSON)) {
            print_json(json);
            return EXIT_DONE;
        }
        if (over && !quiet) {
            printf("generation %s: no cache that honours TTLs holds what it replaced\n",
                   generation);
        } else if (known && !told && !call_has(call, OPT_JSON)) {
            told = true;
            printf("caches may hold what was replaced for %.0f s more (horizon wait %s goes on)\n",
                   left + 0.5, generation);
            fflush(stdout);
        }
        json_decref(json);
        if (over) {
            return EXIT_DONE;
        }
        usleep(LOOK_US);
    }
}

int wait_if_wanted(const struct call *call, long long generation)
{
    const char *what = call_option(call, OPT_WAIT);
    char text[24];
    if (!what || strcmp(what, "horizon") != 0 || call_has(call, OPT_DRY_RUN)) {
        return EXIT_DONE;
    }
    snprintf(text, sizeof(text), "%lld", generation);
    return wait_for(call, text, call_has(call, OPT_JSON));
}

int run_wait(const struct call *call)
{
    return wait_for(call, call_argument(call, 0), false);
}
