/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/reference.h"

#include "base/error.h"
#include "config/options.h"

#include <string.h>

/* clang-format off */
static const char HEAD[] =
    "# Configuration\n"
    "\n"
    "<!-- Written by `horizon reference configuration` from the option table in\n"
    "     src/config/options.c. Change the table, not this page. -->\n"
    "\n"
    "horizon reads one YAML file, `horizon serve --config FILE`. `horizon check --config FILE`\n"
    "reads it and all that it names, and prints each fault as `file:line:column`, with the\n"
    "mend.\n"
    "\n"
    "```yaml\n"
    "server:\n"
    "  listen:\n"
    "    - 127.0.0.1:5300\n"
    "    - {name: lan, address: \"[::1]:5300\"}\n"
    "views:\n"
    "  internal:\n"
    "    internal: true\n"
    "    match:\n"
    "      - 10.0.0.0/8\n"
    "      - {prefix: 192.168.0.0/16, listener: lan}\n"
    "  external:\n"
    "    default: true\n"
    "zones:\n"
    "  - zone: example.com\n"
    "    file: example.com.zone\n"
    "    overlays:\n"
    "      - view: internal\n"
    "        reason: private addresses, no detour through the balancer\n"
    "        replace:\n"
    "          api: 60 A 10.0.1.50\n"
    "          www: [A 10.0.1.51, AAAA fd00::51]\n"
    "          mail AAAA: AAAA fd00::25\n"
    "        add:\n"
    "          debug: A 10.0.1.99\n"
    "        remove: [beta, legacy AAAA]\n"
    "```\n"
    "\n"
    "## How values are written\n"
    "\n"
    "- **duration**: a whole number and its unit, `500ms`, `2s`, `5m`, `1h`. A number alone is an\n"
    "  error.\n"
    "- **domain name** inside a zone: relative to the zone, unless it ends with a dot or with\n"
    "  the zone's own name. `\"@\"` is the zone itself. YAML wants quotes around `\"@\"` and\n"
    "  around names that begin with `*`.\n"
    "- **prefix**: `10.0.0.0/8`, `2001:db8::/32`, or one address. Bits beyond the length must be\n"
    "  zero. IPv4-mapped IPv6 addresses are IPv4 addresses.\n"
    "- **record**: `[TTL] TYPE RDATA` as in a zone file, in one line; text with `;` or\n"
    "  parentheses in double quotes: `'TXT \"v=spf1; -all\"'`.\n"
    "- **path**: relative to the folder of the configuration file.\n"
    "- Anchors, aliases, merge keys, tags and a second document are refused, and so is a key\n"
    "  that is written twice.\n"
    "\n"
    "In an overlay, removals work first, then replacements of whole addresses, then those of\n"
    "single types, then additions, in whatever order the keys stand.\n"
    "\n"
    "An option marked *restart* keeps its value until horizon is started anew; a reload applies\n"
    "all others and says which wait.\n";
/* clang-format on */

static void markdown_write(FILE *out, const char *text)
{
    for (; *text; text++) {
        fputs(*text == '|' ? "\\|" : (const char[]){*text, '\0'}, out);
    }
}

static void row_write(FILE *out, const struct option *option)
{
    char range[RANGE_TEXT_BYTES];
    const char *fallback = option->fallback ? option->fallback : "";
    option_range_text(option, range);
    fprintf(out, "| `%s` | %s%s%s | ", option->path, option_type_name(option->type),
            *range ? ", " : "", range);
    if (option->flags & OPTION_REQUIRED) {
        fputs("required", out);
    } else if (*fallback) {
        fprintf(out, "`%s`", fallback);
    }
    fputs(" | ", out);
    markdown_write(out, option->text);
    fputs(option->flags & OPTION_RESTART ? " *restart* |\n" : " |\n", out);
}

/* The first word of a path: the chapter that a row stands in. */
static bool same_chapter(const struct option *a, const struct option *b)
{
    size_t a_len = strcspn(a->path, ".["), b_len = strcspn(b->path, ".[");
    return a_len == b_len && strncmp(a->path, b->path, a_len) == 0;
}

int config_reference_write(FILE *out)
{
    fputs(HEAD, out);
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];
        if (i == 0 || !same_chapter(option, &OPTIONS[i - 1])) {
            fprintf(out, "\n## %s\n\n", option->path);
            markdown_write(out, option->text);
            fputs("\n\n| Option | Type | Default | |\n|---|---|---|---|\n", out);
        } else {
            row_write(out, option);
        }
    }
    return fflush(out) == 0 && !ferror(out) ? ERR_OK : ERR_IO;
}
