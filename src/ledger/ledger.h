/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who was told what, until when: for each answer that is compiled into the slab, the second at
 * which the last cache that honours TTLs forgets it, counted from the last time that it was sent.
 *
 *   worker ─ told (word, TTL) ─► until[word] = max(until[word], second sent + TTL)
 *   control ─ ledger_until(word) ─► when a change of this answer would be over
 *           ─ node retired, its grace period over ─► ledger_forget(), its words are free again
 *
 * One array beside the slab, an eighth of its size, shared by all workers: an answer's second moves
 * once a second, so that a word is mostly only read, however often it is asked for; and a maximum
 * loses nothing when two raise it at once. What is not touched takes no memory. Which word is whose
 * says snapshot/told.h. Views that share an answer share its account.
 *
 * Seconds are counted from the ledger's birth and rounded up: never too early. The array belongs to
 * the shell, which makes it as long as the slab is before the slab is used.
 */
#pragma once

#include "base/time.h"
#include "ledger/kept.h"
#include "snapshot/told.h"

#include <stdatomic.h>

/* Of each of the last generations: until when caches may hold what it replaced. */
enum {
    LEDGER_GENERATIONS = 1024
};

struct ledger_generation {
    uint64_t generation;
    uint32_t until; /* 0: nothing that was told */
};

struct ledger {
    _Atomic uint32_t *until;
    struct mono born;
    /* What did not fit into a worker's list may be anything: nothing is over before. */
    _Atomic uint32_t lost_until;
    /* All that came out of an image counts as sent then; 0: there was none. */
    uint32_t restored_s;
    /* Control's own: */
    struct kept_table kept; /* what is answered otherwise now */
    uint32_t now_s;         /* when snapshots are retired */
    struct ledger_generation replaced[LEDGER_GENERATIONS];
};

/* The second that `now` lies in, its end. At least 1. */
uint32_t ledger_second(const struct ledger *ledger, struct mono now);

/* Workers: the replies of this list go out in the second `now_s`, while what they took cannot be
 * reused yet (the thread is online). The list is empty afterwards. */
void ledger_note(struct ledger *ledger, struct told_list *list, uint32_t now_s);

/* Control: until when a cache may hold what `word` is for, whose TTL is `ttl_s`; 0: it was never
 * sent. */
uint32_t ledger_until(const struct ledger *ledger, uint32_t word, uint32_t ttl_s);

/* Control: all that the generation replaced is known. */
void ledger_replaced(struct ledger *ledger, uint64_t generation, uint32_t until);
/* false: it is not, or not any more. */
bool ledger_replaced_until(const struct ledger *ledger, uint64_t generation, uint32_t *ret_until);

/* Control: the node is gone, and nobody can send it any more. */
void ledger_forget(struct ledger *ledger, const struct slab *slab, const struct node *node);
