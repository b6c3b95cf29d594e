/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A whole server on loopback for tests, with a stand-in for answer(): it returns the query with QR
 * set and writes into it what the client was taken for (family and last byte of the address,
 * listener's slot). A test that includes this asks for `wraps: answer`.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/server.h"

#include "base/error.h"
#include "io/clock.h"
#include "io/socket.h"

#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    QUERY_BYTES = 20,
    PATIENCE_MS = 3000,
    PLACE_FAMILY = 12,
    PLACE_ADDRESS,
    PLACE_SLOT
};

size_t __wrap_answer(const struct snapshot *snapshot, const struct client *client,
                     const uint8_t *query, size_t query_len, uint64_t random, uint8_t *reply,
                     size_t reply_size, struct outcome *outcome, struct trace *trace);

size_t __wrap_answer(const struct snapshot *snapshot, const struct client *client,
                     const uint8_t *query, size_t query_len, uint64_t random, uint8_t *reply,
                     size_t reply_size, struct outcome *outcome, struct trace *trace)
{
    (void)random, (void)trace;
    *outcome = (struct outcome){.view = VIEW_NONE, .kind = ANSWER_DROPPED};
    if (query_len < QUERY_BYTES || (query[2] & 0x80) || reply_size < query_len || !snapshot) {
        return 0;
    }
    outcome->kind = ANSWER_POSITIVE;
    outcome->view = 2;
    memcpy(reply, query, query_len);
    reply[2] |= 0x80;
    reply[PLACE_FAMILY] = address_is_v4(&client->address) ? 4 : 6;
    reply[PLACE_ADDRESS] = client->address.bytes[15];
    reply[PLACE_SLOT] = (uint8_t)client->listener;
    return query_len;
}

/* An allocator that fails after `left` calls and counts what is alive, for many threads. */
struct counted {
    struct alloc alloc;
    atomic_long left, alive;
};

static inline void *counted_resize(void *ctx, void *mem, size_t bytes)
{
    struct counted *counted = ctx;
    if (atomic_fetch_sub(&counted->left, 1) <= 0) {
        return NULL;
    }
    atomic_fetch_add(&counted->alive, !mem);
    return realloc(mem, bytes);
}

static inline void counted_release(void *ctx, void *mem)
{
    struct counted *counted = ctx;
    atomic_fetch_sub(&counted->alive, mem != NULL);
    free(mem);
}

/* A server and what is around it. */
struct scene {
    struct counted counted;
    struct publish *publish;
    struct snapshot *snapshot;
    struct diag_list diags;
    struct desired_listener listeners[8];
    struct desired desired;
    struct server_options options;
    struct server *server;
};

static inline void scene_init(struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    scene->counted.alloc = (struct alloc){counted_resize, counted_release, &scene->counted};
    scene->counted.left = LONG_MAX;
    scene->snapshot = calloc(1, sizeof *scene->snapshot);
    assert_non_null(scene->snapshot);
    diag_init(&scene->diags, &ALLOC_MALLOC);
    scene->desired.listeners = scene->listeners;
    scene->options = (struct server_options){
        .workers = 2,
        .tcp_connections = 20,
        .tcp_per_client = 5,
        .tcp_reserve = 2,
        .tcp_pipeline = 16,
        .tcp_first_byte_ms = 2000,
        .tcp_message_ms = 5000,
        .tcp_idle_ms = 10000,
        .tcp_write_ms = 5000,
    };
    assert_int_equal(publish_new(&ALLOC_MALLOC, NULL, NULL, &scene->publish), ERR_OK);
    assert_int_equal(publish_swap(scene->publish, scene->snapshot), ERR_OK);
}

static inline void scene_deinit(struct scene *scene)
{
    if (scene->server) {
        server_stop(scene->server);
        server_free(scene->server);
    }
    assert_int_equal(atomic_load(&scene->counted.alive), 0);
    assert_int_equal(publish_swap(scene->publish, NULL), ERR_OK);
    publish_wait(scene->publish);
    publish_free(scene->publish);
    free(scene->snapshot);
    diag_deinit(&scene->diags);
}

static inline void listen_on(struct scene *scene, const char *address, uint16_t port)
{
    struct desired_listener *listener = &scene->listeners[scene->desired.listener_count++];
    *listener = (struct desired_listener){.port = port};
    assert_int_equal(address_from_text(address, &listener->address), ERR_OK);
}

static inline int scene_open(struct scene *scene)
{
    return server_open(&scene->counted.alloc, &scene->desired, &scene->options, scene->publish,
                       &scene->diags, &scene->server);
}

