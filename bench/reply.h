/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Is this reply the right one? Two depths: what every reply must pass, which costs one comparison
 * of the question, and what a sample must pass, which reads every record.
 */
#ifndef BENCH_REPLY_H
#define BENCH_REPLY_H

#include <stddef.h>
#include <stdint.h>

struct query;

/*
 * Looks at header and question: a response, not truncated, the expected rcode and number of
 * answers, the question as it was asked. NULL if right, else what is wrong.
 */
const char *reply_fault(const struct query *query, const uint8_t *reply, size_t length);

/*
 * Looks at the records: the answers belong to the name asked, their addresses are those expected
 * in any order, and a negative answer brings its SOA (RFC 2308 section 3). Call it after
 * reply_fault() found nothing. NULL if right, else what is wrong.
 */
const char *reply_content_fault(const struct query *query, const uint8_t *reply, size_t length);

/* For the bare echo: the reply is the query. */
const char *reply_echo_fault(const struct query *query, const uint8_t *reply, size_t length);

#endif
