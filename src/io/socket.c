/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/socket.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* Queries that wait while a worker is not scheduled: 10 ms of them at full speed. Not more, for
     * what waits grows old: a worker held to 5 % of a core answers the last of these after 0.2 s,
     * before a client has asked again. */
    UDP_RECEIVE_BYTES = 1 << 20,
    UDP_SEND_BYTES = 4 << 20,
    TCP_SEND_BYTES = 256 << 10,   /* what a client that never reads can pin in the kernel */
    UDP_RECEIVE_WAIT_US = 100000, /* a blocked worker looks for orders this often */
    LISTEN_BACKLOG = 1024,
};

char *endpoint_to_text(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_BYTES])
{
    char address[ADDRESS_TEXT_BYTES];
    address_to_text(&endpoint->address, address);
    bool v4 = address_is_v4(&endpoint->address);
    snprintf(out, ENDPOINT_TEXT_BYTES, "%s%s%s:%u", v4 ? "" : "[", address, v4 ? "" : "]",
             (unsigned)endpoint->port);
    return out;
}

bool endpoint_is_wildcard(const struct endpoint *endpoint)
{
    static const uint8_t none[16];
    bool v4 = address_is_v4(&endpoint->address);
    return memcmp(endpoint->address.bytes + (v4 ? 12 : 0), none, v4 ? 4 : 16) == 0;
}

struct endpoint endpoint_from_name(const union socket_name *name)
{
    struct endpoint endpoint;
    if (name->base.sa_family == AF_INET) {
        endpoint.address = address_from_v4((const uint8_t *)&name->v4.sin_addr);
        endpoint.port = ntohs(name->v4.sin_port);
    } else {
        endpoint.address = address_from_v6((const uint8_t *)&name->v6.sin6_addr);
        endpoint.port = ntohs(name->v6.sin6_port);
    }
    return endpoint;
}

static socklen_t endpoint_to_name(const struct endpoint *endpoint, union socket_name *name)
{
    memset(name, 0, sizeof *name);
    if (address_is_v4(&endpoint->address)) {
        name->v4.sin_family = AF_INET;
        name->v4.sin_port = htons(endpoint->port);
        memcpy(&name->v4.sin_addr, endpoint->address.bytes + 12, 4);
        return sizeof name->v4;
    }
    name->v6.sin6_family = AF_INET6;
    name->v6.sin6_port = htons(endpoint->port);
    memcpy(&name->v6.sin6_addr, endpoint->address.bytes, 16);
    return sizeof name->v6;
}

int socket_error(int number)
{
    static const struct {
        int number, error;
    } table[] = {
        {EADDRINUSE, ERR_BUSY},          {EACCES, ERR_PERMISSION}, {EPERM, ERR_PERMISSION},
        {EADDRNOTAVAIL, ERR_NOT_FOUND},  {EMFILE, ERR_LIMIT},      {ENFILE, ERR_LIMIT},
        {EAFNOSUPPORT, ERR_UNSUPPORTED}, {ENOMEM, ERR_NOMEM},      {ENOBUFS, ERR_NOMEM},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].number == number) {
            return table[i].error;
        }
    }
    return ERR_IO;
}

static int option_set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0 ? ERR_OK : socket_error(errno);
}

static int family_of(int fd)
{
    union socket_name name = {0};
    socklen_t len = sizeof name;
    return getsockname(fd, &name.base, &len) == 0 ? name.base.sa_family : AF_UNSPEC;
}

/* Buffers as large as the system lets us; a smaller one is no failure. */
static void udp_buffers_grow(int fd)
{
    if (option_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, UDP_RECEIVE_BYTES) != ERR_OK) {
        (void)option_set(fd, SOL_SOCKET, SO_RCVBUF, UDP_RECEIVE_BYTES);
    }
    if (option_set(fd, SOL_SOCKET, SO_SNDBUFFORCE, UDP_SEND_BYTES) != ERR_OK) {
        (void)option_set(fd, SOL_SOCKET, SO_SNDBUF, UDP_SEND_BYTES);
    }
}

/* RFC 9715 3.1: replies do not follow path MTU discovery, which anyone can forge into fragments. */
static void udp_fragments_avoid(int fd, int family)
{
    if (family == AF_INET) {
        (void)option_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
        return;
    }
    (void)option_set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
    (void)option_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT); /* mapped peers */
}

