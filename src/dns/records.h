/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A list of resource records in memory, as a zone text gives them: written once by a parser, read
 * once by the zone builder, then dropped as a whole. Consecutive records of one owner share it.
 *
 *   chunk ─► [entry][entry]...  ─► chunk ─► ...
 *   entry: owner (absolute, lower case; empty = same as before), type, ttl, line, file, rdata
 *
 * One writer, then one reader; may move between threads as a whole.
 */
#pragma once

#include "base/alloc.h"

#include <stdbool.h>

struct record {
    const uint8_t *owner; /* absolute, lower case */
    uint16_t type, rdata_len;
    uint32_t ttl, line;
    uint16_t file; /* index into records.files */
    const uint8_t *rdata; /* wire form, names uncompressed, case as written */
};

struct records_chunk;

struct records {
    const struct alloc *alloc;
    struct records_chunk *first, *last;
    uint64_t count;   /* records */
    uint64_t bytes;   /* memory held */
    char **files;     /* names for places; files[0] is the main one */
    uint16_t file_count;
    uint8_t last_owner[256];
};

struct records_iter {
    const struct records_chunk *chunk;
    size_t at;
    const uint8_t *owner;
};

void records_init(struct records *list, const struct alloc *alloc);
void records_deinit(struct records *list);
/* Adds a file name for places; its index, or a negative error. */
int records_add_file(struct records *list, const char *file);
int records_append(struct records *list, const struct record *record);

void records_iter_init(struct records_iter *iter, const struct records *list);
/* false at the end. Pointers stay valid as long as the list. */
bool records_iter_next(struct records_iter *iter, struct record *out);
