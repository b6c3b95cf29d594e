/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One load run: what is asked, at which pace, and what came of it.
 *
 *                 +--------- drive ---------+
 *     query_set --> pace, next query        |      drive_udp.c, drive_tcp.c: sockets only
 *                 | check the reply, count  |  <->  one flight (unanswered queries) a socket
 *                 +-------------------------+
 *
 * Closed loop: each reply makes room for the next query, so `window` queries are always under way
 * and the server runs as fast as it can. Paced: queries start at fixed instants whatever comes
 * back, and latency counts from the instant a query should have started; a server that stalls
 * pays for every query that had to wait. One thread.
 */
#ifndef BENCH_DRIVE_H
#define BENCH_DRIVE_H

#include "flight.h"
#include "latency.h"
#include "query_set.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DRIVE_CLIENTS_MAX = 8,
    DRIVE_SOCKETS_MAX = 64
};

/* An audience: where it asks from, and what is right for it. */
struct drive_client {
    struct sockaddr_in source; /* port 0: any */
    struct query_set set;
    uint32_t cursor;
};

struct drive_options {
    struct sockaddr_in server;
    double duration_s;
    double rate_qps; /* 0: closed loop */
    uint32_t window; /* queries under way over all sockets */
    uint32_t sockets;
    uint32_t timeout_ms; /* after which a query counts as lost */
    uint32_t sample_one_in;
    uint64_t seed;
    bool tcp;
    bool echo;
};

struct drive_tally {
    uint64_t sent;
    uint64_t answered;
    uint64_t sampled;
    uint64_t wrong;
    uint64_t lost;
    uint64_t stray; /* replies to nothing that is under way */
    uint64_t reconnects;
    uint64_t reply_bytes;
    uint64_t rcodes[16];
    const char *first_fault; /* NULL: none */
    struct latency latency;
};

struct drive {
    struct drive_options options;
    struct drive_client clients[DRIVE_CLIENTS_MAX];
    uint32_t client_count;
    struct drive_tally tally;
    uint64_t random_state;
    uint64_t paced; /* queries started, in a paced run */
    uint64_t start_ns;
    uint64_t end_ns;
};

uint64_t drive_clock_ns(void);

/* Sets the clock of the run and the first query of each client, which the seed chooses. */
void drive_begin(struct drive *drive);

/* How many queries may start at `now_ns`, at most `wanted`. */
uint32_t drive_allowance(const struct drive *drive, uint64_t now_ns, uint32_t wanted);

/* Starts the client's next query: takes a slot of the flight, puts the id into the message. */
struct flight_slot *drive_start(struct drive *drive, struct drive_client *client,
                                struct flight *flight, uint64_t now_ns);

/* Takes back a query that drive_start() gave but that the socket would not take. */
void drive_unstart(struct drive *drive, struct flight *flight, struct flight_slot *slot);

/* Accounts for one message that came back. */
void drive_receive(struct drive *drive, struct flight *flight, const uint8_t *reply, size_t length,
                   uint64_t now_ns);

/* Opens a socket from the client's address, connected to the server; -1 after saying why not. */
int drive_connect(const struct drive *drive, const struct drive_client *client);

/* Whether to go on: until the end, and then until all is answered or `timeout_ms` has passed. */
bool drive_goes_on(const struct drive *drive, uint64_t now_ns, uint32_t busy);

/* The two transports. False if the sockets failed, which was then said on standard error. */
bool drive_udp(struct drive *drive);
bool drive_tcp(struct drive *drive);

#endif
