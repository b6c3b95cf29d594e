/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ledger/kept.h"

#include "base/error.h"
#include "base/hash.h"
#include "dns/name.h"

#include <string.h>

enum {
    BUCKETS_LEAST = 64,
    SHOWN_S = 600, /* for so long what is over is still told */
};

struct kept {
    struct kept *next;
    uint64_t hash;
    struct kept_record record; /* its texts stand behind it */
    uint8_t bytes[];
};

static uint64_t key_hash(const char *view, const uint8_t *name)
{
    uint64_t hash = hash_bytes(HASH_START, view, strlen(view) + 1);
    return hash_mix(hash_bytes(hash, name, name_len(name)));
}

static struct kept **bucket_of(const struct kept_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

void kept_init(struct kept_table *table, const struct alloc *alloc, uint32_t limit)
{
    *table = (struct kept_table){.alloc = alloc, .limit = limit};
}

static void bucket_sweep(struct kept_table *table, struct kept **link, uint32_t now_s, bool all)
{
    while (*link) {
        struct kept *kept = *link;
        if (all || kept->record.until + SHOWN_S < now_s) {
            *link = kept->next;
            table->count--;
            mem_free(table->alloc, kept);
        } else {
            link = &kept->next;
        }
    }
}

void kept_free(struct kept_table *table)
{
    for (uint32_t i = 0; i < table->bucket_count; i++) {
        bucket_sweep(table, &table->buckets[i], 0, true);
    }
    mem_free(table->alloc, table->buckets);
    kept_init(table, table->alloc, table->limit);
}

/* Room for one more: what is long over goes before the table grows. */
static int room_make(struct kept_table *table, uint32_t now_s)
{
    if (table->count < table->bucket_count && table->count < table->limit) {
        return ERR_OK;
    }
    for (uint32_t i = 0; table->swept_s != now_s && i < table->bucket_count; i++) {
        bucket_sweep(table, &table->buckets[i], now_s, false);
    }
    table->swept_s = now_s;
    if (table->count >= table->limit) {
        return ERR_LIMIT;
    }
    if (table->count < table->bucket_count) {
        return ERR_OK;
    }
    struct kept_table grown = *table;
    grown.bucket_count = table->bucket_count ? table->bucket_count * 2 : BUCKETS_LEAST;
    grown.buckets = mem_new_zero(table->alloc, grown.bucket_count, sizeof(struct kept *));
    if (!grown.buckets) {
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < table->bucket_count; i++) {
        for (struct kept *at = table->buckets[i], *next; at; at = next) {
            struct kept **bucket = bucket_of(&grown, at->hash);
            next = at->next;
            at->next = *bucket;
            *bucket = at;
        }
    }
    mem_free(table->alloc, table->buckets);
    *table = grown;
    return ERR_OK;
}

static bool is_of(const struct kept *kept, uint64_t hash, const char *view, const uint8_t *name)
{
    return kept->hash == hash && strcmp(kept->record.view, view) == 0 &&
           name_equal(kept->record.name, name);
}

static struct kept *find(const struct kept_table *table, uint64_t hash,
                         const struct kept_record *record)
{
    struct kept *at = table->bucket_count ? *bucket_of(table, hash) : NULL;
    while (at &&
           !(is_of(at, hash, record->view, record->name) && at->record.type == record->type &&
             at->record.len == record->len &&
             (record->len == 0 || memcmp(at->record.rdata, record->rdata, record->len) == 0))) {
        at = at->next;
    }
    return at;
}

static struct kept *kept_new(struct kept_table *table, uint64_t hash,
                             const struct kept_record *record)
{
    size_t view = strlen(record->view) + 1, name = name_len(record->name);
    struct kept *kept = mem_new(table->alloc, sizeof(*kept) + view + name + record->len);
    if (!kept) {
        return NULL;
    }
    kept->hash = hash;
    kept->record = *record;
    kept->record.view = memcpy(kept->bytes, record->view, view);
    kept->record.name = memcpy(kept->bytes + view, record->name, name);
    kept->record.rdata = kept->bytes + view + name;
    if (record->len) {
        memcpy(kept->bytes + view + name, record->rdata, record->len);
    }
    struct kept **bucket = bucket_of(table, hash);
    kept->next = *bucket;
    *bucket = kept;
    table->count++;
    return kept;
}

void kept_add(struct kept_table *table, const struct kept_record *record, uint32_t now_s)
{
    uint64_t hash = key_hash(record->view, record->name);
    struct kept *known = find(table, hash, record);
    if (known) {
        bool longer = record->until == known->record.until && record->ttl_s > known->record.ttl_s;
        if (record->until > known->record.until || longer) {
            known->record.until = record->until;
            known->record.ttl_s = record->ttl_s;
        }
        return;
    }
    if ((room_make(table, now_s) != ERR_OK || !kept_new(table, hash, record)) &&
        record->until > table->lost_until) {
        table->lost_until = record->until;
    }
}

void kept_each(const struct kept_table *table, const char *view, const uint8_t *name, kept_fn *each,
               void *ctx)
{
    uint64_t hash = key_hash(view, name);
    const struct kept *at = table->bucket_count ? *bucket_of(table, hash) : NULL;
    for (; at; at = at->next) {
        if (is_of(at, hash, view, name)) {
            each(ctx, &at->record);
        }
    }
}
