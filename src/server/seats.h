/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who may have a TCP connection. Every connection of every worker holds a seat; a client is an IPv4
 * address or an IPv6 /64.
 *
 *   0 ............................ connections - reserve ............. connections
 *     anyone below its per-client limit  │  clients without a connection  │  somebody has to go
 *
 * When all seats are taken, a client that has none gets the seat of the client with the most; among
 * its connections (or among those of clients with equally many) one that has not yet sent a whole
 * query goes first, then the one that has been quiet longest. So a client that behaves is heard
 * however many slow ones there are, from one address or from many. What matters is what a client
 * did, not how far its worker got: before a connection goes, the kernel is asked whether a query
 * waits there, and a client at its limit is not held to connections that it has closed.
 *
 * Thread-safe: one mutex, taken when a connection comes or goes, never for a query (seat_touch is
 * two relaxed stores). The connection that loses its seat is shut down under the mutex;
 * its worker sees the end of it, and must leave the seat *before* it closes the descriptor.
 */
#pragma once

#include "base/address.h"
#include "base/alloc.h"
#include "base/time.h"

struct seats;
struct seat;

struct seats_limits {
    uint32_t connections; /* at least 1 */
    uint32_t per_client;  /* at least 1 */
    uint32_t reserve;     /* the last places: only for clients without a connection */
};

enum seat_heard {
    SEAT_SILENT,
    SEAT_ASKS, /* bytes enough for a query wait to be read */
    SEAT_GONE, /* the client has closed, and nothing waits to be read */
};

struct seats_calls {
    void (*cut)(int fd); /* ends a connection without closing its descriptor */
    enum seat_heard (*hear)(int fd);
};

/* Connections there may be at one instant, those included that lost their seat but whose worker has
 * not closed them yet: all of them, when a flood meets workers that do not get the processor. */
uint32_t seats_capacity(uint32_t connections);

/* `seed` keys the hash table. */
int seats_new(const struct alloc *alloc, const struct seats_limits *limits, uint64_t seed,
              const struct seats_calls *calls, struct seats **out);
/* All seats have been left. */
void seats_free(struct seats *seats);

/* A seat for a connection from `peer`, or NULL: a limit says no. */
struct seat *seats_take(struct seats *seats, const struct address *peer, int fd, struct mono now);
void seats_leave(struct seats *seats, struct seat *seat);
uint32_t seats_taken(const struct seats *seats);

/* The connection has sent a whole query. */
void seat_touch(struct seat *seat, struct mono now);
/* Was it given to somebody else? */
bool seat_is_lost(const struct seat *seat);
