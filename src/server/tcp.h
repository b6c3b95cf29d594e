/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A TCP worker (RFC 7766, RFC 9210): one thread with epoll over its own listening sockets and the
 * connections accepted from them.
 *
 *   accept ─► seat? ─► connection ─► first byte ─► message ─► answer ─► idle ─► ...
 *                                        2 s          5 s       │        10 s
 *                                                        not taken by the kernel:
 *                                                        write, 5 s, no reading meanwhile
 *
 * Queries are answered in the order they came; the replies of what was read together are written
 * together, each with its length in front. A connection owns memory only for a message that is not
 * whole and for replies that the client has not taken, both bounded. tcp.c is the thread, with
 * listening and orders; connection.c is one connection.
 *
 * tcp_new() and tcp_free() belong to control, the rest of the state to the thread.
 */
#pragma once

#include "server/thread.h"

struct tcp_worker;

int tcp_new(struct shared *shared, unsigned index, struct tcp_worker **out);
/* The thread has ended or was never started. Sockets still in the orders are closed. */
void tcp_free(struct tcp_worker *worker);

/* Takes a listening socket into the worker's set, without accepting before the orders say so. */
int tcp_watch(struct tcp_worker *worker, unsigned slot, int fd);
/* Closes one that was never served. */
void tcp_forget(struct tcp_worker *worker, int fd);
struct orders *tcp_orders(struct tcp_worker *worker);
const struct counters *tcp_counters(const struct tcp_worker *worker);

int tcp_start(struct tcp_worker *worker);
/* After orders.stop; returns when what was received is answered and every connection is closed. */
void tcp_join(struct tcp_worker *worker);
