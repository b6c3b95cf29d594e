/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "failover/choose.h"

static const char *const NAMES[CHOICE_COUNT] = {
#define X(kind, name, text) [kind] = name,
    CHOICE_TABLE(X)
#undef X
};

static const char *const TEXTS[CHOICE_COUNT] = {
#define X(kind, name, text) [kind] = text,
    CHOICE_TABLE(X)
#undef X
};

const char *choice_name(enum choice_kind kind)
{
    return NAMES[kind];
}

const char *choice_text(enum choice_kind kind)
{
    return TEXTS[kind];
}

static bool taken_out(const struct candidate *candidate)
{
    return candidate->override == 1 + OVERRIDE_DOWN || candidate->override == 1 + OVERRIDE_DRAIN ||
           (candidate->override == 0 &&
            (candidate->verdict == VERDICT_MAINTENANCE || candidate->verdict == VERDICT_DRAINING));
}

bool candidate_works(const struct candidate *candidate)
{
    return candidate->override == 1 + OVERRIDE_UP ||
           (candidate->override == 0 && !candidate->site_out && verdict_works(candidate->verdict));
}

struct pool {
    uint64_t weight, working_weight;
    uint32_t count, working;
    bool proven, waits;
};

static struct pool pool_sum(const struct candidate *candidates, uint32_t count, uint16_t number)
{
    struct pool pool = {0};
    for (uint32_t i = 0; i < count; i++) {
        if (candidates[i].pool != number) {
            continue;
        }
        uint64_t weight = candidates[i].weight ? candidates[i].weight : 1;
        bool works = candidate_works(&candidates[i]);
        pool.count++;
        pool.weight += weight;
        pool.working += works;
        pool.working_weight += works ? weight : 0;
        pool.proven = pool.proven || works || candidates[i].proven;
        pool.waits = pool.waits || candidates[i].waits;
    }
    return pool;
}

static bool is_up(const struct service *policy, const struct pool *pool)
{
    return pool->working > 0 && pool->working_weight * 100 >= pool->weight * policy->site_percent;
}

enum standing pool_standing(const struct service *policy, const struct candidate *candidates,
                            uint32_t count, uint16_t pool)
{
    struct pool sum = pool_sum(candidates, count, pool);
    return sum.count == 0        ? STANDING_EMPTY
           : is_up(policy, &sum) ? STANDING_UP
           : sum.proven          ? STANDING_DOWN
                                 : STANDING_UNPROVEN;
}

static uint16_t pool_number(const struct service *policy, uint32_t step)
{
    return step < policy->site_count ? (uint16_t)step : (uint16_t)POOL_REST;
}

static void pool_take(struct candidate *candidates, uint32_t count, uint16_t pool)
{
    for (uint32_t i = 0; i < count; i++) {
        candidates[i].in_pool = candidates[i].in_pool || candidates[i].pool == pool;
    }
}

static void pools_leave(struct candidate *candidates, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        candidates[i].in_pool = false;
    }
}

/* Takes the first pool that is up, and waits for its failback or does not; of an active service all
 * of them, those that it does not list only when there is no other. */
static bool pools_take_up(const struct service *policy, struct candidate *candidates,
                          uint32_t count, bool waits, struct choice *out)
{
    bool any = false;
    for (uint32_t step = 0; step <= policy->site_count; step++) {
        uint16_t number = pool_number(policy, step);
        struct pool pool = pool_sum(candidates, count, number);
        if (pool.waits != waits || !is_up(policy, &pool) || (any && number == POOL_REST)) {
            continue;
        }
        pool_take(candidates, count, number);
        out->pool = any ? out->pool : number;
        any = true;
        if (!policy->active) {
            return true;
        }
    }
    return any;
}

static void pools_choose(const struct service *policy, struct candidate *candidates, uint32_t count,
                         struct choice *out)
{
    struct pool best = {0};
    for (uint32_t step = 0; step <= policy->site_count; step++) {
        uint16_t number = pool_number(policy, step);
        struct pool pool = pool_sum(candidates, count, number);
        if (pool.count == 0 || is_up(policy, &pool)) {
            continue;
        }
        out->site_down++;
        if (best.count == 0 ||
            pool.working_weight * best.weight > best.working_weight * pool.weight) {
            best = pool;
            out->pool = number;
        }
    }
    if (!pools_take_up(policy, candidates, count, false, out) &&
        !pools_take_up(policy, candidates, count, true, out)) {
        pool_take(candidates, count, out->pool);
    }
}

