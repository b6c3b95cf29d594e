/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A list of resource records in memory, as a zone text gives them: written once by a parser, read
 * in order by the zone builder, then dropped as a whole. An entry holds only what differs from the
 * one before: an address beside another address of the same name costs 6 bytes.
 *
 *   chunk ─► [entry][entry]...  ─► chunk ─► ...      the first of a list that was joined behind
 *                                                    another begins afresh
 *   entry: flags, [owner] [ttl] [type] [line, unless the next one] [file], length, rdata
 *
 * One writer, then one reader; may move between threads as a whole. Or a list that is still being
 * made: it has a source, which the reader asks for more where the list ends.
 */
#pragma once

#include "base/alloc.h"

#include <stdbool.h>

struct record {
    const uint8_t *owner; /* absolute, lower case; to records_append() NULL: same as before */
    uint16_t type, rdata_len;
    uint32_t ttl, line;
    uint16_t file;        /* index into records.files */
    const uint8_t *rdata; /* wire form, names uncompressed, case as written */
};

struct records_chunk;
struct records;

/* Where the rest of a list comes from. */
struct records_source {
    /* Appends more, which may take as long as it takes; ERR_NOT_FOUND: that was all, the source is
     * gone. Any other error: the list will not become whole. */
    int (*more)(void *ctx, struct records *list);
    /* Nobody wants the rest. */
    void (*drop)(void *ctx);
};

struct records {
    const struct alloc *alloc;
    struct records_chunk *first, *last;
    uint64_t count; /* records */
    uint64_t bytes; /* memory held */
    char **files;   /* names for places; files[0] is the main one */
    uint16_t file_count;
    struct record latest; /* what the next entry is written against */
    uint8_t last_owner[256];
    const struct records_source *source; /* NULL: the list is whole */
    void *source_ctx;
};

struct records_iter {
    struct records *list;
    const struct records_chunk *chunk; /* NULL: before the first */
    size_t at;
    struct record latest; /* what the next entry is read against */
    int err;              /* why the list ended early */
};

void records_init(struct records *list, const struct alloc *alloc);
void records_deinit(struct records *list);
/* Adds a file name for places; its index, or a negative error. */
int records_add_file(struct records *list, const char *file);
/* Copies the record. ERR_NOMEM leaves the list as it was. */
int records_append(struct records *list, const struct record *record);

/* Moves all of `more` behind what the list has; `more` is empty afterwards. Both have the same
 * files, by number. */
void records_join(struct records *list, struct records *more);

void records_iter_init(struct records_iter *iter, const struct records *list);
/* false at the end, or where the source failed: then iter->err is its error. Pointers stay valid as
 * long as the list. */
bool records_iter_next(struct records_iter *iter, struct record *out);
