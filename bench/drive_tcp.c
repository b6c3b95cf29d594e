/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The load over TCP (RFC 7766): every connection keeps its share of the window under way, replies
 * may come in any order. A server that closes a connection costs the queries on it, which count as
 * lost, and a new connection, which is counted too.
 */
#include "drive.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LENGTH_BYTES = 2, /* before each message, RFC 1035 4.2.2 */
    INCOMING_BYTES = 256 << 10,
    OUTGOING_BYTES = 64 << 10,
    NS_PER_MS = 1000000,
    RECONNECTS_MAX = 10000, /* a server that closes at once must not keep the run going */
};

struct tcp_connection {
    int descriptor;
    struct drive_client *client;
    struct flight flight;
    size_t incoming_bytes;
    size_t outgoing_bytes; /* built and not yet taken by the socket */
    uint8_t incoming[INCOMING_BYTES];
    uint8_t outgoing[OUTGOING_BYTES];
};

static struct tcp_connection connections[DRIVE_SOCKETS_MAX];
static struct pollfd watched[DRIVE_SOCKETS_MAX];

static bool connection_open(struct drive *drive, struct tcp_connection *tcp)
{
    tcp->descriptor = drive_connect(drive, tcp->client);
    if (tcp->descriptor < 0) {
        return false;
    }
    int yes = 1;
    setsockopt(tcp->descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(tcp->descriptor, F_SETFL, O_NONBLOCK);
    flight_init(&tcp->flight, drive->options.window / drive->options.sockets);
    tcp->incoming_bytes = 0;
    tcp->outgoing_bytes = 0;
    return true;
}

static bool connection_reopen(struct drive *drive, struct tcp_connection *tcp)
{
    drive->tally.lost += flight_busy_count(&tcp->flight);
    close(tcp->descriptor);
    if (++drive->tally.reconnects > RECONNECTS_MAX) {
        fprintf(stderr, "load: the server keeps closing connections\n");
        return false;
    }
    return connection_open(drive, tcp);
}

/* Hands in every whole message of the buffer and keeps the rest. */
static void connection_deliver(struct drive *drive, struct tcp_connection *tcp)
{
    uint64_t now_ns = drive_clock_ns();
    size_t at = 0;
    while (tcp->incoming_bytes - at >= LENGTH_BYTES) {
        size_t length = (size_t)(tcp->incoming[at] << 8 | tcp->incoming[at + 1]);
        if (tcp->incoming_bytes - at - LENGTH_BYTES < length) {
            break;
        }
        drive_receive(drive, &tcp->flight, tcp->incoming + at + LENGTH_BYTES, length, now_ns);
        at += LENGTH_BYTES + length;
    }
    memmove(tcp->incoming, tcp->incoming + at, tcp->incoming_bytes - at);
    tcp->incoming_bytes -= at;
}

/* Reads once. False if the connection is over. */
static bool connection_read(struct drive *drive, struct tcp_connection *tcp)
{
    ssize_t got = recv(tcp->descriptor, tcp->incoming + tcp->incoming_bytes,
                       INCOMING_BYTES - tcp->incoming_bytes, 0);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    tcp->incoming_bytes += (size_t)got;
    connection_deliver(drive, tcp);
    return true;
}

static void connection_append(struct tcp_connection *tcp, const struct query *query)
{
    uint8_t *at = tcp->outgoing + tcp->outgoing_bytes;
    at[0] = (uint8_t)(query->length_bytes >> 8);
    at[1] = (uint8_t)query->length_bytes;
    memcpy(at + LENGTH_BYTES, query->bytes, query->length_bytes);
    tcp->outgoing_bytes += LENGTH_BYTES + (size_t)query->length_bytes;
}

/* Starts what pace, window and buffer allow, and writes once. False if the connection is over. */
static bool connection_write(struct drive *drive, struct tcp_connection *tcp)
{
    uint64_t now_ns = drive_clock_ns();
    size_t room = (OUTGOING_BYTES - tcp->outgoing_bytes) / (LENGTH_BYTES + QUERY_MAX_BYTES);
    uint32_t wanted = tcp->flight.free_count < room ? tcp->flight.free_count : (uint32_t)room;
    for (uint32_t n = drive_allowance(drive, now_ns, wanted); n > 0; n--) {
        connection_append(tcp, drive_start(drive, tcp->client, &tcp->flight, now_ns)->query);
    }
    if (tcp->outgoing_bytes == 0) {
        return true;
    }
    ssize_t sent = send(tcp->descriptor, tcp->outgoing, tcp->outgoing_bytes, MSG_NOSIGNAL);
    if (sent < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    memmove(tcp->outgoing, tcp->outgoing + sent, tcp->outgoing_bytes - (size_t)sent);
    tcp->outgoing_bytes -= (size_t)sent;
    return true;
}

static bool connections_open(struct drive *drive)
{
    for (uint32_t i = 0; i < drive->options.sockets; i++) {
        connections[i].client = &drive->clients[i % drive->client_count];
        if (!connection_open(drive, &connections[i])) {
            return false;
        }
    }
    return true;
}

static bool connections_turn(struct drive *drive)
{
    for (uint32_t i = 0; i < drive->options.sockets; i++) {
        struct tcp_connection *tcp = &connections[i];
        bool readable = (watched[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
        bool alive = (!readable || connection_read(drive, tcp)) && connection_write(drive, tcp);
        if (!alive && !connection_reopen(drive, tcp)) {
            return false;
        }
    }
    return true;
}

/* Waits until a connection can be read (or written, where something waits to be). */
static void connections_wait(const struct drive *drive)
{
    for (uint32_t i = 0; i < drive->options.sockets; i++) {
        short writable = connections[i].outgoing_bytes > 0 ? POLLOUT : 0;
        watched[i] =
            (struct pollfd){.fd = connections[i].descriptor, .events = (short)(POLLIN | writable)};
    }
    poll(watched, drive->options.sockets, drive->options.rate_qps > 0 ? 0 : 1);
}

/* Gives up on what is too old; returns how many queries are still under way. */
static uint32_t connections_sweep(struct drive *drive, uint64_t now_ns)
{
    uint64_t timeout_ns = (uint64_t)drive->options.timeout_ms * NS_PER_MS;
    uint32_t busy = 0;
    for (uint32_t i = 0; i < drive->options.sockets; i++) {
        drive->tally.lost += flight_expire(&connections[i].flight, now_ns - timeout_ns);
        busy += flight_busy_count(&connections[i].flight);
    }
    return busy;
}

bool drive_tcp(struct drive *drive)
{
    if (!connections_open(drive)) {
        return false;
    }
    drive_begin(drive);
    uint64_t now_ns = drive->start_ns;
    uint32_t busy = 0;
    while (drive_goes_on(drive, now_ns, busy)) {
        if (!connections_turn(drive)) {
            return false;
        }
        connections_wait(drive);
        now_ns = drive_clock_ns();
        busy = connections_sweep(drive, now_ns);
    }
    drive->tally.lost += busy;
    for (uint32_t i = 0; i < drive->options.sockets; i++) {
        close(connections[i].descriptor);
    }
    return true;
}
