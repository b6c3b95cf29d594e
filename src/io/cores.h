/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How much of the machine is ours: what decides how many threads are worth making. Asked each time,
 * as an administrator may move the process; thread-safe.
 */
#pragma once

/* Cores that this process may run on, at least 1. */
unsigned cores_count(void);