static inline void scene_run(struct scene *scene)
{
    int err = scene_open(scene);
    for (struct diag *diag = scene->diags.first; diag; diag = diag->next) {
        print_message("%s\n", diag->text);
    }
    assert_int_equal(err, ERR_OK);
    assert_int_equal(server_start(scene->server), ERR_OK);
}

/* A socket connected to ADDRESS:port, bound to `source` unless that is NULL. */
static inline int client_connect(int type, const char *source, const char *address, int port)
{
    struct endpoint to = {.port = (uint16_t)port};
    union socket_name name = {0}, from = {0};
    assert_int_equal(address_from_text(address, &to.address), ERR_OK);
    socklen_t len = sizeof name.v6;
    if (address_is_v4(&to.address)) {
        name.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(to.port)};
        memcpy(&name.v4.sin_addr, to.address.bytes + 12, 4);
        len = sizeof name.v4;
    } else {
        name.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(to.port)};
        memcpy(&name.v6.sin6_addr, to.address.bytes, 16);
    }
    int fd = socket(name.base.sa_family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (source) {
        assert_int_equal(address_from_text(source, &to.address), ERR_OK);
        from.v4 = (struct sockaddr_in){.sin_family = AF_INET};
        memcpy(&from.v4.sin_addr, to.address.bytes + 12, 4);
        assert_int_equal(bind(fd, &from.base, sizeof from.v4), 0);
    }
    if (connect(fd, &name.base, len) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static inline void query_send(int fd, bool tcp, uint16_t id)
{
    uint8_t query[2 + QUERY_BYTES] = {0, QUERY_BYTES, (uint8_t)(id >> 8), (uint8_t)id};
    size_t skip = tcp ? 0 : 2;
    assert_int_equal(send(fd, query + skip, sizeof query - skip, MSG_NOSIGNAL),
                     sizeof query - skip);
}

/* Reads the reply to query `id`; false when it does not come in time. */
static inline bool reply_read(int fd, bool tcp, uint16_t id, uint8_t reply[QUERY_BYTES])
{
    uint8_t bytes[2 + QUERY_BYTES];
    size_t have = 0, want = tcp ? 2 + QUERY_BYTES : QUERY_BYTES;
    while (have < want) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, PATIENCE_MS) != 1) {
            return false;
        }
        ssize_t got = recv(fd, bytes + have, want - have, 0);
        if (got <= 0) {
            return false;
        }
        have += (size_t)got;
    }
    memcpy(reply, bytes + (tcp ? 2 : 0), QUERY_BYTES);
    return reply[0] << 8 == (id & 0xff00) && reply[1] == (id & 0xff) && (reply[2] & 0x80);
}

/* One query from `source` to ADDRESS; checks what the server took the client for. */
static inline void query_one(struct scene *scene, int type, const char *source, const char *address,
                             unsigned slot, uint8_t family)
{
    uint8_t reply[QUERY_BYTES];
    bool tcp = type == SOCK_STREAM;
    int fd = client_connect(type, source, address, server_listener_port(scene->server, slot));
    assert_true(fd >= 0);
    query_send(fd, tcp, 77);
    assert_true(reply_read(fd, tcp, 77, reply));
    assert_int_equal(reply[PLACE_FAMILY], family);
    assert_int_equal(reply[PLACE_SLOT], slot);
    if (source) {
        assert_int_equal(reply[PLACE_ADDRESS], strtol(strrchr(source, '.') + 1, NULL, 10));
    }
    close(fd);
}

static inline void sleep_ms(long ms)
{
    struct timespec nap = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&nap, NULL);
}

static inline int descriptors_open(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder)) {
        count++;
    }
    closedir(folder);
    return count;
}

/* Waits until as many are open as before: a worker closes its end of a connection when it sees
 * ours. */
static inline void descriptors_return_to(int count)
{
    for (int waited_ms = 0; descriptors_open() != count && waited_ms < PATIENCE_MS; waited_ms++) {
        sleep_ms(1);
    }
    assert_int_equal(descriptors_open(), count);
}

static inline bool finding_says(const struct scene *scene, const char *words)
{
    char text[512];
    for (const struct diag *diag = scene->diags.first; diag; diag = diag->next) {
        diag_format(diag, text, sizeof text);
        if (strstr(text, words)) {
            return true;
        }
    }
    return false;
}

/* A port that was free a moment ago. */
static inline uint16_t port_free(void)
{
    struct endpoint any = {.port = 0}, bound;
    enum socket_kind kind;
    int fd;
    assert_int_equal(address_from_text("0.0.0.0", &any.address), ERR_OK);
    assert_int_equal(socket_open(SOCKET_TCP, &any, 0, &fd), ERR_OK);
    assert_int_equal(socket_describe(fd, &kind, &bound), ERR_OK);
    close(fd);
    return bound.port;
}
