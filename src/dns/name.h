/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Domain names in wire form (RFC 1035 3.1): length-prefixed labels ending with the root label, at
 * most 255 bytes. Stored names are lower case (RFC 4343); a name from a packet is echoed as it
 * came.
 *
 *   absolute name   \3www\7example\3com\0       ends with the root label
 *   relative name   \3www                       labels below a zone's apex, no root label; apex = 0
 * bytes
 *
 * Functions that take a name trust its form; bytes from outside go through name_check() first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NAME_MAX = 255,
    NAME_TEXT_MAX = 1024, /* every byte as \DDD, dots, terminator */
};

/* Bytes of the absolute name at `name`, root label included. */
size_t name_len(const uint8_t *name);

/* Length of the valid uncompressed absolute name at the start of wire[0..size), or 0. */
size_t name_check(const uint8_t *wire, size_t size);

/* Labels without the root label. */
unsigned name_labels(const uint8_t *name);

/* ASCII letters to lower case, in place; works on relative names too. `len` bytes. */
void name_lower(uint8_t *name, size_t len);

bool name_equal(const uint8_t *a, const uint8_t *b); /* case-insensitive */

/* Canonical order (RFC 4034 6.1), case-insensitive: <0, 0, >0. */
int name_compare(const uint8_t *a, const uint8_t *b);

/* Is `name` equal to or below `zone`? Case-insensitive. */
bool name_in_zone(const uint8_t *name, const uint8_t *zone);

/* Text with escapes and final dot ("." for the root). out holds NAME_TEXT_MAX bytes. Returns out.
 */
char *name_to_text(const uint8_t *name, char *out);

/* Text (RFC 1035 5.1 escapes, final dot optional) to an absolute lower-case name in out[NAME_MAX].
 * Relative text gets `origin` appended when origin is not NULL, else the root. ERR_INVALID. */
int name_from_text(const char *text, const uint8_t *origin, uint8_t *out);

/* Is the relative name `name` strictly below the relative name `top`? Both lower case. */
bool name_relative_below(const uint8_t *name, size_t len, const uint8_t *top, size_t top_len);

/* For code that still holds a relative name: text of relative name + zone. */
char *name_relative_to_text(const uint8_t *relative, size_t len, const uint8_t *zone, char *out);
