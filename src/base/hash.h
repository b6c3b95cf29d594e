/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Hashes for tables and for spreading: plain functions of bytes, the same in every build, so that
 * what is made of them (the label of an instance) stays. Not against an adversary, and no
 * checksums: those are XXH3.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* FNV-1a of bytes, going on from `hash`; begin with HASH_START. */
#define HASH_START UINT64_C(0xcbf29ce484222325)
static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *at = data;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* Finalizer of splitmix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit. */
static inline uint64_t hash_mix(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}
