/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/reference.h"

#include "base/error.h"
#include "cli/command.h"
#include "cli/print.h"
#include "config/options.h"

static const char MANUAL_HEAD[] =
    ".\\\" SPDX-License-Identifier: GPL-3.0-or-later\n"
    ".\\\" Written by 'horizon reference manual' from the option table; change that.\n"
    ".Dd January 1, 2026\n"
    ".Dt HORIZON.YAML 5\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm horizon.yaml\n"
    ".Nd configuration of horizon\n"
    ".Sh DESCRIPTION\n"
    "One YAML file tells\n"
    ".Xr horizon 1\n"
    "where to listen, who belongs to which view, and what is served.\n"
    ".Dq horizon check\n"
    "judges it, with file, line, column and mend of each fault.\n"
    ".Pp\n"
    "Paths are relative to the folder of the file, names inside a zone to the zone.\n"
    "Durations have a unit: 500ms, 2s, 5m, 1h.\n"
    ".Ql []\n"
    "stands for each item of a list,\n"
    ".Ql NAME\n"
    "for a name that you choose.\n"
    ".Sh OPTIONS\n"
    ".Bl -tag -width Ds\n";

static const char MANUAL_TAIL[] = ".El\n"
                                  ".Sh EXAMPLES\n"
                                  ".Bd -literal -offset indent\n"
                                  "server:\n"
                                  "  listen: [127.0.0.1:5300]\n"
                                  "views:\n"
                                  "  internal: {internal: true, match: [10.0.0.0/8]}\n"
                                  "  external: {default: true}\n"
                                  "zones:\n"
                                  "  - zone: example.com\n"
                                  "    file: example.com.zone\n"
                                  "    overlays:\n"
                                  "      - view: internal\n"
                                  "        reason: no hairpin\n"
                                  "        replace: {api: 60 A 10.0.1.50}\n"
                                  ".Ed\n"
                                  ".Sh SEE ALSO\n"
                                  ".Xr horizon 1\n";

/* Text for roff: a backslash is doubled, and no line begins with a control character. */
static void roff_write(const char *text)
{
    if (*text == '.' || *text == '\'') {
        fputs("\\&", stdout);
    }
    for (; *text; text++) {
        fputs(*text == '\\' ? "\\e" : (const char[]){*text, '\0'}, stdout);
    }
}

static void option_write(const struct option *option)
{
    char range[RANGE_TEXT_BYTES];
    option_range_text(option, range);
    printf(".It Va %s\n", option->path);
    roff_write(option->text);
    printf("\nType: %s%s%s.\n", option_type_name(option->type), *range ? ", " : "", range);
    if (option->flags & OPTION_REQUIRED) {
        puts("Required.");
    } else if (option->fallback && *option->fallback) {
        printf("Default: ");
        roff_write(option->fallback);
        puts(".");
    }
    if (option->flags & OPTION_RESTART) {
        puts("Changes at a restart, not at a reload.");
    }
}

int run_manual(const struct call *call)
{
    if (call_has(call, OPT_JSON)) {
        return run_reference(call);
    }
    fputs(MANUAL_HEAD, stdout);
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        option_write(&OPTIONS[i]);
    }
    fputs(MANUAL_TAIL, stdout);
    return EXIT_DONE;
}

static json_t *options_json(void)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];
        char range[RANGE_TEXT_BYTES];
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s?, s:b, s:b, s:s}", "option", option->path, "type",
                            option_type_name(option->type), "range",
                            option_range_text(option, range), "default", option->fallback,
                            "required", (option->flags & OPTION_REQUIRED) != 0, "restart",
                            (option->flags & OPTION_RESTART) != 0, "text", option->text));
    }
    return list;
}

int run_reference(const struct call *call)
{
    if (call_has(call, OPT_JSON)) {
        print_json(json_pack("{s:o}", "options", options_json()));
        return EXIT_DONE;
    }
    if (config_reference_write(stdout) != ERR_OK) {
        return print_failure("standard output cannot be written");
    }
    return EXIT_DONE;
}
