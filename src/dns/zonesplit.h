/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where a zone text may be cut, so that its pieces can be parsed at the same time. A piece begins
 * with a record that names its owner, outside parentheses and quotes, and knows the directives
 * before it that hold there:
 *
 *   $ORIGIN a.example.    ┐ piece 0
 *   www  A 192.0.2.1      ┘
 *   mail A 192.0.2.2      ┐ piece 1, behind "$ORIGIN a.example."
 *        AAAA 2001:db8::2 │
 *   $TTL 60               ┘
 *   ftp  A 192.0.2.3        piece 2, behind "$ORIGIN a.example." and "$TTL 60"
 *
 * What cannot be followed with certainty is not cut: $INCLUDE, a relative $ORIGIN, a string over
 * several lines. Nothing is judged here; a faulty text may be cut anywhere, so whoever finds a
 * fault in a piece parses the whole again to tell of it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct zone_piece {
    const char *text;
    size_t len;
    uint32_t first_line; /* of the whole text's */
    /* The last $ORIGIN and the last $TTL before it, each without its line end; NULL: none. */
    const char *origin, *ttl;
    size_t origin_len, ttl_len;
};

/* Cuts into at most `most` pieces, of `least` bytes at least (but for the last). Returns how many:
 * 1, the whole, when it is short or cannot be cut. `first_line` is that of the text. */
unsigned zone_text_split(const char *text, size_t len, uint32_t first_line, size_t least,
                         struct zone_piece *pieces, unsigned most);