/* All of the chosen pools that has worked before, without what an operator took out. */
static uint32_t take_back(struct candidate *candidates, uint32_t count)
{
    uint32_t chosen = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct candidate *at = &candidates[i];
        at->chosen = at->in_pool && !taken_out(at) && (at->proven || candidate_works(at));
        chosen += at->chosen;
    }
    return chosen;
}

static bool any_left_in(const struct candidate *candidates, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!taken_out(&candidates[i])) {
            return true;
        }
    }
    return false;
}

static void take_working(struct candidate *candidates, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        candidates[i].chosen = candidates[i].in_pool && candidate_works(&candidates[i]);
    }
}

/* No pool has anything that works: the first that gives something back. */
static void none_works(const struct service *policy, struct candidate *candidates, uint32_t count,
                       struct choice *out)
{
    if (policy->closed) {
        out->kind = CHOICE_CLOSED;
        return;
    }
    out->kind = any_left_in(candidates, count) ? CHOICE_UNPROVEN : CHOICE_OPERATOR;
    for (uint32_t step = 0; step <= policy->site_count; step++) {
        pools_leave(candidates, count);
        pool_take(candidates, count, pool_number(policy, step));
        if (take_back(candidates, count) > 0) {
            out->kind = CHOICE_NEVER_EMPTY;
            out->pool = pool_number(policy, step);
            return;
        }
    }
}

/* By how much weights are multiplied before a slow start takes its part: a tenth of the weight 1 is
 * nothing that can be told. 1 while nobody starts slowly. */
static uint32_t weight_scale(const struct candidate *candidates, uint32_t count)
{
    uint32_t most = 1;
    bool ramps = false;
    for (uint32_t i = 0; i < count; i++) {
        most = candidates[i].weight > most ? candidates[i].weight : most;
        ramps = ramps || (candidates[i].chosen && candidates[i].ramp < 1000);
    }
    return ramps ? UINT16_MAX / most : 1;
}

static void weigh(struct candidate *candidates, uint32_t count, struct choice *out)
{
    bool all_zero = true;
    out->scale = weight_scale(candidates, count);
    for (uint32_t i = 0; i < count; i++) {
        struct candidate *at = &candidates[i];
        uint32_t share = (uint32_t)(((uint64_t)at->weight * out->scale * at->ramp + 999) / 1000);
        at->share = at->chosen ? (uint16_t)share : 0;
        all_zero = all_zero && at->share == 0;
        out->chosen += at->chosen;
        out->working += candidate_works(at);
    }
    for (uint32_t i = 0; all_zero && i < count; i++) {
        candidates[i].share = candidates[i].chosen; /* weight 0: only when nothing else is left */
    }
}

void choose(const struct service *policy, struct candidate *candidates, uint32_t count,
            struct choice *out)
{
    uint32_t in_pool = 0, working = 0;
    *out = (struct choice){.kind = CHOICE_NONE, .pool = POOL_REST, .candidates = count};
    pools_leave(candidates, count);
    if (count > 0) {
        pools_choose(policy, candidates, count, out);
    }
    for (uint32_t i = 0; i < count; i++) {
        candidates[i].chosen = false;
        in_pool += candidates[i].in_pool;
        working += candidates[i].in_pool && candidate_works(&candidates[i]);
    }
    if (count > 0 && working == 0) {
        none_works(policy, candidates, count, out);
    } else if (working * 100 < in_pool * policy->panic_percent) {
        out->kind = CHOICE_PANIC;
        take_back(candidates, count);
    } else if (count > 0) {
        out->kind = CHOICE_WORKING;
        take_working(candidates, count);
    }
    weigh(candidates, count, out);
}

void choose_spill(const struct service *policy, struct candidate *candidates, uint32_t count,
                  struct choice *choice)
{
    struct pool own = pool_sum(candidates, count, choice->pool);
    if (choice->kind != CHOICE_WORKING || own.working_weight >= own.weight) {
        return;
    }
    bool behind = false;
    for (uint32_t step = 0; step <= policy->site_count; step++) {
        uint16_t number = pool_number(policy, step);
        struct pool next = pool_sum(candidates, count, number);
        if (!behind || next.working == 0) {
            behind = behind || number == choice->pool;
            continue;
        }
        uint64_t lost = own.weight - own.working_weight;
        for (uint32_t i = 0; i < count; i++) {
            struct candidate *at = &candidates[i];
            if (at->pool == number && candidate_works(at)) {
                uint64_t weight = at->weight ? at->weight : 1;
                uint64_t share =
                    (weight * lost * choice->scale + next.working_weight - 1) / next.working_weight;
                at->chosen = true;
                at->share = (uint16_t)(share < UINT16_MAX ? share : UINT16_MAX);
                choice->chosen++;
            }
        }
        return;
    }
}
