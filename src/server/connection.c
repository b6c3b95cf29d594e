/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/connection.h"

#include "io/clock.h"

#include "base/error.h"
#include "io/entropy.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LENGTH_BYTES = 2,  /* RFC 1035 4.2.2 */
    HEADER_BYTES = 12, /* anything shorter cannot be answered */
    IN_LEAST_BYTES = 512,
};

void desk_init(struct desk *desk, struct shared *shared, struct counters *counters)
{
    const struct server_options *options = &shared->options;
    desk->shared = shared;
    desk->counters = counters;
    random_seed(&desk->random, entropy_seed());
    deadline_list_init(&desk->waits[WAIT_FIRST_BYTE], duration_from_ms(options->tcp_first_byte_ms));
    deadline_list_init(&desk->waits[WAIT_MESSAGE], duration_from_ms(options->tcp_message_ms));
    deadline_list_init(&desk->waits[WAIT_IDLE], duration_from_ms(options->tcp_idle_ms));
    deadline_list_init(&desk->waits[WAIT_WRITE], duration_from_ms(options->tcp_write_ms));
}

static void wait_for(struct desk *desk, struct connection *connection, enum wait wait)
{
    connection->wait = wait;
    deadline_start(&desk->waits[wait], &connection->deadline, desk->now);
}

struct connection *connection_new(struct desk *desk, int fd, struct seat *seat, unsigned slot,
                                  const struct address *peer)
{
    struct connection *connection = mem_new_zero(desk->shared->alloc, 1, sizeof *connection);
    if (!connection) {
        return NULL;
    }
    connection->fd = fd;
    connection->seat = seat;
    connection->slot = (uint16_t)slot;
    connection->peer = *peer;
    wait_for(desk, connection, WAIT_FIRST_BYTE);
    return connection;
}

void connection_free(struct desk *desk, struct connection *connection)
{
    const struct alloc *alloc = desk->shared->alloc;
    deadline_stop(&connection->deadline);
    seats_leave(desk->shared->seats, connection->seat); /* before close: see seats.h */
    close(connection->fd);
    mem_free(alloc, connection->in);
    mem_free(alloc, connection->out);
    mem_free(alloc, connection);
}

static void connection_cut(int fd)
{
    (void)shutdown(fd, SHUT_RDWR);
}

static enum seat_heard connection_hear(int fd)
{
    uint8_t bytes[LENGTH_BYTES + HEADER_BYTES];
    ssize_t len = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (len < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? SEAT_SILENT : SEAT_GONE;
    }
    if (len == 0) {
        return SEAT_GONE;
    }
    return (size_t)len == sizeof bytes ? SEAT_ASKS : SEAT_SILENT;
}

const struct seats_calls CONNECTION_CALLS = {connection_cut, connection_hear};

bool connection_is_stuck(const struct connection *connection)
{
    return connection->out_len > 0;
}

bool connection_is_quiet(const struct connection *connection)
{
    uint8_t byte;
    return connection->out_len == 0 && connection->in_len == 0 &&
           recv(connection->fd, &byte, sizeof byte, MSG_PEEK) < 0;
}

/* Sends what the kernel takes; ERR_IO when the connection is broken. */
static int bytes_send(int fd, const uint8_t *data, size_t len, size_t *ret_sent)
{
    size_t sent = 0;
    while (sent < len) {
        ssize_t done = send(fd, data + sent, len - sent, MSG_NOSIGNAL);
        if (done >= 0) {
            sent += (size_t)done;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            break;
        } else if (errno != EINTR) {
            return ERR_IO;
        }
    }
    *ret_sent = sent;
    return ERR_OK;
}

/* What the replies on the desk took is noted: as sent now, or, when the client does not take them
 * all, as late as it may still do so. */
static void told_note(struct desk *desk, bool waits)
{
    enum {
        MS_PER_S = 1000
    };
    struct ledger *ledger = desk->shared->ledger;
    if (ledger) {
        uint32_t later_s = (desk->shared->options.tcp_write_ms + MS_PER_S - 1) / MS_PER_S;
        ledger_note(ledger, &desk->told,
                    ledger_second(ledger, clock_mono()) + (waits ? later_s : 0));
    }
}

/* Writes the replies gathered on the desk; keeps what is not taken and waits for the client. */
static bool replies_flush(struct desk *desk, struct connection *connection)
{
    size_t len = desk->reply_len;
    desk->reply_len = 0;
    if (len == 0) {
        return true;
    }
    size_t sent;
    int err = bytes_send(connection->fd, desk->reply, len, &sent);
    told_note(desk, err == ERR_OK && sent < len);
    if (err != ERR_OK) {
        return false;
    }
    if (sent == len) {
        return true;
    }
    connection->out = mem_new(desk->shared->alloc, len - sent);
    if (!connection->out) {
        return false;
    }
    memcpy(connection->out, desk->reply + sent, len - sent);
    connection->out_start = 0;
    connection->out_len = (uint32_t)(len - sent);
    wait_for(desk, connection, WAIT_WRITE);
    return true;
}

