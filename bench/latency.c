/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The histogram behind p50 and p99; latency.h says how exact it is.
 */
#include "latency.h"

enum {
    STEPS = 1 << LATENCY_STEP_BITS
};

static uint32_t latency_bucket(uint64_t duration_ns)
{
    if (duration_ns < STEPS) {
        return (uint32_t)duration_ns;
    }
    uint32_t doubling = 63U - (uint32_t)__builtin_clzll(duration_ns) - LATENCY_STEP_BITS;
    uint32_t step = (uint32_t)(duration_ns >> doubling) - STEPS;
    uint32_t bucket = ((doubling + 1) << LATENCY_STEP_BITS) + step;
    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

/* The largest duration that falls into the bucket. */
static uint64_t latency_bucket_top_ns(uint32_t bucket)
{
    if (bucket < STEPS) {
        return bucket;
    }
    uint32_t doubling = (bucket >> LATENCY_STEP_BITS) - 1;
    uint64_t step = STEPS + bucket % STEPS;
    return ((step + 1) << doubling) - 1;
}

void latency_add(struct latency *latency, uint64_t duration_ns)
{
    latency->counts[latency_bucket(duration_ns)]++;
    latency->total++;
    if (duration_ns > latency->max_ns) {
        latency->max_ns = duration_ns;
    }
}

uint64_t latency_percentile_ns(const struct latency *latency, double share)
{
    double wanted = share * (double)latency->total;
    uint64_t below = 0;
    for (uint32_t i = 0; i < LATENCY_BUCKETS; i++) {
        below += latency->counts[i];
        if (below > 0 && (double)below >= wanted) {
            uint64_t top_ns = latency_bucket_top_ns(i);
            return top_ns < latency->max_ns ? top_ns : latency->max_ns;
        }
    }
    return latency->max_ns;
}
