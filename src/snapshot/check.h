/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a zone must be, checked on the finished tree: errors refuse the version, warnings load it.
 *
 *   error    no NS at the apex; CNAME or DNAME beside what may not stand there; data below a DNAME
 *   warning  data occluded by a delegation; glue missing; a name or target that repeats the origin
 *
 * The same checks run over a whole base tree and over the names that an overlay touched in a view.
 */
#pragma once

#include "snapshot/findings.h"

/* Every name of the tree. */
void zone_check_tree(const struct slab *slab, struct twig root, const uint8_t *origin,
                     struct findings *findings);

/* One name of the tree (which need not exist any more), after a change that is written at `place`.
 */
void zone_check_name(const struct slab *slab, struct twig root, const uint8_t *origin,
                     const struct qp_name *name, struct place place, struct findings *findings);
