/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The queries of one socket that wait for their reply.
 *
 *     message id:  | tag (changes with each use of the slot) | slot number |
 *
 * A slot is taken when a query is sent and freed by the reply that carries its id. The tag makes a
 * reply that comes after its query was given up on a stray, not an answer to the slot's next query.
 * One thread.
 */
#ifndef BENCH_FLIGHT_H
#define BENCH_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    FLIGHT_SLOTS_MAX = 1024
}; /* ten bits of the id, six are left for the tag */

struct query;

struct flight_slot {
    struct query *query; /* NULL: free */
    uint64_t sent_ns;
    uint16_t id;
};

struct flight {
    struct flight_slot slots[FLIGHT_SLOTS_MAX];
    uint16_t free_slots[FLIGHT_SLOTS_MAX]; /* a stack */
    uint32_t free_count;
    uint32_t size;
};

/* Makes `size` slots (at most FLIGHT_SLOTS_MAX), all free. */
void flight_init(struct flight *flight, uint32_t size);

/* Takes a free slot (there must be one) for a query sent at `sent_ns`, and returns it. */
struct flight_slot *flight_take(struct flight *flight, struct query *query, uint64_t sent_ns);

/* The busy slot with this message id, or NULL. */
struct flight_slot *flight_find(struct flight *flight, uint16_t id);

void flight_release(struct flight *flight, struct flight_slot *slot);

/* Gives up on every query sent before `before_ns`; returns how many those were. */
uint32_t flight_expire(struct flight *flight, uint64_t before_ns);

static inline uint32_t flight_busy_count(const struct flight *flight)
{
    return flight->size - flight->free_count;
}

#endif
