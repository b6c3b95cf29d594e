/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/zonefault.h"

#include "base/error.h"
#include "dns/rdata.h"
#include "dns/type.h"

#include <libzscanner/error.h>

#include <stdio.h>
#include <string.h>

enum {
    EXCERPT_BYTES = 72,
    WORD_BYTES = 32,
    MEND_BYTES = 128
};

/* What helps against an error wherever it occurs. */
static const struct {
    int code;
    const char *mend;
} MENDS[] = {
    {ZS_DOS_NEWLINE, "remove the carriage return inside the line"},
    {ZS_LEFT_PARENTHESIS, "parentheses do not nest"},
    {ZS_RIGHT_PARENTHESIS, "remove the ')', or open a '(' before it"},
    {ZS_BAD_PREVIOUS_OWNER, "a line that begins with a blank repeats the owner above, and there is "
                            "none: write the owner, or @ for the zone"},
    {ZS_BAD_OWNER,
     "a name holds letters, digits, '-', '_', '/' and '*'; write another byte as \\DDD"},
    {ZS_BAD_DNAME_CHAR,
     "a name holds letters, digits, '-', '_', '/' and '*'; write another byte as \\DDD"},
    {ZS_LABEL_OVERFLOW, "a label has at most 63 bytes"},
    {ZS_DNAME_OVERFLOW, "a name has at most 255 bytes, the origin included"},
    {ZS_BAD_TEXT_CHAR, "write a byte outside ASCII as \\DDD"},
    {ZS_BAD_REST, "quote a text that holds blanks; begin a comment with ';'"},
    {ZS_BAD_TIME_UNIT, "a TTL is a number of seconds, or like 1h30m"},
    {ZS_ITEM_OVERFLOW, "divide the text into strings of at most 255 bytes"},
    {ZS_BAD_RDATA_LENGTH, "the number after \\# counts the bytes that follow"},
    {ZS_BAD_TIMESTAMP, "a time is written YYYYMMDDHHmmSS"},
    {ZS_BAD_SVCB_PARAM, "parameters are written KEY=VALUE, as in alpn=h2 port=443"},
};

/* The same for directives. */
static const struct {
    const char *name, *reason, *mend;
} DIRECTIVES[] = {
    {"$TTL", "invalid $TTL", "it takes a number of seconds, or a time like 1h30m"},
    {"$ORIGIN", "invalid $ORIGIN", "it takes one complete name with its final dot"},
    {"$INCLUDE", "invalid $INCLUDE",
     "it takes a file name, and perhaps a complete name with its "
     "final dot as origin"},
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '(' || c == ')';
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
}

static bool word_equal(const char *a, const char *b)
{
    for (; *a && upper(*a) == upper(*b); a++, b++) {
    }
    return upper(*a) == upper(*b);
}

/* Next word of a line into `word` (cut to its size); where it ends, or NULL when the line does. */
static const char *word_read(const char *at, const char *end, char word[WORD_BYTES])
{
    while (at < end && is_blank(*at)) {
        at++;
    }
    size_t len = 0;
    for (; at < end && !is_blank(*at) && *at != '\n' && *at != ';'; at++) {
        if (len < WORD_BYTES - 1) {
            word[len++] = *at > ' ' && *at < 0x7f ? *at : '?';
        }
    }
    word[len] = '\0';
    return len ? at : NULL;
}

/* The word where a record's type should stand, behind owner, TTL and class IN; NULL: none. */
static const char *type_word_find(const char *line, const char *end, char word[WORD_BYTES])
{
    const char *at = line;
    if (at < end && *at != ' ' && *at != '\t') {
        at = word_read(at, end, word); /* the owner */
    }
    while (at && (at = word_read(at, end, word))) {
        if (!(word[0] >= '0' && word[0] <= '9') && !word_equal(word, "IN")) {
            return word;
        }
    }
    return NULL;
}

static bool is_other_class(const char *word)
{
    static const char *const classes[] = {"CH", "CHAOS", "HS", "HESIOD", "CS", "NONE", "ANY"};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (word_equal(word, classes[i])) {
            return true;
        }
    }
    char prefix[6];
    snprintf(prefix, sizeof(prefix), "%.5s", word);
    return word_equal(prefix, "CLASS") && word[5] >= '0' && word[5] <= '9';
}

/* The line as it may be shown: no control characters, not too long. */
static void excerpt_make(const char *line, const char *end, char out[EXCERPT_BYTES])
{
    size_t len = 0;
    for (; line < end && *line != '\n' && len < EXCERPT_BYTES - 4; line++) {
        char c = *line == '\t' ? ' ' : *line;
        if (c == ' ' && (len == 0 || out[len - 1] == ' ')) {
            continue;
        }
        out[len++] = c >= ' ' && c < 0x7f ? c : '?';
    }
    const char *rest = line < end && *line != '\n' ? "..." : "";
    memcpy(out + len, rest, strlen(rest) + 1);
}

