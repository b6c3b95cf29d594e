/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"

#include "cli/print.h"

#include <string.h>

static const char *second_word(const struct command *command)
{
    const char *blank = strchr(command->name, ' ');
    return blank ? blank + 1 : "";
}

static int first_word_len(const struct command *command)
{
    return (int)strcspn(command->name, " ");
}

/* Prints the first word of each command; with `between`, its sentence too. */
static void first_words(const char *before, const char *between, const char *after)
{
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = &COMMANDS[i];
        printf("%s%.*s%s%s%s", before, first_word_len(command), command->name,
               between ? between : "", between ? command->text : "", after);
    }
}

static bool takes_file(const struct cli_option *option)
{
    return option->value &&
           (strcmp(option->value, "FILE") == 0 || strcmp(option->value, "PATH") == 0 ||
            strcmp(option->value, "SOCKET") == 0 || strcmp(option->value, "ORIGIN=FILE") == 0);
}

static void bash_options(const struct command *command)
{
    printf("%s", second_word(command));
    for (unsigned i = 0; i < OPT_COUNT; i++) {
        if (command->options >> i & 1) {
            printf(" --%s", CLI_OPTIONS[i].word);
        }
    }
}

static void bash(void)
{
    printf("# bash completion for horizon; made by: horizon completion bash\n"
           "_horizon() {\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words=\"");
    first_words("", NULL, " ");
    printf("\"\n    else\n        case $before in\n        ");
    bool first = true;
    for (unsigned i = 0; i < OPT_COUNT; i++) {
        if (takes_file(&CLI_OPTIONS[i])) {
            printf("%s--%s", first ? "" : "|", CLI_OPTIONS[i].word);
            first = false;
        }
    }
    printf(") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n        esac\n"
           "        case ${COMP_WORDS[1]} in\n");
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        printf("        %.*s) words=\"", first_word_len(&COMMANDS[i]), COMMANDS[i].name);
        bash_options(&COMMANDS[i]);
        if (strchr(COMMANDS[i].arguments, '|')) {
            printf(" bash zsh fish");
        }
        printf("\" ;;\n");
    }
    printf("        esac\n    fi\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "    [ \"${COMP_WORDS[1]}\" = check ] && [ \"$COMP_CWORD\" -gt 1 ] &&\n"
           "        COMPREPLY+=($(compgen -f -- \"$word\"))\n"
           "    return 0\n}\ncomplete -o filenames -F _horizon horizon\n");
}

static void zsh(void)
{
    printf("#compdef horizon\n# zsh completion for horizon; made by: horizon completion zsh\n"
           "_horizon() {\n    local -a commands\n    commands=(\n");
    first_words("        '", ":", "'\n");
    printf("    )\n    if (( CURRENT == 2 )); then\n"
           "        _describe command commands\n        return\n    fi\n"
           "    case $words[2] in\n");
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = &COMMANDS[i];
        printf("    %.*s) _arguments", first_word_len(command), command->name);
        if (*second_word(command)) {
            printf(" '2:word:(%s)'", second_word(command));
        }
        for (unsigned j = 0; j < OPT_COUNT; j++) {
            const struct cli_option *option = &CLI_OPTIONS[j];
            if (command->options >> j & 1) {
                printf(" '%s--%s[%s]%s%s%s'", option->many ? "*" : "", option->word, option->text,
                       option->value ? ":" : "", option->value ? option->value : "",
                       takes_file(option) ? ":_files"
                       : option->value    ? ":"
                                          : "");
            }
        }
        printf(" '*:argument:%s' ;;\n",
               strchr(command->arguments, '|') ? "(bash zsh fish)" : "_files");
    }
    printf("    esac\n}\n_horizon \"$@\"\n");
}

static void fish(void)
{
    printf("# fish completion for horizon; made by: horizon completion fish\n"
           "complete -c horizon -f\n");
    first_words("complete -c horizon -n __fish_use_subcommand -a ", " -d \"", "\"\n");
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = &COMMANDS[i];
        int len = first_word_len(command);
        if (*second_word(command)) {
            printf("complete -c horizon -n '__fish_seen_subcommand_from %.*s' -a %s\n", len,
                   command->name, second_word(command));
        }
        if (strchr(command->arguments, '|')) {
            printf("complete -c horizon -n '__fish_seen_subcommand_from %.*s' -a 'bash zsh fish'\n",
                   len, command->name);
        }
        for (unsigned j = 0; j < OPT_COUNT; j++) {
            const struct cli_option *option = &CLI_OPTIONS[j];
            if (command->options >> j & 1) {
                printf("complete -c horizon -n '__fish_seen_subcommand_from %.*s' -l %s%s%s -d "
                       "\"%s\"\n",
                       len, command->name, option->word, option->value ? " -r" : "",
                       takes_file(option) ? " -F" : "", option->text);
            }
        }
    }
}

int run_completion(const struct call *call)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    const char *wanted = call_argument(call, 0);
    for (unsigned i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(shells[i].shell, wanted) == 0) {
            shells[i].print();
            return EXIT_DONE;
        }
    }
    return print_usage(call->command, "no completion for '%s'; there is one for bash, zsh and fish",
                       wanted);
}
