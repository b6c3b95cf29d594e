/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Memory for the one thing that libuv cannot do without: the table of the descriptors it watches.
 * It ends the process when that cannot grow. The table is small and grows a few times in the life
 * of a process, so a few kilobytes that are always there carry it through a moment without memory.
 *
 *   libuv ─► realloc ─► memory, as ever
 *                  └──► NULL ─► a piece of the reserve, if it is that small
 */
#pragma once

/* Before the first loop; again does no harm. */
void reserve_for_libuv(void);
