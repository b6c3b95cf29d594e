/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Names that were services within the hour: NODATA, so that a cache which asks between a
 * deregistration and the next registration does not keep an NXDOMAIN for long.
 *
 *   newest ─► not placed ─► not placed ─► placed ─► placed      (and each in a hash by name)
 */
#include "control/service_state.h"

#include "base/error.h"
#include "base/hash.h"

#include <string.h>

enum {
    BUCKETS_LEAST = 64,
};

static struct linger **bucket_of(const struct services *services, const uint8_t *name)
{
    uint64_t hash = hash_mix(hash_bytes(HASH_START, name, name_len(name)));
    return &services->linger_buckets[hash & (services->linger_bucket_count - 1)];
}

static int buckets_grow(struct services *services)
{
    if (services->linger_count < services->linger_bucket_count) {
        return ERR_OK;
    }
    uint32_t count =
        services->linger_bucket_count ? services->linger_bucket_count * 2 : BUCKETS_LEAST;
    struct linger **buckets = mem_new_zero(services->alloc, count, sizeof(struct linger *));
    if (!buckets) {
        return ERR_NOMEM;
    }
    mem_free(services->alloc, services->linger_buckets);
    services->linger_buckets = buckets;
    services->linger_bucket_count = count;
    for (struct linger *at = services->lingers; at; at = at->next) {
        struct linger **bucket = bucket_of(services, at->name);
        at->hash_next = *bucket;
        *bucket = at;
    }
    return ERR_OK;
}

/* Beyond LIMIT_LINGERS, or without memory, the name goes back to its zone at once. */
void linger_add(struct services *services, const uint8_t *name, uint64_t views)
{
    size_t len = name_len(name);
    bool room = services->linger_count < LIMIT_LINGERS && buckets_grow(services) == ERR_OK &&
                timers_reserve(&services->timers, services->timer_total + 1) == ERR_OK;
    struct linger *linger = room ? mem_new_zero(services->alloc, 1, sizeof(*linger) + len) : NULL;
    if (!linger) {
        stale_add(services, name);
        return;
    }
    memcpy(linger->name, name, len);
    linger->views = views;
    linger->timer.kind = TIMER_LINGER;
    linger->next = services->lingers;
    if (linger->next) {
        linger->next->before = linger;
    }
    services->lingers = linger;
    struct linger **bucket = bucket_of(services, name);
    linger->hash_next = *bucket;
    *bucket = linger;
    services->linger_count++;
    services->timer_total++;
    timer_set(&services->timers, &linger->timer,
              mono_add(services->now, duration_from_ms(LINGER_MS)));
}

void linger_drop(struct services *services, struct linger *linger)
{
    struct linger **link = bucket_of(services, linger->name);
    while (*link != linger) {
        link = &(*link)->hash_next;
    }
    *link = linger->hash_next;
    *(linger->before ? &linger->before->next : &services->lingers) = linger->next;
    if (linger->next) {
        linger->next->before = linger->before;
    }
    services->linger_count--;
    services->timer_total--;
    timer_stop(&services->timers, &linger->timer);
    mem_free(services->alloc, linger);
}

void linger_end(struct services *services, const uint8_t *name)
{
    struct linger *at = services->linger_bucket_count ? *bucket_of(services, name) : NULL;
    for (struct linger *next; at; at = next) {
        next = at->hash_next;
        if (name_equal(at->name, name)) {
            linger_drop(services, at);
        }
    }
}

void lingers_mask(struct services *services, uint64_t views)
{
    for (struct linger *at = services->lingers; at; at = at->next) {
        at->views &= views;
    }
}

void lingers_free(struct services *services)
{
    while (services->lingers) {
        linger_drop(services, services->lingers);
    }
    mem_free(services->alloc, services->linger_buckets);
}
