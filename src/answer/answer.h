/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The query path as one pure function: query bytes, snapshot, client, time and randomness in; reply
 * bytes and what was told out. RFC 1034 4.3.2 with RFC 4592 (wildcards), RFC 6672 (DNAME), RFC 6604
 * (rcode of chains), RFC 2308 (negatives). The server, the command line, the fuzzers, the
 * benchmarks and explain call the same code; explain hands in a trace that is told each step.
 *
 *   question ─► view ─► zone ─► walk ─┬─ answer, chain, wildcard
 *                                     ├─ referral with glue
 *                                     └─ negative with SOA ─► OPT ─► reply
 *
 * No allocation, no locks, no system calls; nothing assertable is reachable from packet bytes.
 */
#pragma once

#include "base/time.h"
#include "dns/type.h"
#include "snapshot/snapshot.h"
#include "snapshot/told.h"

enum transport {
    TRANSPORT_UDP,
    TRANSPORT_TCP
};

struct client {
    struct address address; /* peer, IPv4-mapped form unmapped by construction */
    uint16_t listener;      /* slot of the listener (registry/desired.h) */
    uint8_t transport;      /* enum transport */
};

/* What was answered, for counters and logs. Filled also when the reply is 0 bytes. */
struct outcome {
    uint8_t view;  /* index or VIEW_NONE */
    uint8_t rcode; /* as in the header; 16 for BADVERS */
    uint8_t kind;  /* enum answer_kind */
    bool truncated;
    bool edns;
    uint16_t qtype;
    uint32_t zone; /* index of the zone in desired.zones, UINT32_MAX if none */
};

#define ANSWER_KIND_TABLE(X)                                                      \
    X(ANSWER_DROPPED, "dropped", "not answered: too short, or itself a response") \
    X(ANSWER_FORMERR, "formerr", "malformed")                                     \
    X(ANSWER_NOTIMP, "notimp", "unknown opcode")                                  \
    X(ANSWER_BADVERS, "badvers", "unknown EDNS version")                          \
    X(ANSWER_REFUSED, "refused", "no view, no zone, or not allowed")              \
    X(ANSWER_SERVFAIL, "servfail", "zone configured but not loaded")              \
    X(ANSWER_POSITIVE, "positive", "answered with data")                          \
    X(ANSWER_NODATA, "nodata", "name exists, type does not")                      \
    X(ANSWER_NXDOMAIN, "nxdomain", "name does not exist")                         \
    X(ANSWER_REFERRAL, "referral", "delegated elsewhere")

enum answer_kind {
#define X(kind, name, text) kind,
    ANSWER_KIND_TABLE(X)
#undef X
    ANSWER_KIND_COUNT
};
const char *answer_kind_name(unsigned kind);

struct trace;

/* Answers one query. `told` (may be NULL) gets what the reply took from the snapshot added. reply
 * holds at least LIMIT_MESSAGE_BYTES for TCP, at least 4096 for UDP. Returns the reply's length; 0:
 * no reply. `trace` may be NULL. */
size_t answer(const struct snapshot *snapshot, const struct client *client, const uint8_t *query,
              size_t query_len, uint64_t random, uint8_t *reply, size_t reply_size,
              struct outcome *outcome, struct told_list *told, struct trace *trace);
