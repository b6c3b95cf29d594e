/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sockets that listen: opened, bound and set up as a DNS server wants them, and the errors of the
 * operating system turned into ours. Everything is closed again when a step fails.
 *
 *   endpoint (address, port) ─► socket_open() ─► bound, tuned, not yet listening (TCP) ─►
 * socket_listen() a socket from the service manager ─► socket_tune()
 *
 * Descriptors belong to the caller. Thread-safe: no state.
 */
#pragma once

#include "base/address.h"

#include <netinet/in.h>

enum socket_kind {
    SOCKET_UDP,
    SOCKET_TCP
};

struct endpoint {
    struct address address;
    uint16_t port;
};

/* A socket address of either family; ordinary sockets never carry others here. */
union socket_name {
    struct sockaddr base;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

enum socket_flags {
    SOCKET_SHARED = 1,   /* SO_REUSEPORT: one of a group, each worker has its own */
    SOCKET_V6_ONLY = 2,  /* an IPv6 wildcard leaves IPv4 to somebody else */
    SOCKET_WILDCARD = 4, /* UDP: tell the address a datagram was sent to, to reply from it */
};

enum {
    ENDPOINT_TEXT_BYTES = ADDRESS_TEXT_BYTES + 10
};

/* "127.0.0.1:53" or "[::1]:53". Returns out. */
char *endpoint_to_text(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_BYTES]);
bool endpoint_is_wildcard(const struct endpoint *endpoint);

/* Opens, sets up and binds. ERR_BUSY: somebody has the address. ERR_PERMISSION: a privileged port.
 * ERR_NOT_FOUND: the machine has no such address. ERR_UNSUPPORTED: no IPv6 here. ERR_LIMIT: no
 * descriptor left. ERR_NOMEM, ERR_IO. errno keeps the cause. */
int socket_open(enum socket_kind kind, const struct endpoint *endpoint, unsigned flags,
                int *ret_fd);
/* The options that replies need (flags: SOCKET_WILDCARD), on a bound socket from elsewhere. */
int socket_tune(int fd, enum socket_kind kind, unsigned flags);
/* TCP: accept connections from now on, without blocking. */
int socket_listen(int fd);
/* What a socket is bound to and what kind it is; ERR_UNSUPPORTED for anything but UDP and TCP. */
int socket_describe(int fd, enum socket_kind *ret_kind, struct endpoint *ret_endpoint);
/* Begins a connection to `endpoint` (SOCKET_UDP: sets the peer); it is made, or not, once the
 * descriptor can be written: socket_connected() says which. It ends without lingering, so that
 * nothing of it stays behind on this side. errno keeps the cause. ERR_LIMIT, ERR_NOMEM, ERR_IO. */
int socket_connect(enum socket_kind kind, const struct endpoint *endpoint, int *ret_fd);
/* The errno of a connection that was begun; 0: it is made. */
int socket_connected(int fd);
/* Asks the peer whether it lives after `idle_s` seconds of silence, `tries` times, a second apart.
 */
int socket_keep_alive(int fd, unsigned idle_s, unsigned tries);
/* A second descriptor of the same socket, closed on exec. */
int socket_copy(int fd, int *ret_fd);

/* Address and port of a peer; an IPv4-mapped peer is its IPv4 address by construction. */
struct endpoint endpoint_from_name(const union socket_name *name);

/* Our error for an errno of a socket call. */
int socket_error(int number);
