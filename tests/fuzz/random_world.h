/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Small hostile worlds from a seed: up to four views, up to six zones with wildcards, DNAMEs,
 * aliases that loop, delegations with and without glue, names of odd labels, overlays, subtrees and
 * zones for some views only, zones that are configured and never load. All made of few labels
 * (query_maker.h), so that queries hit.
 *
 * Addresses tell whom they are for: 203.V.x.y (and 2001:db8:V::) only stands where view V alone may
 * see it, 198.51.x.y where everyone may. A reply that gives a view another one's addresses is a
 * leak.
 *
 * There are so many, each made when it is first asked for and then kept: to make one costs as much
 * as a thousand questions.
 */
#pragma once

#include "unit/answer/world.h"

enum {
    RANDOM_WORLDS = 512,
    WORLD_TAGGED = 203
};

/* The world of a seed (modulo their number); lives as long as the process. */
const struct world *random_world(unsigned seed);

/* The address of a client: in the i-th view's prefixes, a listed resolver, or nobody's. */
struct address random_world_client(uint8_t choice);
