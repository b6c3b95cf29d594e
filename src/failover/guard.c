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
