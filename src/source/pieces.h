/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A long zone text parsed by all cores, while somebody already works on what was read: cut where
 * that is certain (dns/zonesplit.h), each piece parsed by itself, the lists joined in order as the
 * reader comes to them.
 *
 *   text ─► pieces ─┬─► thread ─► records ─┐
 *                   ├─► thread ─► records ─┼─► list of the reader, who parses what nobody has taken
 *                   └─► reader ─► records ─┘
 *
 * Whatever a piece finds fault with, even a warning: the list ends with ERR_AGAIN, and the whole is
 * to be parsed in one go, so that findings are those of one reader. Threads that cannot be made are
 * not needed.
 */
#pragma once

#include "dns/zonetext.h"

/* As zonetext_parse(), into a list without anything in it; pieces have `least` bytes at least. */
int zone_pieces_parse(const struct zonetext_source *source, size_t least, struct records *out,
                      struct diag_list *diags);

/* Begins, and makes `out` a list whose rest comes from here. Takes over source->text on success;
 * what else the source points to must live as long as the list. ERR_UNSUPPORTED: the text is too
 * short for that, or cannot be cut. ERR_NOMEM. */
int zone_pieces_begin(const struct zonetext_source *source, size_t least, struct records *out);
