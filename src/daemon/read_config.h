/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From the daemon's options to a configuration in memory: the file, or the flags alone. Nothing is
 * applied. May run in the thread pool.
 */
#pragma once

#include "daemon/state.h"

/* ERR_INVALID, ERR_NOT_FOUND, ... with findings; then there is no epoch. */
int read_config(struct state *state, struct diag_list *findings, struct epoch **ret_epoch);
