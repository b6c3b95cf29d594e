/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the kinds of probes share: one target, its beat, and how a probe ends. Written by the kinds'
 * files and prober.c, in the loop's thread; a target lives from start() to stop() of the port.
 *
 *   waiting ─ beat ─► under way ─ target_finish() ─► waiting
 *                        └ timeout ─► kind->timeout() ─┘
 */
#pragma once

#include "base/random.h"
#include "io/socket.h"
#include "probe/pace.h"
#include "probe/prober.h"

struct prober {
    const struct alloc *alloc;
    struct loop *loop;
    prober_told *told;
    void *ctx;
    struct random random;
    struct http_probes *http; /* what all HTTP probes share; made with the first */
    uint32_t under_way;       /* probes */
    struct paces paces;
    uint32_t rate;                           /* probes a second that one address may get */
    uint64_t delayed;                        /* probes that had to wait for that, ever */
    struct target *crowd_first, *crowd_last; /* who waits for a place, the longest first */
};

struct target {
    struct prober *prober;
    struct probe_order order;
    const struct probe_kind *kind;
    struct loop_timer *timer; /* the next beat, or the timeout of the probe under way */
    struct mono beat;         /* when the probe under way was due */
    struct pace *pace;        /* of its address; NULL: the kind asks nobody over the network */
    bool paced;               /* it has waited for its place there */
    bool under_way;
    bool last_look; /* the timeout has come, and what the sockets hold is read once more */
    bool in_crowd;
    struct target *crowd_before, *crowd_next;
    /* The connection of a kind that has one: */
    int fd; /* -1: none */
    struct loop_poll *poll;
    unsigned phase; /* the kind's */
    void *state;    /* the kind's, allocated */
    char read[512]; /* what came, for an expectation */
    size_t read_len;
    /* Of a held connection: */
    bool ended; /* the peer closed it; the next connection tells why */
    struct mono ended_at;
    unsigned wait_ms;         /* before the last reconnect */
    unsigned closes;          /* by the peer, with a reconnect that was accepted */
    struct mono closes_since; /* when they began to be counted */
    struct mono aside_until;  /* probing instead of holding */
};

struct probe_kind {
    bool local; /* nothing goes to the target's address */
    /* Begins a probe; it may end it at once. */
    void (*begin)(struct target *target);
    /* The timeout has come: gives up what is under way. NULL: closes the connection, and the probe
     * has failed. */
    void (*timeout)(struct target *target);
    /* The target goes. NULL: closes the connection. */
    void (*end)(struct target *target);
};

/* The probe under way is over; the next beat is set. */
void target_finish(struct target *target, enum outcome_kind outcome, const char *detail);
/* Tells an outcome without a probe under way (a held connection's news). */
void target_tell(struct target *target, enum outcome_kind outcome, const char *detail);
/* A probe now, beside the beat, or after a while. */
void target_again(struct target *target, struct duration after);

/* Begins a connection to the target, `ready` is called when it can be written. An error ends the
 * probe. false then. */
bool target_connect(struct target *target, enum socket_kind kind, loop_callback *ready);
/* Takes the callback for what can be read or written from now on. */
void target_watch(struct target *target, unsigned events);
void target_close(struct target *target);
struct endpoint target_endpoint(const struct target *target);
/* Sentence about an errno of a connection. */
const char *connect_problem(int number);
/* OUTCOME_NONE when it is us who lack something, else OUTCOME_FAIL. */
enum outcome_kind problem_outcome(int number);

/* Is `wanted` in what was read? */
bool target_read_has(const struct target *target, const char *wanted);
/* Reads what there is behind target->read; when it is full the older half goes. Bytes, 0 at the
 * end, -1: nothing now, -2: an error. */
int target_receive(struct target *target);

extern const struct probe_kind PROBE_TCP, PROBE_HELD, PROBE_HTTP, PROBE_DNS, PROBE_COMMAND,
    PROBE_FILE;
void http_probes_free(struct http_probes *http);