static bool quotes_are_odd(const char *line, const char *end)
{
    bool odd = false;
    for (; line < end && *line != '\n'; line++) {
        if (*line == '\\') {
            line++;
        } else if (*line == '"') {
            odd = !odd;
        }
    }
    return odd;
}

static const char *mend_find(int code)
{
    for (size_t i = 0; i < sizeof(MENDS) / sizeof(MENDS[0]); i++) {
        if (MENDS[i].code == code) {
            return MENDS[i].mend;
        }
    }
    return NULL;
}

static void fault_add(const struct zonefault *fault, struct diag_list *diags, const char *reason,
                      const char *mend)
{
    struct place place = {.file = fault->file, .line = fault->line_no};
    char excerpt[EXCERPT_BYTES];
    excerpt_make(fault->line, fault->end, excerpt);
    if (fault->record_no == fault->line_no) {
        diag_add(diags, SEVERITY_ERROR, place, mend, "%s in '%s'", reason, excerpt);
    } else {
        diag_add(diags, SEVERITY_ERROR, place, mend,
                 "%s in '%s', in the record that begins at line %u", reason, excerpt,
                 fault->record_no);
    }
}

static void directive_report(const struct zonefault *fault, struct diag_list *diags)
{
    char word[WORD_BYTES];
    word_read(fault->line, fault->end, word);
    for (size_t i = 0; i < sizeof(DIRECTIVES) / sizeof(DIRECTIVES[0]); i++) {
        if (word_equal(word, DIRECTIVES[i].name)) {
            fault_add(fault, diags, DIRECTIVES[i].reason, DIRECTIVES[i].mend);
            return;
        }
    }
    fault_add(fault, diags, "unknown directive", "known are $ORIGIN, $TTL and $INCLUDE");
}

/* Looks for a wrong class or type; true when that was it. */
static bool type_report(const struct zonefault *fault, struct diag_list *diags, uint16_t *ret_type)
{
    char word[WORD_BYTES], reason[WORD_BYTES + 32];
    if (!type_word_find(fault->record, fault->end, word)) {
        fault_add(fault, diags, "no record type", "a record is OWNER [TTL] [IN] TYPE DATA");
        return true;
    }
    if (type_from_text(word, ret_type) == ERR_OK && !word_equal(word, "ANY")) {
        return false;
    }
    if (is_other_class(word)) {
        snprintf(reason, sizeof(reason), "class %s", word);
        fault_add(fault, diags, reason, "only class IN is served; remove the record");
    } else {
        snprintf(reason, sizeof(reason), "unknown record type '%s'", word);
        fault_add(fault, diags, reason,
                  "a record is OWNER [TTL] [IN] TYPE DATA; write a type that has no name yet as "
                  "TYPE65280 \\# LENGTH HEX");
    }
    return true;
}

/* Is the owner itself at fault, so that nothing is known of what follows? */
static bool is_owner_fault(int code)
{
    return code == ZS_BAD_OWNER || code == ZS_BAD_PREVIOUS_OWNER || code == ZS_UNCOVERED_STATE;
}

void zonefault_report(const struct zonefault *fault, struct diag_list *diags)
{
    uint16_t type = 0;
    if (fault->code == ZS_UNCLOSED_MULTILINE) {
        struct zonefault at_start = *fault;
        at_start.line = fault->record;
        at_start.line_no = fault->record_no;
        fault_add(&at_start, diags, "a '(' that is not closed",
                  "write ')' after the last field of the record");
        return;
    }
    if (fault->line_no == fault->record_no && fault->line < fault->end && *fault->line == '$') {
        directive_report(fault, diags);
        return;
    }
    if (!is_owner_fault(fault->code) && type_report(fault, diags, &type)) {
        return;
    }
    if (fault->code == ZS_BAD_TEXT_CHAR && quotes_are_odd(fault->line, fault->end)) {
        fault_add(fault, diags, "a quote that is not closed", "close it with \" on the same line");
        return;
    }
    char mend[MEND_BYTES];
    const char *known = mend_find(fault->code), *form = rdata_form(type);
    if (!known && form) {
        char name[TYPE_TEXT_MAX];
        snprintf(mend, sizeof(mend), "the data of %s is %s", type_to_text(type, name), form);
        known = mend;
    }
    fault_add(fault, diags, zs_strerror(fault->code), known);
}
