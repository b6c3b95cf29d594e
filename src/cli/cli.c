/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"

#include "base/limits.h"
#include "cli/command.h"
#include "cli/offline.h"
#include "cli/print.h"

#include <stdlib.h>
#include <string.h>

static int call_run(int argc, char **argv, struct call *call)
{
    int status = command_parse(argc, argv, call);
    if (status != EXIT_DONE) {
        return status;
    }
    if (call_has(call, OPT_HELP)) {
        help_print(call->command);
        return EXIT_DONE;
    }
    return call->command->run(call);
}

/* Before the words are understood: also what is wrong with them is told as it was asked for. */
static bool json_wanted(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

static int run_words(int argc, char **argv, int (*serve)(const struct cli_serve *))
{
    struct call call = {
        .serve = serve,
        .arguments = calloc((size_t)argc + 1, sizeof(*call.arguments)),
        .values = calloc((size_t)argc + 1, sizeof(*call.values)),
    };
    int status = EXIT_NO;
    print_errors_as_json(json_wanted(argc, argv));
    if (call.arguments && call.values) {
        status = call_run(argc, argv, &call);
    } else {
        print_failure("out of memory");
    }
    free(call.arguments);
    free(call.values);
    return status;
}

int cli_main(int argc, char **argv, int (*serve)(const struct cli_serve *serve))
{
    if (argc < 2) {
        help_print(NULL);
        return EXIT_USAGE;
    }
    bool help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
    if (help || strcmp(argv[1], "--version") == 0) {
        char word[] = "version", help_word[] = "help", *words[] = {help ? help_word : word, NULL};
        return run_words(1, words, serve);
    }
    int status = run_words(argc - 1, argv + 1, serve);
    if (fflush(stdout) != 0 && status == EXIT_DONE) {
        print_errors_as_json(false);
        return print_failure("standard output cannot be written");
    }
    return status;
}

static int check_workers(const struct call *call, const char *text)
{
    char *end = NULL;
    unsigned long workers = text ? strtoul(text, &end, 10) : 0;
    if (text && (*text < '0' || *text > '9' || *end || workers > LIMIT_WORKERS)) {
        return print_usage(call->command, "--workers takes a number from 0 to %d, not '%s'",
                           (int)LIMIT_WORKERS, text);
    }
    return EXIT_DONE;
}

int run_serve(const struct call *call)
{
    const char **words = calloc(2 * ((size_t)call->value_count + 1), sizeof(*words));
    if (!words) {
        return print_failure("out of memory");
    }
    const char **zones = words + call->value_count + 1;
    struct cli_serve serve = {
        .config = call_option(call, OPT_CONFIG),
        .listens = words,
        .zones = zones,
        .control = call_option(call, OPT_CONTROL),
        .data = call_option(call, OPT_DATA),
        .api = call_option(call, OPT_API),
        .workers = call_option(call, OPT_WORKERS),
        .json = call_has(call, OPT_JSON),
    };
    call_options(call, OPT_LISTEN, words);
    call_options(call, OPT_ZONE, zones);
    int status = EXIT_USAGE;
    if (serve.config && (words[0] || zones[0])) {
        print_usage(call->command, "--config and --listen or --zone are two ways to say the same; "
                                   "choose one");
    } else if (!serve.config && (!words[0] || !zones[0])) {
        print_usage(call->command, "serve needs --config, or --listen and --zone");
    } else {
        status = check_workers(call, serve.workers);
        if (status == EXIT_DONE && !serve.config) {
            status = offline_check_flags(words, zones);
        }
        status = status == EXIT_DONE ? call->serve(&serve) : status;
    }
    free(words);
    return status;
}
