/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Staged objects of the registry as rows of the store: the one place that says how what is
 * registered is written down.
 *
 *   struct object (now, next) ─► row_fill() ─► name, id, owner, revision, JSON before and after
 */
#pragma once

#include "registry/registry.h"
#include "store/registry_store.h"

/* What the configuration declares is not kept: it is read again at each start. */
bool row_is_kept(const struct object *object);
/* Texts of its own, but for id and owner, which are the registry's until the change is committed or
 * undone. `row` can be dropped also after ERR_NOMEM. */
int row_fill(const struct registry *registry, const struct object *object, struct store_row *row);
void row_drop(struct store_row *row);
