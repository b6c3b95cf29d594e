/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Values one after another in a buffer, and back: numbers in the machine's own order, bytes with
 * their length before them. For what the same kind of machine reads again; nothing for the wire.
 *
 *   pack_u32(&pack, 7)   pack_bytes(&pack, "abc", 3)      ─►  07 00 00 00 │ 03 00 00 00 a b c
 *
 * The first failure sticks: check once at the end. Reading from a failed cursor gives zeros and
 * empty bytes.
 */
#pragma once

#include "base/alloc.h"

#include <stdbool.h>

struct pack {
    struct buf buf;
    int err; /* ERR_OK, or the first failure */
};

void pack_init(struct pack *pack, const struct alloc *alloc);
void pack_deinit(struct pack *pack);
void pack_raw(struct pack *pack, const void *data, size_t bytes);
void pack_bytes(struct pack *pack, const void *data, size_t bytes);
void pack_text(struct pack *pack, const char *text); /* with its final 0; NULL: no bytes */
void pack_u8(struct pack *pack, uint8_t value);
void pack_u16(struct pack *pack, uint16_t value);
void pack_u32(struct pack *pack, uint32_t value);
void pack_u64(struct pack *pack, uint64_t value);

struct unpack {
    const uint8_t *at, *end;
    bool bad; /* it ended too early, or a text has no end */
};

struct unpack unpack_from(const void *data, size_t bytes);
void unpack_raw(struct unpack *unpack, void *out, size_t bytes);
/* Pointers lead into the data that is read. */
const uint8_t *unpack_bytes(struct unpack *unpack, size_t *ret_len);
const char *unpack_text(struct unpack *unpack); /* NULL when it was NULL, or on failure */
uint8_t unpack_u8(struct unpack *unpack);
uint16_t unpack_u16(struct unpack *unpack);
uint32_t unpack_u32(struct unpack *unpack);
uint64_t unpack_u64(struct unpack *unpack);
