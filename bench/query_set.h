/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The questions of a benchmark, ready to be sent, each with the answer that is right.
 *
 * bench/workload.py writes the file; the load generator reads it once and walks it in order, so
 * that asking costs neither a random number nor a cache miss. All numbers are little-endian:
 *
 *     "HZQSET1\n"  u32 count  u32 zero
 *     count x { u16 query_bytes  u8 rcode  u8 zero  u16 answers  u16 zero  u32 address_sum
 *               the query message, id 0 }
 *
 * `address_sum` is the sum modulo 2^32 of the IPv4 addresses of the answer: it is the same in
 * whatever order a server rotates them, and differs between two views with different addresses.
 * One thread; a set lives until query_set_free().
 */
#ifndef BENCH_QUERY_SET_H
#define BENCH_QUERY_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    QUERY_HEADER_BYTES = 12,
    QUERY_MAX_BYTES = 512, /* a workload's query is about 60 bytes; RFC 1035 4.2.1 is the limit */
};

/* One question. `bytes` is writable: the sender puts the message id straight into it. */
struct query {
    uint8_t *bytes;
    uint32_t address_sum;
    uint16_t length_bytes;
    uint16_t question_bytes; /* name, type and class, from offset 12 */
    uint16_t answers;
    uint8_t rcode;
};

struct query_set {
    uint8_t *file;
    struct query *queries;
    uint32_t count;
};

/* Reads a workload file. On failure prints what is wrong with which file, and returns false. */
bool query_set_read(struct query_set *set, const char *path);
void query_set_free(struct query_set *set);

#endif
