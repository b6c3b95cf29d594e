/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A UDP worker: one thread, one socket of its own per listener, queries in batches.
 *
 *   receive a batch ─► load the snapshot ─► answer each ─► send the batch ─► quiescent
 *
 * With one listener it blocks in recvmmsg, which saves a system call a batch; with several it waits
 * in poll. Replies of a batch lie packed one behind the other, and buffers for queries are an odd
 * number of cache lines apart, so that a batch touches few lines and they do not fall on each
 * other. Per query there is no allocation, no lock and no system call.
 *
 * udp_new() and udp_free() belong to control, the rest of the state to the thread.
 */
#pragma once

#include "server/thread.h"

struct udp_worker;

int udp_new(struct shared *shared, unsigned index, struct udp_worker **out);
/* The thread has ended or was never started. Sockets still in the orders are closed. */
void udp_free(struct udp_worker *worker);

struct orders *udp_orders(struct udp_worker *worker);
const struct counters *udp_counters(const struct udp_worker *worker);

int udp_start(struct udp_worker *worker);
/* After orders.stop; returns when what was received is answered. */
void udp_join(struct udp_worker *worker);
