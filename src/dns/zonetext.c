/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/zonetext.h"

#include "base/error.h"
#include "base/limits.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/type.h"
#include "dns/zonefault.h"

#include <libzscanner/scanner.h>

#include <stdio.h>
#include <string.h>

/* libzscanner checks strings and lists against the end of its rdata, but not every number and name
 * that follows one: room for the largest of those behind its struct. */
enum {
    SCANNER_SLACK_BYTES = 4096
};

struct parser {
    const struct zonetext_source *source;
    struct records *out;
    struct diag_list *diags;
    uint32_t includes; /* followed */
    bool faulty;
};

/* One text being read: the main one, or an included file. */
struct piece {
    const char *file;
    const char *text, *end;
    uint32_t first_line;
    unsigned depth;
    uint32_t ttl;
    uint16_t file_index;
    zs_scanner_t *scanner;
    const char *at; /* where the last step began to look */
    uint64_t at_line;
    bool owner_known; /* raw_owner is the owner of the latest record in the list */
    bool owner_outside;
    bool fault_open; /* the latest mistake is inside parentheses that were not closed yet */
    uint32_t raw_owner_len;
    uint8_t raw_owner[NAME_MAX], owner[NAME_MAX];
    uint8_t origin[NAME_MAX];
};

static int piece_parse(struct parser *parser, struct piece *piece);

/* Never before where the last step began: at a text's end the scanner may count back. */
static uint32_t line_number(const struct piece *piece, uint64_t counter)
{
    counter = counter < piece->at_line ? piece->at_line : counter;
    return (uint32_t)(counter - 1 + piece->first_line);
}

/* Where the scanner stands in our text; it ends on a newline of its own. */
static const char *scanner_at(const struct piece *piece)
{
    const char *at = piece->scanner->input.current;
    bool ours = piece->scanner->input.start == piece->text;
    return ours ? at : piece->end;
}

/* First line of the record that was just read, behind blank lines, comments and directives. */
static const char *record_start(const struct piece *piece, uint64_t *ret_line)
{
    const char *at = piece->at, *stop = scanner_at(piece);
    uint64_t line = piece->at_line;
    while (at < stop) {
        const char *text = at;
        while (text < stop && (*text == ' ' || *text == '\t')) {
            text++;
        }
        if (text < stop && *text != '\n' && *text != ';' && *at != '$') {
            *ret_line = line;
            return at;
        }
        const char *newline = memchr(text, '\n', (size_t)(stop - text));
        if (!newline) {
            break;
        }
        at = newline + 1;
        line++;
    }
    /* A directive: one line, the one where the scanner stands. */
    while (stop > piece->text && stop[-1] != '\n') {
        stop--;
    }
    *ret_line = piece->scanner->line_counter;
    return stop;
}

/* Line of the record that was just read. Mostly the next one; else look for its start. */
static uint32_t record_line(const struct piece *piece)
{
    uint64_t line = piece->scanner->line_counter;
    if (line - piece->at_line > (piece->at == piece->text ? 0 : 1)) {
        record_start(piece, &line);
    }
    return line_number(piece, line);
}

