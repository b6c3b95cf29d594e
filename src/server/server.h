/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The listeners and the workers: UDP and TCP on every configured address, one worker thread a core
 * with sockets of its own (SO_REUSEPORT), answering from the published snapshot.
 *
 *   open ─► (drop privileges) ─► start ─► ... retarget at reload ... ─► stop: drain, join
 *
 * server_open() binds everything, so that the caller can give up root before server_start().
 * Called by the daemon's control thread only.
 */
#pragma once

#include "answer/answer.h"
#include "base/diag.h"
#include "ledger/ledger.h"
#include "server/publish.h"

struct server;

struct server_options {
    uint32_t workers; /* 0: one a core; raised to the sockets handed over for one listener */
    uint32_t tcp_connections, tcp_per_client, tcp_reserve, tcp_pipeline;
    uint32_t tcp_first_byte_ms, tcp_message_ms, tcp_idle_ms, tcp_write_ms;
    /* Sockets handed over by the service manager, or NULL. They stay the caller's and must stay
     * open; the server works on copies. */
    const int *inherited;
    uint32_t inherited_count;
    struct ledger *ledger; /* of what is told; NULL: none is kept */
};

/* Counters of the workers, from one table; per view where `per_view` is 1. */
#define COUNTER_TABLE(X)                                                                         \
    X(COUNTER_QUERIES_UDP, "queries_udp", 1, "queries received over UDP")                        \
    X(COUNTER_QUERIES_TCP, "queries_tcp", 1, "queries received over TCP")                        \
    X(COUNTER_DROPPED, "dropped", 0, "packets not answered: too short, or themselves responses") \
    X(COUNTER_FORMERR, "formerr", 1, "malformed queries")                                        \
    X(COUNTER_NOTIMP, "notimp", 1, "queries with an unknown opcode")                             \
    X(COUNTER_BADVERS, "badvers", 1, "queries with an unknown EDNS version")                     \
    X(COUNTER_REFUSED, "refused", 1, "refused: no view, no zone, or not allowed")                \
    X(COUNTER_SERVFAIL, "servfail", 1, "queries for a zone that is configured but not loaded")   \
    X(COUNTER_POSITIVE, "positive", 1, "answered with data")                                     \
    X(COUNTER_NODATA, "nodata", 1, "the name exists, the type does not")                         \
    X(COUNTER_NXDOMAIN, "nxdomain", 1, "the name does not exist")                                \
    X(COUNTER_REFERRAL, "referral", 1, "delegated elsewhere")                                    \
    X(COUNTER_TRUNCATED, "truncated", 1, "UDP replies with TC set")                              \
    X(COUNTER_EDNS, "edns", 1, "queries with EDNS")                                              \
    X(COUNTER_SEND_FAILED, "send_failed", 0, "replies that the kernel did not take")             \
    X(COUNTER_TCP_ACCEPTED, "tcp_accepted", 0, "TCP connections accepted")                       \
    X(COUNTER_TCP_REFUSED, "tcp_refused", 0,                                                     \
      "TCP connections closed at once: a limit was reached")                                     \
    X(COUNTER_TCP_SLOW, "tcp_slow", 0, "TCP connections cut: too slow")                          \
    X(COUNTER_TCP_IDLE, "tcp_idle", 0, "TCP connections closed after the idle time")             \
    X(COUNTER_TCP_STUCK, "tcp_stuck", 0, "TCP connections cut: the client did not read")         \
    X(COUNTER_TCP_EVICTED, "tcp_evicted", 0, "TCP connections cut to make room for another client")

enum counter {
#define X(id, name, per_view, text) id,
    COUNTER_TABLE(X)
#undef X
    COUNTER_COUNT
};

/* Creates and binds all sockets, UDP and TCP, of all workers; listener i gets slot i. Findings name
 * the listener and the mend; on failure nothing stays open. May raise the soft limit of open files,
 * with a warning when the hard one is too low for the connections allowed. `alloc` serves all
 * workers: it must be thread-safe. */
int server_open(const struct alloc *alloc, const struct desired *desired,
                const struct server_options *options, struct publish *publish,
                struct diag_list *diags, struct server **out);

/* Starts the workers. A snapshot must have been published. ERR_NOMEM: no thread; the server can
 * only be freed then. */
int server_start(struct server *server);

/* Takes over another set of listeners without closing those that stay, in two steps, so that a
 * refused socket changes nothing: prepare opens what is new and writes each listener's slot into
 * `desired` (a listener that stays keeps its slot; a new one gets a slot that nobody uses); the
 * caller then builds and publishes the matching snapshot; commit starts the new sockets and drains
 * and closes those that went. ERR_PERMISSION with a finding and the mend when a new socket needs a
 * privilege that is gone. */
int server_retarget_prepare(struct server *server, struct desired *desired,
                            struct diag_list *diags);
void server_retarget_commit(struct server *server);
void server_retarget_abort(struct server *server);

/* Stops taking queries, answers what was received, joins the workers. */
void server_stop(struct server *server);
void server_free(struct server *server);

/* Port that the listener in a slot really has (port 0 resolved). */
int server_listener_port(const struct server *server, unsigned slot);

/* Sum over workers of one counter; `view` LIMIT_VIEWS is "no view", VIEWS total is -1. */
uint64_t server_counter(const struct server *server, enum counter counter, int view);
const char *counter_name(enum counter counter);
const char *counter_text(enum counter counter);
bool counter_per_view(enum counter counter);
uint32_t server_worker_count(const struct server *server);
uint32_t server_tcp_open(const struct server *server);
