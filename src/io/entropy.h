/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Seeds from the kernel: what makes the sequences of base/random.h and the keys of hash tables
 * unforeseeable from outside. Read at start, never on the query path. Thread-safe.
 */
#pragma once

#include <stdint.h>

/* 64 random bits. Where the kernel has no getrandom() the clock and an address stand in: hash
 * tables stay correct with any seed, so this cannot fail. */
uint64_t entropy_seed(void);
