/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/cores.h"

#include <sched.h>

unsigned cores_count(void)
{
    cpu_set_t cores;
    int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
    return count > 0 ? (unsigned)count : 1;
}
