/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/entropy.h"

#include "io/clock.h"

#include <errno.h>
#include <sys/random.h>

uint64_t entropy_seed(void)
{
    uint64_t seed;
    ssize_t got;
    do {
        got = getrandom(&seed, sizeof seed, 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof seed) {
        seed = (uint64_t)clock_mono().ns ^ (uint64_t)clock_wall().ns << 20 ^ (uintptr_t)&seed;
    }
    return seed;
}
