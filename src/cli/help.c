/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"

#include "cli/print.h"

#include <string.h>

static void help_options(const struct command *command)
{
    struct table table = {.columns = 2};
    for (unsigned i = 0; i < OPT_COUNT; i++) {
        const struct cli_option *option = &CLI_OPTIONS[i];
        if (command->options >> i & 1) {
            table_cell(&table, "--%s%s%s", option->word, option->value ? " " : "",
                       option->value ? option->value : "");
            table_cell(&table, "%s%s", option->text, option->many ? "; may come again" : "");
        }
    }
    table_print(&table, stdout, "  ");
}

static void help_all(void)
{
    printf("usage: horizon COMMAND [OPTION]...\n\n");
    struct table table = {.columns = 2};
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        table_cell(&table, "%s", COMMANDS[i].name);
        table_cell(&table, "%s", COMMANDS[i].text);
    }
    table_print(&table, stdout, "  ");
    printf("\n'horizon help COMMAND' says more. Exit status: 0 done, 1 no, 2 usage.\n");
}

void help_print(const struct command *command)
{
    if (!command) {
        help_all();
        return;
    }
    printf("usage: horizon %s%s%s [OPTION]...\n%s.\n\n", command->name,
           *command->arguments ? " " : "", command->arguments, command->text);
    help_options(command);
    if (command->example) {
        printf("\nexample: horizon %s\n", command->example);
    }
}

static json_t *options_json(const struct command *command)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < OPT_COUNT; i++) {
        const struct cli_option *option = &CLI_OPTIONS[i];
        if (command->options >> i & 1) {
            json_array_append_new(list, json_pack("{s:s, s:s?, s:b, s:s}", "option", option->word,
                                                  "value", option->value, "repeatable",
                                                  (int)option->many, "text", option->text));
        }
    }
    return list;
}

static json_t *command_json(const struct command *command)
{
    return json_pack("{s:s, s:s, s:s, s:o}", "command", command->name, "arguments",
                     command->arguments, "text", command->text, "options", options_json(command));
}

int run_help(const struct call *call)
{
    const struct command *command = NULL;
    if (call->argument_count > 0) {
        int words;
        command = command_find((int)call->argument_count, (char **)call->arguments, &words);
        if (!command) {
            return print_usage(NULL, "there is no command '%s'", call->arguments[0]);
        }
    }
    if (!call_has(call, OPT_JSON)) {
        help_print(command);
        return EXIT_DONE;
    }
    json_t *list = json_array();
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        if (!command || command == &COMMANDS[i]) {
            json_array_append_new(list, command_json(&COMMANDS[i]));
        }
    }
    print_json(json_pack("{s:o}", "commands", list));
    return EXIT_DONE;
}

int run_version(const struct call *call)
{
    if (call_has(call, OPT_JSON)) {
        print_json(json_pack("{s:s}", "version", HORIZON_VERSION));
    } else {
        printf("horizon %s\n", HORIZON_VERSION);
    }
    return EXIT_DONE;
}