static int udp_tune(int fd, int family, unsigned flags)
{
    udp_buffers_grow(fd);
    udp_fragments_avoid(fd, family);
    struct timeval wait = {.tv_usec = UDP_RECEIVE_WAIT_US};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) != 0) {
        return socket_error(errno);
    }
    if ((flags & SOCKET_WILDCARD) == 0) {
        return ERR_OK;
    }
    return family == AF_INET ? option_set(fd, IPPROTO_IP, IP_PKTINFO, 1)
                             : option_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

int socket_tune(int fd, enum socket_kind kind, unsigned flags)
{
    int state = fcntl(fd, F_GETFL);
    if (state < 0) {
        return socket_error(errno);
    }
    /* A UDP worker with one listener blocks in receive; connections are never accepted blocking. */
    state = kind == SOCKET_UDP ? state & ~O_NONBLOCK : state | O_NONBLOCK;
    if (fcntl(fd, F_SETFL, state) != 0) {
        return socket_error(errno);
    }
    if (kind == SOCKET_UDP) {
        return udp_tune(fd, family_of(fd), flags);
    }
    (void)option_set(fd, SOL_SOCKET, SO_SNDBUF, TCP_SEND_BYTES);
    return option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

static int options_before_bind(int fd, enum socket_kind kind, int family, unsigned flags)
{
    int err = ERR_OK;
    if (kind == SOCKET_TCP) {
        err = option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    }
    if (err == ERR_OK && (flags & SOCKET_SHARED)) {
        err = option_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    if (err == ERR_OK && family == AF_INET6) {
        err = option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, (flags & SOCKET_V6_ONLY) != 0);
    }
    return err;
}

int socket_open(enum socket_kind kind, const struct endpoint *endpoint, unsigned flags, int *ret_fd)
{
    union socket_name name;
    socklen_t name_len = endpoint_to_name(endpoint, &name);
    int family = name.base.sa_family;
    int type = kind == SOCKET_UDP ? SOCK_DGRAM : SOCK_STREAM;
    int fd = socket(family, type | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return socket_error(errno);
    }
    int err = options_before_bind(fd, kind, family, flags);
    if (err == ERR_OK) {
        err = socket_tune(fd, kind, flags);
    }
    if (err == ERR_OK && bind(fd, &name.base, name_len) != 0) {
        err = socket_error(errno);
    }
    if (err != ERR_OK) {
        int cause = errno;
        close(fd);
        errno = cause;
        return err;
    }
    *ret_fd = fd;
    return ERR_OK;
}

int socket_listen(int fd)
{
    return listen(fd, LISTEN_BACKLOG) == 0 ? ERR_OK : socket_error(errno);
}

int socket_describe(int fd, enum socket_kind *ret_kind, struct endpoint *ret_endpoint)
{
    union socket_name name = {0};
    socklen_t len = sizeof name;
    int type;
    socklen_t type_len = sizeof type;
    if (getsockname(fd, &name.base, &len) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0) {
        return socket_error(errno);
    }
    bool internet = name.base.sa_family == AF_INET || name.base.sa_family == AF_INET6;
    if (!internet || (type != SOCK_DGRAM && type != SOCK_STREAM)) {
        return ERR_UNSUPPORTED;
    }
    *ret_kind = type == SOCK_DGRAM ? SOCKET_UDP : SOCKET_TCP;
    *ret_endpoint = endpoint_from_name(&name);
    return ERR_OK;
}

int socket_copy(int fd, int *ret_fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        return socket_error(errno);
    }
    *ret_fd = copy;
    return ERR_OK;
}

int socket_connect(enum socket_kind kind, const struct endpoint *endpoint, int *ret_fd)
{
    union socket_name name;
    socklen_t len = endpoint_to_name(endpoint, &name);
    int type = kind == SOCKET_UDP ? SOCK_DGRAM : SOCK_STREAM;
    int fd = socket(name.base.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return socket_error(errno);
    }
    const struct linger none = {.l_onoff = 1};
    if (kind == SOCKET_TCP) {
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
        (void)option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    }
    if (connect(fd, &name.base, len) != 0 && errno != EINPROGRESS) {
        int number = errno;
        close(fd);
        errno = number;
        return socket_error(number);
    }
    *ret_fd = fd;
    return ERR_OK;
}

int socket_connected(int fd)
{
    int number = 0;
    socklen_t len = sizeof number;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &len) == 0 ? number : errno;
}

int socket_keep_alive(int fd, unsigned idle_s, unsigned tries)
{
    int err = option_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    err = err == ERR_OK ? option_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)idle_s) : err;
    err = err == ERR_OK ? option_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 1) : err;
    return err == ERR_OK ? option_set(fd, IPPROTO_TCP, TCP_KEEPCNT, (int)tries) : err;
}
