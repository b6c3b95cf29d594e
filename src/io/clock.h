/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The two clocks: one that only goes forward, and the one on the wall. Only io reads them; everyone
 * else is handed values (base/time.h). Thread-safe.
 */
#pragma once

#include "base/time.h"

struct mono clock_mono(void);
struct wall clock_wall(void);