/* Answers one message onto the desk; false: not a query, close. */
static bool message_answer(struct desk *desk, struct connection *connection, const uint8_t *message,
                           size_t len)
{
    if (len < HEADER_BYTES) {
        counters_bump(desk->counters, COUNTER_NO_VIEW, COUNTER_DROPPED);
        return false;
    }
    struct client client = {connection->peer, connection->slot, TRANSPORT_TCP};
    struct outcome outcome;
    uint8_t *reply = desk->reply + desk->reply_len;
    size_t reply_len = answer(desk->snapshot, &client, message, len, random_next(&desk->random),
                              reply + LENGTH_BYTES, LIMIT_MESSAGE_BYTES, &outcome,
                              desk->shared->ledger ? &desk->told : NULL, NULL);
    counters_note(desk->counters, COUNTER_QUERIES_TCP, &outcome);
    if (desk->told.count >= TOLD_ENOUGH) {
        told_note(desk, true); /* they go out with those that follow */
    }
    if (reply_len == 0) {
        return false;
    }
    reply[0] = (uint8_t)(reply_len >> 8);
    reply[1] = (uint8_t)reply_len;
    desk->reply_len += LENGTH_BYTES + reply_len;
    return true;
}

static size_t length_read(const uint8_t *data)
{
    return (size_t)data[0] << 8 | data[1];
}

/* Answers the whole messages at the start of `data`, until the client does not take the replies.
 * *ret_used: bytes done with. false: the connection is over, what was answered before is sent. */
static bool messages_serve(struct desk *desk, struct connection *connection, const uint8_t *data,
                           size_t len, size_t *ret_used)
{
    size_t used = 0;
    uint32_t gathered = 0;
    while (!connection_is_stuck(connection) && len - used >= LENGTH_BYTES) {
        size_t message_len = length_read(data + used);
        if (len - used - LENGTH_BYTES < message_len) {
            break;
        }
        if (!message_answer(desk, connection, data + used + LENGTH_BYTES, message_len)) {
            (void)replies_flush(desk, connection);
            return false;
        }
        used += LENGTH_BYTES + message_len;
        bool full = CONNECTION_REPLY_BYTES - desk->reply_len < LENGTH_BYTES + LIMIT_MESSAGE_BYTES;
        if ((++gathered % desk->shared->options.tcp_pipeline == 0 || full) &&
            !replies_flush(desk, connection)) {
            return false;
        }
    }
    *ret_used = used;
    return replies_flush(desk, connection);
}

/* Makes room in `in` for the rest of the message that begins there, growing as it arrives: a length
 * alone gets nobody 64 KiB. */
static bool in_grow(struct desk *desk, struct connection *connection)
{
    size_t need = LENGTH_BYTES + LIMIT_MESSAGE_BYTES;
    if (connection->in_len >= LENGTH_BYTES) {
        need = LENGTH_BYTES + length_read(connection->in);
    }
    size_t size = (size_t)connection->in_size * 2;
    size = size > need ? need : size;
    size = size < IN_LEAST_BYTES ? IN_LEAST_BYTES : size;
    if (connection->in_len < connection->in_size) {
        return true;
    }
    uint8_t *in = mem_resize(desk->shared->alloc, connection->in, size);
    if (!in) {
        return false;
    }
    connection->in = in;
    connection->in_size = (uint32_t)size;
    return true;
}

/* Keeps the rest of what was read, `data` being connection->in itself or the desk's. */
static bool in_keep(struct desk *desk, struct connection *connection, const uint8_t *data,
                    size_t len)
{
    if (len == 0) {
        mem_free(desk->shared->alloc, connection->in);
        connection->in = NULL;
        connection->in_len = connection->in_size = 0;
        return true;
    }
    if (len > connection->in_size) {
        size_t size = len < IN_LEAST_BYTES ? IN_LEAST_BYTES : len;
        connection->in = mem_new(desk->shared->alloc, size);
        if (!connection->in) {
            connection->in_size = 0;
            return false;
        }
        connection->in_size = (uint32_t)size;
    }
    memmove(connection->in, data, len);
    connection->in_len = (uint32_t)len;
    return true;
}

/* Serves `data` and decides what the connection waits for next. */
static bool connection_serve(struct desk *desk, struct connection *connection, const uint8_t *data,
                             size_t len)
{
    size_t used;
    if (!messages_serve(desk, connection, data, len, &used)) {
        return false;
    }
    if (used > 0) {
        seat_touch(connection->seat, desk->now);
    }
    if (!in_keep(desk, connection, data + used, len - used)) {
        return false;
    }
    if (connection_is_stuck(connection)) {
        return true;
    }
    if (connection->in_len > 0) {
        /* The clock of a message runs from its first byte. */
        if (used > 0 || connection->wait != WAIT_MESSAGE) {
            wait_for(desk, connection, WAIT_MESSAGE);
        }
    } else if (used > 0) {
        wait_for(desk, connection, WAIT_IDLE);
    }
    return true;
}

bool connection_read(struct desk *desk, struct connection *connection)
{
    uint8_t *into = desk->read;
    size_t have = 0, size = sizeof desk->read;
    if (connection->in_len > 0) {
        if (!in_grow(desk, connection)) {
            return false;
        }
        into = connection->in;
        have = connection->in_len;
        size = connection->in_size;
    }
    ssize_t got = recv(connection->fd, into + have, size - have, 0);
    if (got < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    }
    if (got == 0) {
        return false; /* all that was whole is answered and taken: a stuck connection is not read */
    }
    return connection_serve(desk, connection, into, have + (size_t)got);
}

bool connection_write(struct desk *desk, struct connection *connection)
{
    size_t sent;
    if (bytes_send(connection->fd, connection->out + connection->out_start, connection->out_len,
                   &sent) != ERR_OK) {
        return false;
    }
    connection->out_start += (uint32_t)sent;
    connection->out_len -= (uint32_t)sent;
    if (connection->out_len > 0) {
        return true;
    }
    mem_free(desk->shared->alloc, connection->out);
    connection->out = NULL;
    wait_for(desk, connection, WAIT_IDLE);
    if (connection->in_len == 0) {
        return true;
    }
    return connection_serve(desk, connection, connection->in, connection->in_len);
}
