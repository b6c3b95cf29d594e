/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/pace.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"

#include <string.h>

enum {
    BUCKETS_LEAST = 64,
};

static struct pace **bucket_of(const struct paces *paces, const struct address *address)
{
    uint64_t hash = hash_mix(hash_bytes(HASH_START, address, sizeof(*address)));
    return &paces->buckets[hash & (paces->bucket_count - 1)];
}

static int buckets_grow(struct paces *paces)
{
    if (paces->count < paces->bucket_count) {
        return ERR_OK;
    }
    struct paces grown = *paces;
    grown.bucket_count = paces->bucket_count ? paces->bucket_count * 2 : BUCKETS_LEAST;
    grown.buckets = mem_new_zero(paces->alloc, grown.bucket_count, sizeof(struct pace *));
    if (!grown.buckets) {
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < paces->bucket_count; i++) {
        for (struct pace *at = paces->buckets[i], *next; at; at = next) {
            struct pace **bucket = bucket_of(&grown, &at->address);
            next = at->next;
            at->next = *bucket;
            *bucket = at;
        }
    }
    mem_free(paces->alloc, paces->buckets);
    *paces = grown;
    return ERR_OK;
}

struct pace *pace_join(struct paces *paces, const struct address *address)
{
    if (buckets_grow(paces) != ERR_OK) {
        return NULL;
    }
    struct pace **bucket = bucket_of(paces, address), *pace = *bucket;
    while (pace && memcmp(&pace->address, address, sizeof(*address)) != 0) {
        pace = pace->next;
    }
    if (!pace) {
        pace = mem_new_zero(paces->alloc, 1, sizeof(*pace));
        if (!pace) {
            return NULL;
        }
        pace->address = *address;
        pace->next_free.ns = INT64_MIN;
        pace->next = *bucket;
        *bucket = pace;
        paces->count++;
    }
    pace->users++;
    return pace;
}

void pace_leave(struct paces *paces, struct pace *pace)
{
    if (!pace || --pace->users > 0) {
        return;
    }
    struct pace **link = bucket_of(paces, &pace->address);
    while (*link != pace) {
        link = &(*link)->next;
    }
    *link = pace->next;
    paces->count--;
    mem_free(paces->alloc, pace);
}

struct duration pace_take(struct pace *pace, uint32_t rate, struct mono now)
{
    ASSERT(rate > 0);
    int64_t second = duration_from_ms(1000).ns;
    int64_t begins = pace->next_free.ns > now.ns ? pace->next_free.ns : now.ns;
    int64_t wait = begins - second - now.ns;
    pace->next_free.ns = begins + second / rate;
    return (struct duration){wait > 0 ? wait : 0};
}

void paces_free(struct paces *paces)
{
    ASSERT(paces->count == 0);
    mem_free(paces->alloc, paces->buckets);
    *paces = (struct paces){.alloc = paces->alloc};
}
