/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Seeded random numbers: xoshiro256** by Blackman and Vigna, seeded through splitmix64. One seed
 * gives one sequence in every build. Not for secrets; the shell seeds it from the kernel.
 */
#pragma once

#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* Uniform in [0, bound); bound > 0. */
uint64_t random_below(struct random *random, uint64_t bound);
