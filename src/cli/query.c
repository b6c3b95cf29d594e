/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/reply.h"
#include "base/error.h"
#include "base/limits.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/show.h"
#include "dns/name.h"
#include "dns/type.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "io/socket.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TRY_COUNT = 2,
    TRY_MS = 2000
};

struct probe {
    struct endpoint at, from;
    bool has_from, tcp;
    uint8_t name[NAME_MAX];
    struct prefix subnet;
    bool has_subnet;
    uint16_t type;
    uint8_t query[REPLY_QUERY_MAX];
    size_t query_len;
    uint8_t reply[LIMIT_MESSAGE_BYTES];
    size_t reply_len;
    int64_t took_us;
};

static socklen_t name_from_endpoint(const struct endpoint *endpoint, union socket_name *out)
{
    *out = (union socket_name){0};
    if (address_is_v4(&endpoint->address)) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(endpoint->port);
        memcpy(&out->v4.sin_addr, endpoint->address.bytes + 12, 4);
        return sizeof(out->v4);
    }
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(endpoint->port);
    memcpy(&out->v6.sin6_addr, endpoint->address.bytes, 16);
    return sizeof(out->v6);
}

/* A connected socket; -1 with errno. */
static int probe_connect(const struct probe *probe)
{
    union socket_name at, from;
    socklen_t at_len = name_from_endpoint(&probe->at, &at);
    int fd = socket(at.base.sa_family, (probe->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    struct timeval limit = {.tv_sec = TRY_MS / 1000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    bool bound = true;
    if (probe->has_from) {
        socklen_t from_len = name_from_endpoint(&probe->from, &from);
        bound = bind(fd, &from.base, from_len) == 0;
    }
    if (!bound || connect(fd, &at.base, at_len) != 0) {
        int number = errno;
        close(fd);
        errno = number;
        return -1;
    }
    return fd;
}

/* Waits until `fd` can be read, until `deadline`. */
static bool wait_readable(int fd, struct mono deadline)
{
    int64_t left_ms = mono_since(deadline, clock_mono()).ns / 1000000;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return left_ms > 0 && poll(&ready, 1, (int)left_ms) == 1;
}

/* Is it the answer to our query (id and question)? */
static bool reply_is_ours(const struct probe *probe, size_t len)
{
    return len >= 12 && memcmp(probe->reply, probe->query, 2) == 0 && probe->reply[2] & 0x80;
}

static int ask_udp(struct probe *probe, int fd)
{
    for (int i = 0; i < TRY_COUNT; i++) {
        struct mono deadline = mono_add(clock_mono(), duration_from_ms(TRY_MS));
        if (send(fd, probe->query, probe->query_len, 0) < 0) {
            return socket_error(errno);
        }
        while (wait_readable(fd, deadline)) {
            ssize_t got = recv(fd, probe->reply, sizeof(probe->reply), 0);
            if (got < 0 && errno != EINTR) {
                return socket_error(errno);
            }
            if (got > 0 && reply_is_ours(probe, (size_t)got)) {
                probe->reply_len = (size_t)got;
                return ERR_OK;
            }
        }
    }
    errno = ETIMEDOUT;
    return ERR_IO;
}

static int read_whole(int fd, uint8_t *out, size_t len, struct mono deadline)
{
    while (len > 0) {
        ssize_t got = wait_readable(fd, deadline) ? recv(fd, out, len, 0) : -1;
        if (got <= 0) {
            errno = got == 0 ? ECONNRESET : ETIMEDOUT;
            return ERR_IO;
        }
        out += got;
        len -= (size_t)got;
    }
    return ERR_OK;
}

static int ask_tcp(struct probe *probe, int fd)
{
    uint8_t length[2] = {(uint8_t)(probe->query_len >> 8), (uint8_t)probe->query_len};
    struct mono deadline = mono_add(clock_mono(), duration_from_ms((int64_t)TRY_COUNT * TRY_MS));
    if (send(fd, length, 2, MSG_MORE | MSG_NOSIGNAL) != 2 ||
        send(fd, probe->query, probe->query_len, MSG_NOSIGNAL) != (ssize_t)probe->query_len) {
        return socket_error(errno);
    }
    int err = read_whole(fd, length, 2, deadline);
    probe->reply_len = (size_t)length[0] << 8 | length[1];
    return err == ERR_OK ? read_whole(fd, probe->reply, probe->reply_len, deadline) : err;
}

static int probe_ask(struct probe *probe)
{
    struct mono began = clock_mono();
    int fd = probe_connect(probe);
    if (fd < 0) {
        return socket_error(errno);
    }
    int err = probe->tcp ? ask_tcp(probe, fd) : ask_udp(probe, fd);
    int number = errno;
    close(fd);
    errno = number;
    probe->took_us = mono_since(clock_mono(), began).ns / 1000;
    bool truncated = err == ERR_OK && probe->reply_len >= 12 && probe->reply[2] & 2;
    if (truncated && !probe->tcp) {
        probe->tcp = true;
        return probe_ask(probe);
    }
    return err;
}

/* "ADDR", "ADDR:PORT" or "[V6]:PORT". */
static int endpoint_from_text(const char *text, struct endpoint *out)
{
    char address[ADDRESS_TEXT_BYTES + 2];
    const char *colon = strrchr(text, ':');
    bool bracket = text[0] == '[';
    bool has_port =
        colon && (bracket ? colon > text && colon[-1] == ']' : strchr(text, ':') == colon);
    size_t len = has_port ? (size_t)(colon - text) : strlen(text);
    if (bracket) {
        text++;
        len -= len >= 2 ? 2 : 0;
    }
    if (len >= sizeof(address)) {
        return ERR_INVALID;
    }
    memcpy(address, text, len);
    address[len] = 0;
    char *end = NULL;
    unsigned long port = has_port ? strtoul(colon + 1, &end, 10) : 53;
    if (port < 1 || port > 65535 || (has_port && (*end || end == colon + 1))) {
        return ERR_INVALID;
    }
    out->port = (uint16_t)port;
    return address_from_text(address, &out->address);
}

/* Where the running daemon listens: its first listener, loopback for a wildcard. */
static int daemon_endpoint(const struct call *call, struct endpoint *out)
{
    struct target target;
    json_t *status = NULL;
    target_begin(&target, "/v1/status");
    int result = client_ask(call, "GET", &target, NULL, &status);
    if (result != EXIT_DONE) {
        return result;
    }
    const json_t *listener = json_array_get(json_object_get(status, "listeners"), 0);
    int err = endpoint_from_text(show_text(listener, "address"), out);
    json_decref(status);
    if (err != ERR_OK) {
        return print_failure("the daemon names no listener; say which with --at");
    }
    if (endpoint_is_wildcard(out)) {
        out->address.bytes[15] = 1;
        if (address_is_v4(&out->address)) {
            out->address.bytes[12] = 127;
        }
    }
    return EXIT_DONE;
}

static int probe_understand(const struct call *call, struct probe *probe)
{
    const char *type = call_argument(call, 1), *at = call_option(call, OPT_AT);
    const char *from = call_option(call, OPT_FROM), *subnet = call_option(call, OPT_SUBNET);
    if (name_from_text(call_argument(call, 0), NULL, probe->name) != ERR_OK) {
        return print_usage(call->command, "'%s' is not a domain name", call_argument(call, 0));
    }
    probe->type = TYPE_A;
    if (type && type_from_text(type, &probe->type) != ERR_OK) {
        return print_usage(call->command, "'%s' is not a record type", type);
    }
    probe->has_from = from != NULL;
    if (from && address_from_text(from, &probe->from.address) != ERR_OK) {
        return print_usage(call->command, "'%s' is not an IP address", from);
    }
    probe->has_subnet = subnet != NULL;
    if (subnet && prefix_from_text(subnet, &probe->subnet) != ERR_OK) {
        return print_usage(call->command, "'%s' is not a prefix", subnet);
    }
    if (at && endpoint_from_text(at, &probe->at) != ERR_OK) {
        return print_usage(call->command, "'%s' is not ADDR:PORT", at);
    }
    return at ? EXIT_DONE : daemon_endpoint(call, &probe->at);
}

static int probe_show(const struct call *call, const struct probe *probe, json_t *reply)
{
    char at[ENDPOINT_TEXT_BYTES], type[TYPE_TEXT_MAX], summary[256], name[NAME_TEXT_MAX];
    endpoint_to_text(&probe->at, at);
    if (call_has(call, OPT_JSON)) {
        print_json(json_pack("{s:s, s:s, s:I, s:o}", "server", at, "transport",
                             probe->tcp ? "tcp" : "udp", "took_us", (json_int_t)probe->took_us,
                             "reply", reply));
        return EXIT_DONE;
    }
    print_colour(stdout, COLOUR_BOLD);
    printf("%s %s", name_to_text(probe->name, name), type_to_text(probe->type, type));
    print_colour(stdout, COLOUR_NONE);
    printf(" at %s over %s: %s, %lld.%lld ms\n", at, probe->tcp ? "tcp" : "udp",
           show_reply_summary(reply, summary, sizeof(summary)), (long long)probe->took_us / 1000,
           (long long)probe->took_us / 100 % 10);
    show_reply(reply, "  ");
    json_decref(reply);
    return EXIT_DONE;
}

static int probe_run(const struct call *call, struct probe *probe)
{
    int status = probe_understand(call, probe);
    if (status != EXIT_DONE) {
        return status;
    }
    probe->tcp = call_has(call, OPT_TCP);
    struct reply_question question = {
        .id = (uint16_t)entropy_seed(),
        .name = probe->name,
        .type = probe->type,
        .payload = LIMIT_UDP_PAYLOAD,
        .subnet = probe->has_subnet ? &probe->subnet : NULL,
    };
    probe->query_len = reply_make_query(&question, probe->query);
    char at[ENDPOINT_TEXT_BYTES];
    if (probe_ask(probe) != ERR_OK) {
        int number = errno;
        return print_fault(EXIT_NO, "at", "see that a server listens there, and the way to it",
                           "%s: %s", endpoint_to_text(&probe->at, at), strerror(number));
    }
    json_t *reply = NULL;
    int err = reply_to_json(probe->reply, probe->reply_len, &reply);
    if (err != ERR_OK) {
        return print_failure("%s: %s", endpoint_to_text(&probe->at, at), error_text(err));
    }
    return probe_show(call, probe, reply);
}

int run_query(const struct call *call)
{
    struct probe *probe = calloc(1, sizeof(*probe));
    int status = probe ? probe_run(call, probe) : print_failure("out of memory");
    free(probe);
    return status;
}
