/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The trace of one answer: the walk tells each step it takes, explain turns them into text or JSON.
 * A worker passes NULL and pays one branch a step.
 */
#pragma once

#include "base/alloc.h"

#include <stdbool.h>

/* Steps of RFC 1034 4.3.2 and around it. id, name for JSON, what it says. */
#define TRACE_STEP_TABLE(X)                                                               \
    X(TRACE_VIEW, "view", "who asks")                                                     \
    X(TRACE_ZONE, "zone", "RFC 1034 4.3.2 step 2: nearest zone")                          \
    X(TRACE_EXACT, "match", "RFC 1034 4.3.2 step 3a: the name exists")                    \
    X(TRACE_ENT, "empty-non-terminal", "RFC 8020: names exist below, so the name does")   \
    X(TRACE_CNAME, "cname", "RFC 1034 4.3.2 step 3a: alias, restart with its target")     \
    X(TRACE_DNAME, "dname", "RFC 6672 3.2: redirected, restart with the new name")        \
    X(TRACE_DELEGATION, "delegation", "RFC 1034 4.3.2 step 3b: referral")                 \
    X(TRACE_DS, "ds", "RFC 4035 3.1.4.1: DS is the parent's data")                        \
    X(TRACE_ENCLOSER, "closest-encloser", "RFC 4592 3.3.1: the nearest name that exists") \
    X(TRACE_WILDCARD, "wildcard", "RFC 1034 4.3.2 step 3c: answered by a wildcard")       \
    X(TRACE_NODATA, "nodata", "RFC 2308 2.2: the name has no such data")                  \
    X(TRACE_NXDOMAIN, "nxdomain", "RFC 2308 2.1: the name does not exist")                \
    X(TRACE_DATA, "data", "records put into the answer")                                  \
    X(TRACE_PICK, "pick", "policy of a registered name: which records")                   \
    X(TRACE_ADDITIONAL, "additional", "addresses put beside the answer")                  \
    X(TRACE_TRUNCATED, "truncated", "RFC 2181 9: did not fit, TC set")                    \
    X(TRACE_REFUSED, "refused", "not answered here")                                      \
    X(TRACE_SERVFAIL, "servfail", "zone configured but not loaded")                       \
    X(TRACE_CLIENT_SUBNET, "client-subnet", "RFC 7871: the client subnet option")

enum trace_step {
#define X(step, name, text) step,
    TRACE_STEP_TABLE(X)
#undef X
    TRACE_STEP_COUNT
};

struct trace_entry {
    struct trace_entry *next;
    enum trace_step step;
    char *detail; /* "api.example.com. A, 1 record, TTL 60" */
};

struct trace {
    struct arena arena;
    struct trace_entry *first, **last;
};

void trace_init(struct trace *trace, const struct alloc *alloc);
void trace_deinit(struct trace *trace);
/* Does nothing when trace is NULL. */
__attribute__((format(printf, 3, 4))) void trace_add(struct trace *trace, enum trace_step step,
                                                     const char *format, ...);
const char *trace_step_name(enum trace_step step);
const char *trace_step_text(enum trace_step step);
