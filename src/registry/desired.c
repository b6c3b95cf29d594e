/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "registry/desired.h"

#include <string.h>

unsigned desired_view_find(const struct desired *desired, const char *name)
{
    for (uint32_t i = 0; i < desired->view_count; i++) {
        if (strcmp(desired->views[i].name, name) == 0) {
            return i;
        }
    }
    return VIEW_NONE;
}
