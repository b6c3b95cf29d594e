/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One TCP connection: bytes in, whole messages answered, bytes out. Its worker calls it when the
 * socket can be read or written and when a deadline is over; every call says whether it goes on.
 *
 *   in:  [len][message] [len][mess...           a message that is not whole, or queries that wait
 *                                               until the client takes its replies
 *   out: [len][reply] [len][reply]              what the kernel did not take
 *
 * One thread owns the connection and the desk that it works at.
 */
#pragma once

#include "server/deadline.h"
#include "server/thread.h"

#include "base/random.h"

enum {
    CONNECTION_READ_BYTES = 8192, /* read at once: bounds how long one client holds the thread */
    CONNECTION_REPLY_BYTES =
        131072, /* room for replies written at once, at least two of the largest */
};

_Static_assert(CONNECTION_REPLY_BYTES >= 2 * (LIMIT_MESSAGE_BYTES + 1), "two replies fit");

/* What a connection waits for; each has its own length of time. */
enum wait {
    WAIT_FIRST_BYTE,
    WAIT_MESSAGE,
    WAIT_IDLE,
    WAIT_WRITE,
    WAIT_COUNT
};

/* What the connections of a thread share. */
struct desk {
    struct shared *shared;
    const struct snapshot *snapshot; /* of this turn */
    struct mono now;                 /* of this turn */
    struct random random;
    struct counters *counters;
    struct deadline_list waits[WAIT_COUNT];
    struct told_list told; /* by the replies on the desk */
    size_t reply_len;
    uint8_t read[CONNECTION_READ_BYTES];
    uint8_t reply[CONNECTION_REPLY_BYTES];
};

struct connection {
    struct connection *next, *prev; /* all of a worker */
    struct deadline deadline;
    enum wait wait;
    struct seat *seat;
    struct address peer;
    int fd;
    uint16_t slot;
    bool leaving; /* its listener goes: closed as soon as nothing is under way */
    uint8_t *in, *out;
    uint32_t in_len, in_size, out_start, out_len;
};

/* The connection whose deadline it is. */
static inline struct connection *connection_of(struct deadline *deadline)
{
    return (struct connection *)((char *)deadline - offsetof(struct connection, deadline));
}

/* How seats.h ends and hears connections. */
extern const struct seats_calls CONNECTION_CALLS;

void desk_init(struct desk *desk, struct shared *shared, struct counters *counters);

/* Takes over fd and seat; NULL when there is no memory, then they stay the caller's. */
struct connection *connection_new(struct desk *desk, int fd, struct seat *seat, unsigned slot,
                                  const struct address *peer);
/* Gives back seat, descriptor and memory. */
void connection_free(struct desk *desk, struct connection *connection);

/* The socket can be read: false when the connection is over. */
bool connection_read(struct desk *desk, struct connection *connection);
/* The socket can be written: false when the connection is over. */
bool connection_write(struct desk *desk, struct connection *connection);
/* Does it wait for the client to take replies? Then it wants to write and must not be read. */
bool connection_is_stuck(const struct connection *connection);
/* Is nothing under way: no message, no reply, nothing in the socket that was not read? */
bool connection_is_quiet(const struct connection *connection);
