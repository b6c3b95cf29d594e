/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "failover/guard.h"

#include <stdio.h>

bool guard_reload_holds(const struct guard_reload *reload, char *reason, size_t size)
{
    if (reload->only_apex && reload->names_before > 1) {
        snprintf(reason, size, "leaves only SOA and NS of %llu names",
                 (unsigned long long)reload->names_before);
        return true;
    }
    if (reload->names_removed > reload->limit_names &&
        reload->names_removed * 100 > reload->names_before * reload->limit_percent) {
        snprintf(reason, size, "removes %llu of %llu names",
                 (unsigned long long)reload->names_removed,
                 (unsigned long long)reload->names_before);
        return true;
    }
    if (reload->ns_before > 0 && reload->ns_kept == 0) {
        snprintf(reason, size, "replaces every NS of the apex");
        return true;
    }
    return false;
}

struct budget_policy budget_policy_default(void)
{
    return (struct budget_policy){.share_percent = 10, .least = 10, .window_ms = 600000};
}

void budget_step(const struct budget_policy *policy, struct budget_use *use, struct mono now)
{
    if (mono_since(now, use->began).ns > duration_from_ms(policy->window_ms).ns) {
        *use = (struct budget_use){.began = now};
    }
}

bool budget_allows(const struct budget_policy *policy, const struct budget_use *use, int64_t more,
                   uint64_t total)
{
    int64_t left = (use->left > 0 ? use->left : 0) + more;
    return policy->share_percent >= 100 || left <= (int64_t)policy->least ||
           (uint64_t)left * 100 <= total * policy->share_percent;
}
