/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From verdicts and policy to the instances of one service that one view is answered with. A pure
 * function, and the one table of precedence:
 *
 *   override ─► verdicts ─► site rule ─► pool ─► panic inside the pool ─► never-empty ─► weights
 *
 *   override     up counts as working, down and drain as not, whatever the checks say
 *   site rule    a site is down when less than `site_percent` of its weight works; and when an
 *                operator or its own checks say so
 *   pool         the first site of the list that is not down and not waiting for its failback
 *                (`active`: all such sites); else the first that only waits; else the one with
 *                most that works
 *   panic        below `panic_percent` of working instances all of the pool come back
 *   never-empty  no instance of any pool works: the whole first pool comes back, unless `closed`
 *
 * What comes back never includes an instance that an operator took out, nor one that was never seen
 * to work: a new instance enters answers with its first pass, and no other way. A site that was
 * declared down as a whole is another matter: a service that has nothing elsewhere stays there.
 */
#pragma once

#include "health/verdict.h"
#include "registry/registry.h"

enum {
    POOL_REST = UINT16_MAX /* no site, or one that the service does not list */
};

struct candidate {
    /* in: */
    enum verdict verdict;
    uint8_t override; /* 0: none, else 1 + enum override_action */
    uint16_t pool;    /* index in the service's sites, or POOL_REST */
    uint16_t weight;
    bool site_out; /* its whole site is declared down, or fails the site's own checks */
    bool held;     /* as it was: the budget for failovers is used up, a person must accept */
    bool waits;    /* its site works again, and waits for the failback */
    bool proven;   /* it has worked before */
    bool braked;   /* its verdict is that of before a storm */
    uint16_t ramp; /* thousandths of the weight, after a recovery; 1000: all */
    /* out: */
    bool in_pool; /* its pool was chosen */
    bool chosen;
    uint16_t share; /* the weight it is answered with */
};

#define CHOICE_TABLE(X)                                                      \
    X(CHOICE_WORKING, "working", "the working instances of the pool")        \
    X(CHOICE_PANIC, "panic", "too few work: all of the pool")                \
    X(CHOICE_NEVER_EMPTY, "never-empty", "none works: all rather than none") \
    X(CHOICE_CLOSED, "closed", "none works, and the service is closed then") \
    X(CHOICE_UNPROVEN, "unproven", "no instance has passed its checks yet")  \
    X(CHOICE_OPERATOR, "operator", "an operator took every instance out")    \
    X(CHOICE_NONE, "none", "no instance is registered here")

enum choice_kind {
#define X(kind, name, text) kind,
    CHOICE_TABLE(X)
#undef X
    CHOICE_COUNT
};
const char *choice_name(enum choice_kind kind);
const char *choice_text(enum choice_kind kind);

struct choice {
    enum choice_kind kind;
    uint16_t pool;    /* that was chosen; the first of them */
    const char *site; /* its name, as the caller knows it; NULL: none */
    uint32_t candidates, working, chosen;
    uint32_t scale;     /* of shares against weights: 1 while nobody starts slowly */
    uint32_t site_down; /* pools passed over by the site rule */
};

/* What a pool is worth to a service. */
enum standing {
    STANDING_EMPTY,    /* nothing is registered there */
    STANDING_UP,       /* enough of its weight works */
    STANDING_DOWN,     /* it does not */
    STANDING_UNPROVEN, /* it does not, and never did */
};
enum standing pool_standing(const struct service *policy, const struct candidate *candidates,
                            uint32_t count, uint16_t pool);

void choose(const struct service *policy, struct candidate *candidates, uint32_t count,
            struct choice *out);

/* After choose(), for a service that goes to the nearest site: what the chosen pool lacks because
 * some of its weight does not work goes to the next pool that works, in proportion. */
void choose_spill(const struct service *policy, struct candidate *candidates, uint32_t count,
                  struct choice *choice);

/* Does it work, as the operator and the verdict have it? */
bool candidate_works(const struct candidate *candidate);
