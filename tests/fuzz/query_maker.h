/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Queries from bytes: each byte of an input is a choice, so that a fuzzer's small change is a small
 * change of the query. Names are made of the few labels that random_world.h makes its zones of.
 *
 *   input ─► struct taste ─► query_make() ─► a query that is well formed ─► mutations ─► packet
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* An input that is eaten from the front; zeros come after its end. */
struct taste {
    const uint8_t *at;
    size_t left;
};

uint8_t taste_byte(struct taste *taste);

enum {
    QUERY_PACKET_MAX = 2048,
    WORDS = 16
};

/* The labels, in zone text form. */
extern const char *const word_text[WORDS];

/* Writes a packet into out and returns its length. */
size_t query_make(struct taste *taste, uint8_t out[QUERY_PACKET_MAX]);
