/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/clock.h"

#include <time.h>

static int64_t clock_read(clockid_t id)
{
    struct timespec at;
    clock_gettime(id, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

struct mono clock_mono(void)
{
    return (struct mono){clock_read(CLOCK_MONOTONIC)};
}

struct wall clock_wall(void)
{
    return (struct wall){clock_read(CLOCK_REALTIME)};
}
