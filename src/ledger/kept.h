/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What was told and has been replaced since: records that caches may still hold though the name is
 * answered otherwise now. Their end is fixed, unless the same record is told again.
 *
 *   (view, name) ─► record, until    record, until    ...
 *
 * Belongs to control; memory from its allocator. What is over is kept for ten minutes more, for
 * those who ask. Beyond LIMIT_LEDGER_KEPT records, or without memory, a record is only remembered
 * by the latest end of all such.
 */
#pragma once

#include "base/alloc.h"
#include "base/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct kept_record {
    const char *view;
    const uint8_t *name; /* absolute, lower case */
    uint16_t type;       /* 0: the denial of the name or a type of it */
    uint16_t len;
    const uint8_t *rdata;
    uint32_t ttl_s, until;
};

struct kept;

struct kept_table {
    const struct alloc *alloc;
    struct kept **buckets;
    uint32_t count, bucket_count, limit;
    uint32_t swept_s;    /* when what is long over went last */
    uint32_t lost_until; /* of what could not be kept */
};

/* limit: at most so many. */
void kept_init(struct kept_table *table, const struct alloc *alloc, uint32_t limit);
void kept_free(struct kept_table *table);

/* Until the latest of what is known and this. `now_s`: what is long over goes. */
void kept_add(struct kept_table *table, const struct kept_record *record, uint32_t now_s);

/* The records of a name in a view, in no order. */
typedef void kept_fn(void *ctx, const struct kept_record *record);
void kept_each(const struct kept_table *table, const char *view, const uint8_t *name, kept_fn *each,
               void *ctx);
