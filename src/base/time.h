/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Time is an argument. Three different struct types, so that a monotonic instant, a wall-clock
 * instant and a duration cannot be mixed by accident. Only io/ reads clocks; everyone else is
 * handed values. All are signed nanoseconds.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct mono {
    int64_t ns; /* since an arbitrary start; never goes back */
};

struct wall {
    int64_t ns; /* since 1970-01-01T00:00:00Z; for people and TTLs that outlive a restart */
};

struct duration {
    int64_t ns;
};

static inline struct duration duration_from_ms(int64_t ms)
{
    return (struct duration){ms * 1000000};
}

static inline struct mono mono_add(struct mono at, struct duration by)
{
    return (struct mono){at.ns + by.ns};
}

static inline struct duration mono_since(struct mono later, struct mono earlier)
{
    return (struct duration){later.ns - earlier.ns};
}

static inline bool mono_before(struct mono a, struct mono b)
{
    return a.ns < b.ns;
}
