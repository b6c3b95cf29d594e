/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The pace at which one address is probed, whoever asked for it: so many probes a second, whatever
 * the number of services, instances and ports that stand behind it. Whoever registers may not use
 * the checks to load another's machine.
 *
 *   address ─► struct pace: users (targets at the address), when its next free place begins
 *
 * A generic cell rate (ITU-T I.371 annex A): places follow each other at 1/rate, and a second's
 * worth may be taken at once, so that what is registered together is looked at at once, and a held
 * connection that breaks is made again without waiting.
 *
 * Belongs to the prober, in the loop's thread.
 */
#pragma once

#include "base/address.h"
#include "base/alloc.h"
#include "base/time.h"

struct pace {
    struct pace *next; /* in its bucket */
    struct address address;
    uint32_t users;
    struct mono next_free;
};

struct paces {
    const struct alloc *alloc;
    struct pace **buckets;
    uint32_t count, bucket_count; /* the latter a power of two, or 0 */
};

/* The pace of an address, one user more. NULL: no memory. */
struct pace *pace_join(struct paces *paces, const struct address *address);
/* One user less; with the last it goes. */
void pace_leave(struct paces *paces, struct pace *pace);
/* Takes the next place at `rate` a second (> 0). How long it is until then; 0: now. */
struct duration pace_take(struct pace *pace, uint32_t rate, struct mono now);
/* All must have been left. */
void paces_free(struct paces *paces);
