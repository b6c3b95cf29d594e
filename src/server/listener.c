/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/listener.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PORT_TRIES = 16
}; /* to find one that is free for both UDP and TCP */

/* One kind of socket being opened, for findings. */
struct attempt {
    const struct listener_request *request;
    enum socket_kind kind;
    struct endpoint endpoint;
    unsigned flags;
};

static bool inherited_matches(int fd, enum socket_kind kind, const struct endpoint *endpoint)
{
    enum socket_kind has_kind;
    struct endpoint has;
    return socket_describe(fd, &has_kind, &has) == ERR_OK && has_kind == kind &&
           has.port == endpoint->port &&
           memcmp(&has.address, &endpoint->address, sizeof has.address) == 0;
}

/* The n-th handed-over socket of a kind, or -1. */
static int inherited_find(const int *inherited, uint32_t count, enum socket_kind kind,
                          const struct endpoint *endpoint, uint32_t n)
{
    for (uint32_t i = 0; i < count; i++) {
        if (inherited_matches(inherited[i], kind, endpoint) && n-- == 0) {
            return inherited[i];
        }
    }
    return -1;
}

static uint32_t inherited_count_kind(const int *inherited, uint32_t count, enum socket_kind kind,
                                     const struct endpoint *endpoint)
{
    uint32_t found = 0;
    while (inherited_find(inherited, count, kind, endpoint, found) >= 0) {
        found++;
    }
    return found;
}

uint32_t listener_inherited(const struct desired_listener *listener, const int *inherited,
                            uint32_t inherited_count)
{
    struct endpoint endpoint = {listener->address, listener->port};
    uint32_t udp = inherited_count_kind(inherited, inherited_count, SOCKET_UDP, &endpoint);
    uint32_t tcp = inherited_count_kind(inherited, inherited_count, SOCKET_TCP, &endpoint);
    return udp > tcp ? udp : tcp;
}

static const char *permission_mend(const struct listener_request *request)
{
    return request->running
               ? "restart horizon, or set server.keep-bind-capability: true"
               : "start horizon as root, give it CAP_NET_BIND_SERVICE, or use a port from 1024 up";
}

/* Says what is wrong with an address and what to do; `cause` is the errno. */
static void finding_add(const struct attempt *attempt, int err, int cause, struct diag_list *diags)
{
    char where[ENDPOINT_TEXT_BYTES], busy[128], reason[96];
    bool udp = attempt->kind == SOCKET_UDP;
    snprintf(busy, sizeof busy,
             "stop it or choose another address; to see who it is: ss -l%snp 'sport = :%u'",
             udp ? "u" : "t", (unsigned)attempt->endpoint.port);
    const struct {
        int err;
        const char *what, *mend;
    } table[] = {
        {ERR_BUSY, "another process has this address", busy},
        {ERR_PERMISSION, "not permitted to use this port", permission_mend(attempt->request)},
        {ERR_NOT_FOUND, "this machine has no such address", "see which it has: ip address"},
        {ERR_UNSUPPORTED, "this machine has no IPv6", "remove the listener, or enable IPv6"},
        {ERR_LIMIT, "no file descriptor is left", "raise LimitNOFILE in the unit, or ulimit -n"},
        {ERR_NOMEM, "the system is out of memory", NULL},
    };
    const char *what = strerror_r(cause, reason, sizeof reason), *mend = NULL;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].err == err) {
            what = table[i].what;
            mend = table[i].mend;
        }
    }
    diag_add(diags, SEVERITY_ERROR, attempt->request->listener->place, mend,
             "cannot listen on %s (%s): %s", endpoint_to_text(&attempt->endpoint, where),
             udp ? "UDP" : "TCP", what);
}

static void sockets_close(int *fds, uint32_t count)
{
    while (count > 0) {
        close(fds[--count]);
    }
}

/* The socket of worker `index`: handed over, shared, or our own. */
static int socket_get(const struct attempt *attempt, uint32_t handed_over, uint32_t index,
                      int *ret_fd)
{
    const struct listener_request *request = attempt->request;
    int err;
    if (handed_over == 0) {
        err =
            socket_open(attempt->kind, &attempt->endpoint, attempt->flags | SOCKET_SHARED, ret_fd);
    } else {
        err = socket_copy(inherited_find(request->inherited, request->inherited_count,
                                         attempt->kind, &attempt->endpoint, index % handed_over),
                          ret_fd);
        if (err == ERR_OK &&
            (err = socket_tune(*ret_fd, attempt->kind, attempt->flags)) != ERR_OK) {
            close(*ret_fd);
        }
    }
    if (err == ERR_OK && attempt->kind == SOCKET_TCP) {
        err = socket_listen(*ret_fd);
        if (err != ERR_OK) {
            close(*ret_fd);
        }
    }
    return err;
}

/* Does nobody else have the address? Port 0 is nobody's. */
static int address_try(const struct attempt *attempt)
{
    int fd;
    if (!attempt->request->try_alone || attempt->endpoint.port == 0) {
        return ERR_OK;
    }
    int err = socket_open(attempt->kind, &attempt->endpoint, attempt->flags, &fd);
    if (err == ERR_OK) {
        close(fd);
    }
    return err;
}

/* All sockets of one kind. A port 0 becomes the first socket's. errno is the cause of a failure. */
static int sockets_open(struct attempt *attempt, int *fds)
{
    const struct listener_request *request = attempt->request;
    uint32_t handed_over = inherited_count_kind(request->inherited, request->inherited_count,
                                                attempt->kind, &attempt->endpoint);
    int err = handed_over ? ERR_OK : address_try(attempt);
    uint32_t count = 0;
    while (count < request->workers && err == ERR_OK) {
        err = socket_get(attempt, handed_over, count, &fds[count]);
        count += err == ERR_OK;
        if (err == ERR_OK && attempt->endpoint.port == 0) {
            enum socket_kind kind;
            struct endpoint bound = {0};
            err = socket_describe(fds[0], &kind, &bound);
            attempt->endpoint.port = bound.port;
        }
    }
    if (err != ERR_OK) {
        int cause = errno;
        sockets_close(fds, count);
        errno = cause;
    }
    return err;
}

/* Both kinds on one port. `attempt` is left at the kind that failed. */
static int listener_open_once(struct attempt *attempt, int *udp, int *tcp)
{
    attempt->kind = SOCKET_UDP;
    int err = sockets_open(attempt, udp);
    if (err != ERR_OK) {
        return err;
    }
    attempt->kind = SOCKET_TCP;
    err = sockets_open(attempt, tcp);
    if (err != ERR_OK) {
        int cause = errno;
        sockets_close(udp, attempt->request->workers);
        errno = cause;
    }
    return err;
}

int listener_open(const struct listener_request *request, int *udp, int *tcp,
                  struct endpoint *ret_bound, struct diag_list *diags)
{
    const struct desired_listener *listener = request->listener;
    struct endpoint wanted = {listener->address, listener->port};
    struct attempt attempt = {.request = request};
    if (endpoint_is_wildcard(&wanted)) {
        attempt.flags |= SOCKET_WILDCARD;
    }
    if (request->v6_only || !endpoint_is_wildcard(&wanted)) {
        attempt.flags |= SOCKET_V6_ONLY;
    }
    int err, tries = 0;
    do {
        attempt.endpoint = wanted;
        err = listener_open_once(&attempt, udp, tcp);
    } while (err == ERR_BUSY && wanted.port == 0 && ++tries < PORT_TRIES);
    if (err != ERR_OK) {
        finding_add(&attempt, err, errno, diags);
        return err;
    }
    *ret_bound = attempt.endpoint;
    return ERR_OK;
}
