/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"

#include "cli/print.h"

#include <stdlib.h>
#include <string.h>

static int first_word_len(const struct command *command)
{
    return (int)strcspn(command->name, " ");
}

/* Does command i share its first word with the one before ("reference manual")? */
static bool is_second(unsigned i)
{
    int len = first_word_len(&COMMANDS[i]);
    return i > 0 && len == first_word_len(&COMMANDS[i - 1]) &&
           strncmp(COMMANDS[i].name, COMMANDS[i - 1].name, (size_t)len) == 0;
}

/* The second words that may follow the first word of command i, each with a blank after it. */
static char *second_words(unsigned i, char out[256])
{
    size_t at = 0;
    out[0] = 0;
    do {
        const char *blank = strchr(COMMANDS[i].name, ' ');
        if (blank && at < 200) {
            at += (size_t)snprintf(out + at, 256 - at, "%s ", blank + 1);
        }
    } while (++i < COMMAND_COUNT && is_second(i));
    if (strchr(COMMANDS[i - 1].arguments, '|') && at < 200) {
        snprintf(out + at, 256 - at, "bash zsh fish ");
    }
    return out;
}

/* Prints the first word of each command; with `between`, its sentence too. */
static void first_words(FILE *out, const char *before, const char *between, const char *after)
{
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = &COMMANDS[i];
        if (is_second(i)) {
            continue;
        }
        fprintf(out, "%s%.*s%s%s%s", before, first_word_len(command), command->name,
                between ? between : "", between ? command->text : "", after);
    }
}

static bool takes_file(const struct cli_option *option)
{
    return option->value &&
           (strcmp(option->value, "FILE") == 0 || strcmp(option->value, "PATH") == 0 ||
            strcmp(option->value, "SOCKET") == 0 || strcmp(option->value, "ORIGIN=FILE") == 0);
}

static void bash_options(FILE *out, const struct command *command)
{
    for (unsigned i = 0; i < OPT_COUNT; i++) {
        if (command->options >> i & 1) {
            fprintf(out, " --%s", CLI_OPTIONS[i].word);
        }
    }
}

static void bash(FILE *out)
{
    fprintf(out,
            "# bash completion for horizon; made by: horizon completion bash\n"
            "_horizon() {\n"
            "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=\n"
            "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words=\"");
    first_words(out, "", NULL, " ");
    fprintf(out, "\"\n    else\n        case $before in\n        ");
    bool first = true;
    for (unsigned i = 0; i < OPT_COUNT; i++) {
        if (takes_file(&CLI_OPTIONS[i])) {
            fprintf(out, "%s--%s", first ? "" : "|", CLI_OPTIONS[i].word);
            first = false;
        }
    }
    fprintf(out, ") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n        esac\n"
                 "        case ${COMP_WORDS[1]} in\n");
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        char more[256];
        if (is_second(i)) {
            continue;
        }
        fprintf(out, "        %.*s) words=\"%s", first_word_len(&COMMANDS[i]), COMMANDS[i].name,
                second_words(i, more));
        bash_options(out, &COMMANDS[i]);
        fprintf(out, "\" ;;\n");
    }
    fprintf(out, "        esac\n    fi\n"
                 "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                 "    [ \"${COMP_WORDS[1]}\" = check ] && [ \"$COMP_CWORD\" -gt 1 ] &&\n"
                 "        COMPREPLY+=($(compgen -f -- \"$word\"))\n"
                 "    return 0\n}\ncomplete -o filenames -F _horizon horizon\n");
}

static void zsh(FILE *out)
{
    fprintf(out, "#compdef horizon\n# zsh completion for horizon; made by: horizon completion zsh\n"
                 "_horizon() {\n    local -a commands\n    commands=(\n");
    first_words(out, "        '", ":", "'\n");
    fprintf(out, "    )\n    if (( CURRENT == 2 )); then\n"
                 "        _describe command commands\n        return\n    fi\n"
                 "    case $words[2] in\n");
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = &COMMANDS[i];
        char more[256];
        if (is_second(i)) {
            continue;
        }
        fprintf(out, "    %.*s) _arguments", first_word_len(command), command->name);
        if (*second_words(i, more)) {
            fprintf(out, " '2:word:(%s)'", more);
        }
        for (unsigned j = 0; j < OPT_COUNT; j++) {
            const struct cli_option *option = &CLI_OPTIONS[j];
            if (command->options >> j & 1) {
                fprintf(out, " '%s--%s[%s]%s%s%s'", option->many ? "*" : "", option->word,
                        option->text, option->value ? ":" : "", option->value ? option->value : "",
                        takes_file(option) ? ":_files"
                        : option->value    ? ":"
                                           : "");
            }
        }
        fprintf(out, " '*:argument:_files' ;;\n");
    }
    fprintf(out, "    esac\n}\n_horizon \"$@\"\n");
}

static void fish(FILE *out)
{
    fprintf(out, "# fish completion for horizon; made by: horizon completion fish\n"
                 "complete -c horizon -f\n");
    first_words(out, "complete -c horizon -n __fish_use_subcommand -a ", " -d \"", "\"\n");
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = &COMMANDS[i];
        int len = first_word_len(command);
        char more[256];
        if (is_second(i)) {
            continue;
        }
        if (*second_words(i, more)) {
            fprintf(out, "complete -c horizon -n '__fish_seen_subcommand_from %.*s' -a '%s'\n", len,
                    command->name, more);
        }
        for (unsigned j = 0; j < OPT_COUNT; j++) {
            const struct cli_option *option = &CLI_OPTIONS[j];
            if (command->options >> j & 1) {
                fprintf(out,
                        "complete -c horizon -n '__fish_seen_subcommand_from %.*s' -l %s%s%s -d "
                        "\"%s\"\n",
                        len, command->name, option->word, option->value ? " -r" : "",
                        takes_file(option) ? " -F" : "", option->text);
            }
        }
    }
}

static int completion_show(const struct call *call, const char *shell, void (*print)(FILE *out))
{
    if (!call_has(call, OPT_JSON)) {
        print(stdout);
        return EXIT_DONE;
    }
    char *script = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&script, &len);
    if (!out) {
        return print_failure("out of memory");
    }
    print(out);
    fclose(out);
    print_json(json_pack("{s:s, s:s}", "shell", shell, "script", script));
    free(script);
    return EXIT_DONE;
}

int run_completion(const struct call *call)
{
    static const struct {
        const char *shell;
        void (*print)(FILE *out);
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    const char *wanted = call_argument(call, 0);
    for (unsigned i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(shells[i].shell, wanted) == 0) {
            return completion_show(call, wanted, shells[i].print);
        }
    }
    return print_usage(call->command, "no completion for '%s'; there is one for bash, zsh and fish",
                       wanted);
}
