/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What control and the threads of a server share. A listener has a slot; every thread has one
 * socket in every slot that is in use. Control opens sockets and says in a thread's orders which it
 * should serve; the thread sees that the orders' version changed, takes up the new ones, drains and
 * closes those that went, and leaves the slot.
 *
 *   control: slots[3] = listener; orders.socket[3] = fd + 1; version++ (release) ──►
 *   thread:  version changed (acquire): serve fd
 *   control: orders.socket[3] = -(fd + 1); version++ ──► thread: drain, close, slots[3].users--
 *
 * Control uses a slot again only when nobody uses it any more. Obeying allocates nothing and cannot
 * fail: a TCP socket was put into the thread's epoll set, without events, when it was opened.
 */
#pragma once

#include "io/socket.h"
#include "server/counters.h"
#include "server/seats.h"

#include <stdatomic.h>

enum {
    /* Twice, so that all listeners can be replaced at once while the old ones drain. */
    SERVER_SLOTS = 2 * LIMIT_LISTENERS,
    THREAD_NAP_MS = 100,    /* a thread without work looks for orders this often */
    THREAD_DRAIN_MS = 1000, /* the longest that what was received is still answered at the end */
};

struct slot {
    struct endpoint endpoint; /* as bound: port 0 resolved */
    uint16_t wanted_port;     /* as configured */
    bool wildcard;
    atomic_uint users; /* threads that have sockets or connections of it */
};

struct shared {
    const struct alloc *alloc;
    struct publish *publish;
    struct seats *seats;
    struct ledger *ledger; /* NULL: nobody keeps account */
    struct server_options options;
    struct slot slots[SERVER_SLOTS];
};

struct orders {
    atomic_uint version;
    atomic_bool stop;
    /* Descriptor + 1: serve it. Its negative: drain and close it, even if the orders to serve it
     * were not seen in time. 0: none; the thread writes that when it has closed the socket. */
    atomic_int socket[SERVER_SLOTS];
};

/* Did control change its orders since `*seen`? Then they are read by orders_socket() and
 * orders_stop(). */
static inline bool orders_changed(struct orders *orders, unsigned *seen)
{
    unsigned version = atomic_load_explicit(&orders->version, memory_order_acquire);
    bool changed = version != *seen;
    *seen = version;
    return changed;
}

static inline int orders_socket(const struct orders *orders, unsigned slot)
{
    return atomic_load_explicit(&orders->socket[slot], memory_order_relaxed);
}

/* The socket is closed. */
static inline void orders_done(struct orders *orders, unsigned slot)
{
    atomic_store_explicit(&orders->socket[slot], 0, memory_order_relaxed);
}

static inline bool orders_stop(const struct orders *orders)
{
    return atomic_load_explicit(&orders->stop, memory_order_relaxed);
}

static inline void slot_leave(struct shared *shared, unsigned slot)
{
    atomic_fetch_sub_explicit(&shared->slots[slot].users, 1, memory_order_release);
}
