/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Looking ahead over a batch of queries. Among a million names a search waits for memory at each
 * level. Here the names of several queries go down the tree together, one level each in turn, and
 * what each will read next is fetched meanwhile; the answers are then made from a warm cache. It
 * decides nothing: answer() finds all out again, and what cannot be read here is passed over.
 *
 *   query 1   level 1    .    .    level 2    .    .    level 3  ...
 *   query 2    .    level 1   .     .    level 2   .     .
 *   query 3    .     .   level 1    .     .    level 2
 *
 * A value on the stack of a worker, for one group of queries under one snapshot.
 */
#pragma once

#include "answer/answer.h"
#include "dns/name.h"

enum {
    AHEAD_QUERIES = 16, /* about as many misses as a core keeps under way; 8 KB of stack */
};

/* Smaller trees are taken to stay in the cache by themselves; where it begins to pay was not
 * measured. */
#define AHEAD_TREE_BYTES ((size_t)4 << 20)

struct ahead {
    const struct snapshot *snapshot;
    unsigned count;
    struct ahead_query {
        struct qp_ahead search;
        struct qp_name name;
        struct qp_space space;
        uint8_t lowered[NAME_MAX];
    } query[AHEAD_QUERIES];
};

void ahead_init(struct ahead *ahead, const struct snapshot *snapshot);

/* One more query, as it came; passed over when its name or zone is not to be had. At most
 * AHEAD_QUERIES. */
void ahead_add(struct ahead *ahead, const struct client *client, const uint8_t *query, size_t len);

/* Takes all of them down the tree. */
void ahead_run(struct ahead *ahead);