__attribute__((format(printf, 4, 5))) static void refuse(struct parser *parser,
                                                         const struct piece *piece,
                                                         const char *mend, const char *format, ...)
{
    char text[NAME_TEXT_MAX * 2 + 128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct place place = {.file = piece->file, .line = record_line(piece)};
    diag_add(parser->diags, SEVERITY_ERROR, place, mend, "%s", text);
    parser->faulty = true;
}

static void scanner_fault(struct parser *parser, struct piece *piece)
{
    zs_scanner_t *scanner = piece->scanner;
    if (scanner->error.code == ZS_UNCLOSED_MULTILINE && piece->fault_open) {
        return; /* what follows from the mistake before */
    }
    uint64_t first = scanner->line_counter;
    const char *record = record_start(piece, &first), *line = scanner_at(piece);
    while (line > piece->text && line[-1] != '\n') {
        line--;
    }
    struct zonefault fault = {
        .file = piece->file,
        .code = scanner->error.code,
        .line = line,
        .record = record,
        .end = piece->end,
        .line_no = line_number(piece, scanner->line_counter),
        .record_no = line_number(piece, first),
    };
    zonefault_report(&fault, parser->diags);
    parser->faulty = true;
    piece->owner_known = false;
    /* The scanner skips the rest of the line without looking; a parenthesis closed there is closed.
     */
    if (scanner->multiline && memchr(scanner->buffer, ')', scanner->buffer_length)) {
        scanner->multiline = false;
    }
    piece->fault_open = scanner->multiline;
}

static void owner_take(struct parser *parser, struct piece *piece)
{
    const zs_scanner_t *scanner = piece->scanner;
    piece->raw_owner_len = scanner->r_owner_length;
    memcpy(piece->raw_owner, scanner->r_owner, scanner->r_owner_length);
    memcpy(piece->owner, scanner->r_owner, scanner->r_owner_length);
    name_lower(piece->owner, scanner->r_owner_length);
    piece->owner_outside = !name_in_zone(piece->owner, parser->source->origin);
    piece->owner_known = false;
}

static int record_take(struct parser *parser, struct piece *piece)
{
    const zs_scanner_t *scanner = piece->scanner;
    if (scanner->r_owner_length != piece->raw_owner_len ||
        memcmp(scanner->r_owner, piece->raw_owner, piece->raw_owner_len) != 0) {
        owner_take(parser, piece);
    }
    if (piece->owner_outside) {
        char owner[NAME_TEXT_MAX], zone[NAME_TEXT_MAX];
        refuse(parser, piece, "move the record to its own zone, or correct the name or its $ORIGIN",
               "%s is outside the zone %s", name_to_text(piece->owner, owner),
               name_to_text(parser->source->origin, zone));
        return ERR_OK;
    }
    if (!rdata_type_is_data(scanner->r_type)) {
        refuse(parser, piece, "remove the record", "TYPE%u cannot stand in a zone",
               scanner->r_type);
        return ERR_OK;
    }
    if (scanner->r_data_length > UINT16_MAX ||
        !rdata_check(scanner->r_type, scanner->r_data, scanner->r_data_length)) {
        char type[TYPE_TEXT_MAX];
        refuse(parser, piece, "write the data in the type's own notation, not as \\# bytes",
               "these bytes are no data of type %s", type_to_text(scanner->r_type, type));
        return ERR_OK;
    }
    uint32_t ttl = scanner->r_ttl;
    if (ttl > INT32_MAX) {
        diag_add(parser->diags, SEVERITY_WARNING,
                 (struct place){.file = piece->file, .line = record_line(piece)},
                 "write a TTL of at most 2147483647 seconds (RFC 2181 8)", "TTL %u counts as 0",
                 ttl);
        ttl = 0;
    }
    struct record record = {
        .owner = piece->owner_known ? NULL : piece->owner,
        .type = scanner->r_type,
        .rdata_len = (uint16_t)scanner->r_data_length,
        .ttl = ttl,
        .line = record_line(piece),
        .file = piece->file_index,
        .rdata = scanner->r_data,
    };
    piece->owner_known = true;
    return records_append(parser->out, &record);
}

/* Index of `file` in the list; many snippets in a row may come from the same one. */
static int file_index_get(struct records *out, const char *file)
{
    if (out->file_count && strcmp(out->files[out->file_count - 1], file) == 0) {
        return out->file_count - 1;
    }
    return records_add_file(out, file);
}

static int included_parse(struct parser *parser, struct piece *piece, const char *file,
                          const char *text, size_t len)
{
    int index = file_index_get(parser->out, file);
    if (index < 0) {
        if (index == ERR_LIMIT) {
            refuse(parser, piece, "join some of them", "too many files are included");
        }
        return index == ERR_LIMIT ? ERR_OK : index;
    }
    struct piece inner = {
        .file = parser->out->files[index],
        .text = text,
        .end = text + len,
        .first_line = 1,
        .depth = piece->depth + 1,
        .ttl = piece->scanner->default_ttl,
        .file_index = (uint16_t)index,
    };
    if (name_from_text((const char *)piece->scanner->buffer, NULL, inner.origin) != ERR_OK) {
        refuse(parser, piece, "write a complete name with its final dot",
               "invalid origin of $INCLUDE");
        return ERR_OK;
    }
    return piece_parse(parser, &inner);
}

/* $INCLUDE: its own origin, back to ours afterwards. */
static int include_take(struct parser *parser, struct piece *piece)
{
    const struct zonetext_source *source = parser->source;
    zs_scanner_t *scanner = piece->scanner;
    const char *name = scanner->include_filename;
    if (name[0] == '.' && name[1] == '/') {
        name += 2; /* put before relative names by the scanner, for its own use */
    }
    /* Taken over from its automatic mode: the call stack and the mark of a directive stay. */
    scanner->top = 0;
    scanner->error.fatal = false;
    piece->owner_known = false;
    if (!source->include_open) {
        refuse(parser, piece, "put the records here", "$INCLUDE is not possible here");
        return ERR_OK;
    }
    if (piece->depth == LIMIT_INCLUDE_DEPTH) {
        refuse(parser, piece, "look for a file that includes itself",
               "more than %d files include each other", LIMIT_INCLUDE_DEPTH);
        return ERR_OK;
    }
    if (parser->includes++ >= LIMIT_INCLUDES) {
        /* Depth alone does not end this: eight levels of ten each are a hundred million. */
        refuse(parser, piece, "look for a file that includes itself",
               "more than %d files are included", LIMIT_INCLUDES);
        return ERR_OK;
    }
    struct place place = {.file = piece->file, .line = record_line(piece)};
    const char *file, *text;
    size_t len;
    int err = source->include_open(source->include_ctx, piece->file, name, place, parser->diags,
                                   &file, &text, &len);
    if (err != ERR_OK) {
        parser->faulty = true;
        return err == ERR_NOMEM ? err : ERR_OK;
    }
    err = included_parse(parser, piece, file, text, len);
    if (source->include_close) {
        source->include_close(source->include_ctx, text, len);
    }
    return err;
}

/* One record, mistake or directive; *done at the end of the text or where nothing can follow. */
static int piece_step(struct parser *parser, struct piece *piece, bool *done)
{
    zs_scanner_t *scanner = piece->scanner;
    piece->at = scanner_at(piece);
    piece->at_line = scanner->line_counter;
    if (zs_parse_record(scanner) != 0) {
        return scanner->error.code == ZS_ENOMEM ? ERR_NOMEM : ERR_INVALID;
    }
    switch (scanner->state) {
    case ZS_STATE_DATA:
        return record_take(parser, piece);
    case ZS_STATE_INCLUDE:
        return include_take(parser, piece);
    case ZS_STATE_ERROR:
        scanner_fault(parser, piece);
        *done = scanner->error.fatal;
        return ERR_OK;
    default:
        *done = true;
        return ERR_OK;
    }
}

/* Directives of a piece before this one, whose mistakes that one tells. */
static void before_take(struct piece *piece, const char *before)
{
    zs_scanner_t *scanner = piece->scanner;
    if (zs_set_input_string(scanner, before, strlen(before)) == 0) {
        while (zs_parse_record(scanner) == 0 && scanner->state != ZS_STATE_EOF &&
               scanner->state != ZS_STATE_STOP && !scanner->error.fatal) {
        }
    }
    scanner->line_counter = 1;
}

static int piece_scan(struct parser *parser, struct piece *piece)
{
    if (zs_init(piece->scanner, ".", CLASS_IN, piece->ttl) != 0) {
        return ERR_NOMEM;
    }
    size_t origin_len = name_len(piece->origin);
    memcpy(piece->scanner->zone_origin, piece->origin, origin_len);
    piece->scanner->zone_origin_length = (uint32_t)origin_len;
    int err = ERR_OK;
    if (piece->depth == 0 && parser->source->before) {
        before_take(piece, parser->source->before);
    }
    if (piece->text < piece->end) {
        zs_set_input_string(piece->scanner, piece->text, (size_t)(piece->end - piece->text));
        for (bool done = false; err == ERR_OK && !done;) {
            err = piece_step(parser, piece, &done);
        }
    }
    zs_deinit(piece->scanner);
    return err;
}

/* A copy without the carriage returns that end lines, when there are some; NULL in *ret_copy: none.
 */
static int newlines_mend(const struct alloc *alloc, struct piece *piece, char **ret_copy)
{
    *ret_copy = NULL;
    size_t len = (size_t)(piece->end - piece->text);
    const char *at = piece->text, *cr = len ? memchr(at, '\r', len) : NULL;
    if (!cr) {
        return ERR_OK;
    }
    char *copy = mem_new(alloc, len);
    if (!copy) {
        return ERR_NOMEM;
    }
    char *out = copy;
    while (cr) {
        bool ends_line = cr + 1 == piece->end || cr[1] == '\n';
        size_t bytes = (size_t)(cr - at) + !ends_line;
        memcpy(out, at, bytes);
        out += bytes;
        at = cr + 1;
        cr = at < piece->end ? memchr(at, '\r', (size_t)(piece->end - at)) : NULL;
    }
    memcpy(out, at, (size_t)(piece->end - at));
    out += piece->end - at;
    piece->text = *ret_copy = copy;
    piece->end = out;
    return ERR_OK;
}

static int piece_parse(struct parser *parser, struct piece *piece)
{
    const struct alloc *alloc = parser->out->alloc;
    if (piece->end - piece->text >= 3 && memcmp(piece->text, "\xef\xbb\xbf", 3) == 0) {
        piece->text += 3; /* the byte order mark that some editors write */
    }
    char *copy;
    int err = newlines_mend(alloc, piece, &copy);
    if (err != ERR_OK) {
        return err;
    }
    piece->scanner = mem_new(alloc, sizeof(*piece->scanner) + SCANNER_SLACK_BYTES);
    err = piece->scanner ? piece_scan(parser, piece) : ERR_NOMEM;
    mem_free(alloc, piece->scanner);
    mem_free(alloc, copy);
    return err;
}

int zonetext_parse(const struct zonetext_source *source, struct records *out,
                   struct diag_list *diags)
{
    struct parser parser = {.source = source, .out = out, .diags = diags};
    int index = file_index_get(out, source->file ? source->file : "");
    if (index < 0) {
        return index;
    }
    struct piece piece = {
        .file = source->file,
        .text = source->text,
        .end = source->text + source->len,
        .first_line = source->first_line,
        .ttl = source->default_ttl,
        .file_index = (uint16_t)index,
    };
    memcpy(piece.origin, source->origin, name_len(source->origin));
    int err = piece_parse(&parser, &piece);
    if (err != ERR_OK) {
        return err;
    }
    return parser.faulty ? ERR_INVALID : ERR_OK;
}
