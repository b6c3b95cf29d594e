/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who asks: client address and listener to a view. For every listener the configured prefixes are
 * flattened at load into sorted, disjoint address ranges, each with its view, in which rules that
 * name the listener beat all others and then the longest prefix wins. Neighbours with the same view
 * are joined. A lookup is one binary search, over IPv4 or over IPv6.
 *
 *   IPv4 of a listener:  0.0.0.0 none | 10.0.0.0 internal | 10.0.1.0 lab | 10.0.2.0 internal | ...
 *                        a range runs up to the next one's first address
 *
 * An IPv6 prefix never holds an IPv4 client, not even ::/0 (base/address.h). Of equal rules the
 * first in the configuration counts. Immutable once made; read by all workers.
 */
#pragma once

#include "registry/desired.h"

struct view_match;

/* Builds the ranges from the desired views; ERR_NOMEM. */
int view_match_new(const struct alloc *alloc, const struct desired *desired,
                   struct view_match **out);
void view_match_free(struct view_match *match);

/* View of a client, VIEW_NONE when nobody feels addressed. `listener` is a slot
 * (registry/desired.h); one that the configuration does not know matches only rules for any
 * listener. */
unsigned view_match_find(const struct view_match *match, unsigned listener,
                         const struct address *client);

/* Is `resolver` listed (by any view) as one whose client subnet option counts? */
bool view_match_subnet_listed(const struct view_match *match, const struct address *resolver);

/* Shortest prefix length (128-bit form) around `address`, not longer than 128 and not shorter than
 * the family (96 for IPv4), that holds no address whose view differs in its answer. `same` is the
 * set of views that answer alike (bit VIEW_NONE cannot be in it). */
unsigned view_match_scope(const struct view_match *match, unsigned listener,
                          const struct address *address, uint64_t same);
