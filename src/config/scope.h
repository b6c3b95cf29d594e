/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the reply path needs of a configuration, cut out of it: struct scope (snapshot/snapshot.h)
 * and the flattened view ranges. Immutable once made; refers to the configuration, which must
 * outlive it.
 */
#pragma once

#include "config/config.h"
#include "snapshot/snapshot.h"

/* Listener slots in config->desired must be final. ERR_NOMEM. */
int scope_new(const struct alloc *alloc, const struct config *config, struct scope **ret_scope);
void scope_free(const struct alloc *alloc, struct scope *scope);
