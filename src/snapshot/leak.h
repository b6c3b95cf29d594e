/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Two guards over the compiled trees of a zone.
 *
 *   leak     a view that is not internal would hand out an address that is not public (RFC 1918,
 * ULA, CGNAT, loopback, link-local; hints of HTTPS and SVCB included): an error, unless an
 * exception of the configuration covers name, view and address. In the implicit view that flags
 * make: one warning with the number of such addresses. hairpin  an internal view hands out a public
 * address of a name that has a private twin in an internal view: a warning, traffic leaves the site
 * and comes back.
 */
#pragma once

#include "snapshot/compile.h"

/* trees[i]: the zone in view i (of desired->views); `views`: those that have the zone. */
int zone_guard_addresses(const struct slab *slab, const struct desired *desired,
                         const struct desired_zone *zone, const struct zone_base *base,
                         const struct zone_edits *edits, const struct zone_tree *trees,
                         uint64_t views, struct findings *findings);

/* The leak guard for one name after a change of it. */
int zone_guard_name(const struct slab *slab, const struct desired *desired,
                    const struct desired_zone *zone, const uint8_t *owner,
                    const struct zone_tree *trees, struct findings *findings);

/* May the view hand out this address for the name? (RFC 1918 and the like: only internal views, or
 * by an exception.) */
bool leak_allows(const struct desired *desired, unsigned view, const uint8_t *owner,
                 const struct address *address);
