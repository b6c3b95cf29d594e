/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/print.h"

#include "api/http.h"
#include "api/json_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool stream_shows_colour(FILE *out)
{
    const char *forbidden = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    if ((forbidden && *forbidden) || (terminal && strcmp(terminal, "dumb") == 0)) {
        return false;
    }
    return isatty(fileno(out)) == 1;
}

void print_colour(FILE *out, enum colour colour)
{
    static const char *const codes[] = {
        [COLOUR_NONE] = "\033[0m", [COLOUR_BOLD] = "\033[1m",    [COLOUR_DIM] = "\033[2m",
        [COLOUR_RED] = "\033[31m", [COLOUR_YELLOW] = "\033[33m", [COLOUR_GREEN] = "\033[32m",
    };
    if (stream_shows_colour(out)) {
        fputs(codes[colour], out);
    }
}

/* One process prints for one person: how is settled once, from the first look at the words. */
static bool errors_as_json;

void print_errors_as_json(bool wanted)
{
    errors_as_json = wanted;
}

__attribute__((format(printf, 3, 0))) static void error_print(const char *field, const char *mend,
                                                              const char *format, va_list args)
{
    char reason[4096];
    vsnprintf(reason, sizeof(reason), format, args);
    if (errors_as_json) {
        print_json(http_error_body(field, text_cut_whole(reason), mend));
        return;
    }
    fflush(stdout);
    fputs("horizon: ", stderr);
    print_colour(stderr, COLOUR_RED);
    fputs("error: ", stderr);
    print_colour(stderr, COLOUR_NONE);
    fprintf(stderr, "%s%s%s\n", reason, mend ? "; " : "", mend ? mend : "");
}

int print_fault(int status, const char *field, const char *mend, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_print(field, mend, format, args);
    va_end(args);
    return status;
}

void print_diags_as_error(int status, const struct diag_list *diags)
{
    const struct diag *diag = diags->first;
    while (diag && diag->severity != SEVERITY_ERROR) {
        diag = diag->next;
    }
    if (!errors_as_json || !diag) {
        print_diags(stderr, diags);
        return;
    }
    char place[1024] = "";
    if (diag->place.file && diag->place.line) {
        snprintf(place, sizeof(place), "%s:%" PRIu32 ": ", diag->place.file, diag->place.line);
    } else if (diag->place.file) {
        snprintf(place, sizeof(place), "%s: ", diag->place.file);
    }
    print_fault(status, diag->place.file ? "config" : NULL, diag->mend, "%s%s", place, diag->text);
}

int print_failure(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_print(NULL, NULL, format, args);
    va_end(args);
    return EXIT_NO;
}

int print_usage(const struct command *command, const char *format, ...)
{
    char mend[512] = "'horizon help' lists the commands";
    if (command) {
        snprintf(mend, sizeof(mend),
                 "usage: horizon %s%s%s [OPTION]...; 'horizon help %s' says more", command->name,
                 *command->arguments ? " " : "", command->arguments, command->name);
    }
    va_list args;
    va_start(args, format);
    error_print("words", errors_as_json ? mend : NULL, format, args);
    va_end(args);
    if (!errors_as_json) {
        fprintf(stderr, "%s\n", mend);
    }
    return EXIT_USAGE;
}

/* "PLACE: error: TEXT; MEND", with the word coloured. */
static void print_diag(FILE *out, const struct diag *diag)
{
    char line[8192];
    bool is_error = diag->severity == SEVERITY_ERROR;
    diag_format(diag, line, sizeof(line));
    const char *word = is_error ? ": error: " : ": warning: ";
    const char *found = strstr(line, word);
    if (!found) {
        fprintf(out, "%s\n", line);
        return;
    }
    fwrite(line, 1, (size_t)(found - line) + 2, out);
    print_colour(out, is_error ? COLOUR_RED : COLOUR_YELLOW);
    fputs(is_error ? "error" : "warning", out);
    print_colour(out, COLOUR_NONE);
    fprintf(out, "%s\n", found + strlen(word) - 2);
}

void print_diags(FILE *out, const struct diag_list *diags)
{
    for (const struct diag *diag = diags->first; diag; diag = diag->next) {
        print_diag(out, diag);
    }
    if (diags->lost) {
        fprintf(out, "... and %" PRIu32 " more\n", diags->lost);
    }
}

void print_json(json_t *json)
{
    if (json) {
        json_dumpf(json, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(json);
    }
}

void table_cell(struct table *table, const char *format, ...)
{
    if (table->count == table->cap) {
        size_t cap = table->cap ? table->cap * 2 : 64;
        char **cells = realloc(table->cells, cap * sizeof(*cells));
        if (!cells) {
            return;
        }
        table->cells = cells;
        table->cap = cap;
    }
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) {
        text = NULL;
    }
    va_end(args);
    table->cells[table->count++] = text;
}

/* Columns that a terminal uses for UTF-8 text, one a code point. */
static size_t text_width(const char *text)
{
    size_t width = 0;
    for (; text && *text; text++) {
        width += (*text & 0xc0) != 0x80;
    }
    return width;
}

static void table_row(const struct table *table, FILE *out, size_t first, const size_t *widths)
{
    unsigned columns = table->columns;
    while (columns > 0 && text_width(table->cells[first + columns - 1]) == 0) {
        columns--; /* no blanks at the end of a line */
    }
    for (unsigned i = 0; i < columns; i++) {
        const char *text = table->cells[first + i] ? table->cells[first + i] : "";
        bool last = i + 1 == columns;
        int pad = (int)(widths[i] - text_width(text));
        if (table->right >> i & 1) {
            fprintf(out, "%*s%s%s", pad, "", text, last ? "" : "  ");
        } else {
            fprintf(out, "%s%*s%s", text, last ? 0 : pad, "", last ? "" : "  ");
        }
    }
    fputc('\n', out);
}

void table_print(struct table *table, FILE *out, const char *indent)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < table->count; i++) {
        size_t width = text_width(table->cells[i]);
        if (width > widths[i % table->columns]) {
            widths[i % table->columns] = width;
        }
    }
    for (size_t i = 0; i + table->columns <= table->count; i += table->columns) {
        fputs(indent, out);
        table_row(table, out, i, widths);
    }
    table_free(table);
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    *table = (struct table){.columns = table->columns, .right = table->right};
}

char *print_number(int64_t value, char out[32])
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRId64, value);
    size_t at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-') {
            out[at++] = ',';
        }
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

char *print_bytes(int64_t value, char out[32])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    unsigned unit = 0;
    int64_t tenths = value * 10;
    while (tenths >= 10240 && unit < 4) {
        tenths /= 1024;
        unit++;
    }
    if (unit == 0) {
        snprintf(out, 32, "%" PRId64 " B", value);
    } else {
        snprintf(out, 32, "%" PRId64 ".%" PRId64 " %s", tenths / 10, tenths % 10, units[unit]);
    }
    return out;
}

char *print_seconds(int64_t seconds, char out[32])
{
    int64_t days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
    if (days) {
        snprintf(out, 32, "%" PRId64 " d %" PRId64 " h", days, hours);
    } else if (hours) {
        snprintf(out, 32, "%" PRId64 " h %" PRId64 " min", hours, minutes);
    } else if (minutes) {
        snprintf(out, 32, "%" PRId64 " min %" PRId64 " s", minutes, seconds % 60);
    } else {
        snprintf(out, 32, "%" PRId64 " s", seconds);
    }
    return out;
}

const char *print_plural(int64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}
