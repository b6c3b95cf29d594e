/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table of unanswered queries; flight.h has the drawing.
 */
#include "flight.h"

#include <assert.h>
#include <stddef.h>

void flight_init(struct flight *flight, uint32_t size)
{
    assert(size > 0 && size <= FLIGHT_SLOTS_MAX);
    flight->size = size;
    flight->free_count = size;
    for (uint32_t i = 0; i < size; i++) {
        flight->slots[i] = (struct flight_slot){.id = (uint16_t)i};
        flight->free_slots[i] = (uint16_t)(size - 1 - i);
    }
}

struct flight_slot *flight_take(struct flight *flight, struct query *query, uint64_t sent_ns)
{
    assert(flight->free_count > 0);
    uint16_t number = flight->free_slots[--flight->free_count];
    struct flight_slot *slot = &flight->slots[number];
    slot->id = (uint16_t)(slot->id + FLIGHT_SLOTS_MAX); /* the next tag; the number stays */
    slot->query = query;
    slot->sent_ns = sent_ns;
    return slot;
}

struct flight_slot *flight_find(struct flight *flight, uint16_t id)
{
    uint32_t number = id % FLIGHT_SLOTS_MAX;
    if (number >= flight->size) {
        return NULL;
    }
    struct flight_slot *slot = &flight->slots[number];
    return slot->query != NULL && slot->id == id ? slot : NULL;
}

void flight_release(struct flight *flight, struct flight_slot *slot)
{
    slot->query = NULL;
    flight->free_slots[flight->free_count++] = (uint16_t)(slot - flight->slots);
}

uint32_t flight_expire(struct flight *flight, uint64_t before_ns)
{
    uint32_t expired = 0;
    for (uint32_t i = 0; i < flight->size; i++) {
        struct flight_slot *slot = &flight->slots[i];
        if (slot->query != NULL && slot->sent_ns < before_ns) {
            flight_release(flight, slot);
            expired++;
        }
    }
    return expired;
}
