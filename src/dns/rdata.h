/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Does a record's data have the form that its type demands? Text in the types' own notation always
 * does; the notation of RFC 3597 (\# 4 0a000001) can spell anything, and the query path relies on
 * names and fixed lengths being what they say. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* May records of this type stand in a zone? Not type 0, OPT, and the query and meta types 128-255
 * (RFC 6895 3.1). */
bool rdata_type_is_data(uint16_t type);

/* Fixed parts complete, names whole and uncompressed, nothing left over. */
bool rdata_check(uint16_t type, const uint8_t *rdata, size_t len);

/* How the data of a type is written, "PREFERENCE NAME"; NULL for a type that has no short form. */
const char *rdata_form(uint16_t type);
