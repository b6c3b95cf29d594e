/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A long zone text parsed by all cores: cut where that is certain (dns/zonesplit.h), each piece
 * parsed by itself, the lists joined in order. Whatever a piece finds fault with, the whole is
 * parsed once more in one go, so that findings are those of one reader.
 *
 *   text ─► pieces ─┬─► records ─┐
 *                   ├─► records ─┼─► joined        (or, after a finding: text ─► records)
 *                   └─► records ─┘
 */
#pragma once

#include "dns/zonetext.h"

/* As zonetext_parse(), into a list without anything in it; pieces have `least` bytes at least. */
int zone_pieces_parse(const struct zonetext_source *source, size_t least, struct records *out,
                      struct diag_list *diags);
