/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Guards over changes, as pure functions: figures about the old and the new state in, a judgement
 * and its sentence out. What a guard holds waits for a person; no passage of time applies it.
 */
#pragma once

#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zone before and after a reload. */
struct guard_reload {
    uint64_t names_before, names_removed; /* owner names */
    uint32_t ns_before, ns_kept;          /* NS targets at the apex; those in both versions */
    bool only_apex;                       /* nothing but SOA and NS is left */
    uint32_t limit_percent, limit_names;  /* held beyond both */
};

/* Must a person look first? More than limit_percent and more than limit_names of the names gone,
 * every NS of the apex replaced, or only SOA and NS left. `reason` receives the sentence ("removes
 * 40 of 60 names"). */
bool guard_reload_holds(const struct guard_reload *reload, char *reason, size_t size);

/* How much may leave the answers without a person: within `window_ms` so many of `total`, or
 * `least` of them, whichever is more. */
struct budget_policy {
    uint8_t share_percent; /* 100: no limit */
    uint32_t least, window_ms;
};

/* 10 %, 10, ten minutes. */
struct budget_policy budget_policy_default(void);

/* What left within the window under way. */
struct budget_use {
    struct mono began;
    int64_t left; /* less what came afterwards */
};

/* Begins a new window when the old one is over. */
void budget_step(const struct budget_policy *policy, struct budget_use *use, struct mono now);
/* May `more` leave as well, of `total` that were there? */
bool budget_allows(const struct budget_policy *policy, const struct budget_use *use, int64_t more,
                   uint64_t total);
