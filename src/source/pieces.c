/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source/pieces.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/limits.h"
#include "dns/zonesplit.h"
#include "io/parallel.h"

#include <stdio.h>

enum {
    PIECES_MOST = 64, /* several for each thread, as they do not take equally long */
};

struct reading {
    const struct zonetext_source *source;
    const struct alloc *alloc;
    struct zone_piece piece[PIECES_MOST];
    struct records records[PIECES_MOST];
    int err[PIECES_MOST]; /* ERR_INVALID: it had a finding, if only a warning */
};

/* The directives before a piece, a line each; NULL without memory. */
static char *directives_copy(const struct alloc *alloc, const struct zone_piece *piece)
{
    size_t bytes = piece->origin_len + piece->ttl_len + 3;
    char *text = mem_new(alloc, bytes);
    if (text) {
        snprintf(text, bytes, "%.*s\n%.*s\n", (int)piece->origin_len,
                 piece->origin ? piece->origin : "", (int)piece->ttl_len,
                 piece->ttl ? piece->ttl : "");
    }
    return text;
}

static int piece_parse(const struct reading *reading, const struct zone_piece *piece,
                       struct records *out)
{
    struct zonetext_source source = *reading->source;
    struct diag_list diags;
    char *before = directives_copy(reading->alloc, piece);
    if (!before) {
        return ERR_NOMEM;
    }
    source.text = piece->text;
    source.len = piece->len;
    source.first_line = piece->first_line;
    source.before = before;
    source.include_open = NULL; /* there is none, or it is a finding */
    diag_init(&diags, reading->alloc);
    int err = zonetext_parse(&source, out, &diags);
    if (err == ERR_OK && diags.errors + diags.warnings > 0) {
        err = ERR_INVALID;
    }
    diag_deinit(&diags);
    mem_free(reading->alloc, before);
    return err;
}

static void part_parse(void *ctx, unsigned part)
{
    struct reading *reading = ctx;
    reading->err[part] = piece_parse(reading, &reading->piece[part], &reading->records[part]);
}

static int pieces_parse(struct reading *reading, unsigned count, struct records *out)
{
    unsigned cores = cores_count();
    for (unsigned i = 0; i < count; i++) {
        records_init(&reading->records[i], reading->alloc);
    }
    parallel_run(count, cores < LIMIT_LOADING ? cores : LIMIT_LOADING, part_parse, reading);
    int err = ERR_OK;
    for (unsigned i = 0; i < count && err == ERR_OK; i++) {
        err = reading->err[i];
    }
    for (unsigned i = 0; i < count; i++) {
        if (err == ERR_OK && i > 0) {
            records_join(&reading->records[0], &reading->records[i]);
        } else if (err != ERR_OK) {
            records_deinit(&reading->records[i]);
        }
    }
    if (err == ERR_OK) {
        records_deinit(out);
        *out = reading->records[0];
    }
    return err;
}

int zone_pieces_parse(const struct zonetext_source *source, size_t least, struct records *out,
                      struct diag_list *diags)
{
    ASSERT(out->count == 0 && out->file_count == 0);
    if (source->len < 2 * least || cores_count() == 1) {
        return zonetext_parse(source, out, diags);
    }
    struct reading *reading = mem_new(out->alloc, sizeof(*reading));
    if (!reading) {
        return ERR_NOMEM;
    }
    reading->source = source;
    reading->alloc = out->alloc;
    size_t share = source->len / PIECES_MOST;
    unsigned count = zone_text_split(source->text, source->len, source->first_line,
                                     share < least ? least : share, reading->piece, PIECES_MOST);
    int err = count > 1 ? pieces_parse(reading, count, out) : ERR_INVALID;
    mem_free(out->alloc, reading);
    return err == ERR_INVALID ? zonetext_parse(source, out, diags) : err;
}
