/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One TCP connection over a socket pair and a virtual clock, with a stand-in for answer(): it
 * returns the query with QR set, and as many bytes as the query's id says when that is more.
 *
 *     wraps: answer
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/connection.h"

#include "base/error.h"
#include "unit/failing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    QUERY_BYTES = 20,
    SMALL_BUFFER_BYTES = 4096,
    ANSWER_LARGE = 40000
};

size_t __wrap_answer(const struct snapshot *snapshot, const struct client *client,
                     const uint8_t *query, size_t query_len, uint64_t random, uint8_t *reply,
                     size_t reply_size, struct outcome *outcome, struct told_list *told,
                     struct trace *trace);

size_t __wrap_answer(const struct snapshot *snapshot, const struct client *client,
                     const uint8_t *query, size_t query_len, uint64_t random, uint8_t *reply,
                     size_t reply_size, struct outcome *outcome, struct told_list *told,
                     struct trace *trace)
{
    (void)told;
    (void)snapshot, (void)random, (void)trace;
    assert_int_equal(client->transport, TRANSPORT_TCP);
    assert_true(reply_size >= LIMIT_MESSAGE_BYTES);
    *outcome = (struct outcome){.view = 1, .kind = ANSWER_POSITIVE};
    if (query[2] & 0x80) {
        outcome->kind = ANSWER_DROPPED;
        return 0;
    }
    size_t wanted = (size_t)query[0] << 8 | query[1];
    size_t len = wanted > query_len ? wanted : query_len;
    memset(reply, 0x55, len);
    memcpy(reply, query, query_len);
    reply[2] |= 0x80;
    return len;
}

/* A connection, the client's end of it, and what is around. */
struct scene {
    struct failing failing;
    struct shared *shared;
    struct counters *counters;
    struct desk *desk;
    struct connection *connection;
    int client;
    uint8_t inbox[2 + LIMIT_MESSAGE_BYTES];
    size_t inbox_len;
};

static void nobody_is_cut(int fd)
{
    (void)fd;
    fail();
}

static enum seat_heard nobody_is_heard(int fd)
{
    (void)fd;
    fail();
    return SEAT_SILENT;
}

static const struct seats_calls CALLS = {nobody_is_cut, nobody_is_heard};

static void scene_open(struct scene *scene)
{
    struct seats_limits limits = {10, 10, 0};
    struct address peer = address_from_v4((uint8_t[]){192, 0, 2, 1});
    int pair[2], small = SMALL_BUFFER_BYTES;
    scene->inbox_len = 0;
    failing_init(&scene->failing, SIZE_MAX);
    scene->shared = calloc(1, sizeof *scene->shared);
    scene->counters = calloc(1, sizeof *scene->counters);
    scene->desk = calloc(1, sizeof *scene->desk);
    assert_true(scene->shared && scene->counters && scene->desk);
    scene->shared->alloc = &scene->failing.alloc;
    scene->shared->options = (struct server_options){.tcp_first_byte_ms = 2000,
                                                     .tcp_message_ms = 5000,
                                                     .tcp_idle_ms = 10000,
                                                     .tcp_write_ms = 4000,
                                                     .tcp_pipeline = 8};
    assert_int_equal(seats_new(&ALLOC_MALLOC, &limits, 1, &CALLS, &scene->shared->seats), ERR_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    desk_init(scene->desk, scene->shared, scene->counters);
    struct seat *seat = seats_take(scene->shared->seats, &peer, pair[0], scene->desk->now);
    scene->connection = connection_new(scene->desk, pair[0], seat, 3, &peer);
    assert_non_null(scene->connection);
    scene->client = pair[1];
}

static void scene_close(struct scene *scene)
{
    connection_free(scene->desk, scene->connection);
    assert_int_equal(seats_taken(scene->shared->seats), 0);
    assert_int_equal(scene->failing.alive, 0);
    seats_free(scene->shared->seats);
    close(scene->client);
    free(scene->shared);
    free(scene->counters);
    free(scene->desk);
}

/* Length and query; the first two bytes are its id. */
static size_t query_write(uint8_t *to, uint16_t id)
{
    memset(to, 0, 2 + QUERY_BYTES);
    to[1] = QUERY_BYTES;
    to[2] = (uint8_t)(id >> 8);
    to[3] = (uint8_t)id;
    return 2 + QUERY_BYTES;
}

static void client_send(struct scene *scene, const void *data, size_t len)
{
    assert_int_equal(send(scene->client, data, len, 0), len);
}

/* Takes one reply of `len` bytes and checks its id; false when it is not there whole yet. */
static bool client_receives(struct scene *scene, uint16_t id, size_t len)
{
    uint8_t *reply = scene->inbox;
    while (scene->inbox_len < 2 + len) {
        ssize_t got = recv(scene->client, reply + scene->inbox_len, 2 + len - scene->inbox_len, 0);
        if (got <= 0) {
            return false;
        }
        scene->inbox_len += (size_t)got;
    }
    scene->inbox_len = 0;
    assert_int_equal((size_t)reply[0] << 8 | reply[1], len);
    assert_int_equal(reply[2] << 8 | reply[3], id);
    assert_true(reply[4] & 0x80);
    return true;
}

static void advance_ms(struct scene *scene, int64_t ms)
{
    scene->desk->now = mono_add(scene->desk->now, duration_from_ms(ms));
}

/* Is the connection's time over, and was it `wait` that ended? */
static bool time_is_over(struct scene *scene, enum wait wait)
{
    for (int i = 0; i < WAIT_COUNT; i++) {
        if (deadline_expired(&scene->desk->waits[i], scene->desk->now)) {
            assert_int_equal(i, wait);
            return true;
        }
    }
    return false;
}

static void one_query_one_reply(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t query[64];
    scene_open(&scene);
    client_send(&scene, query, query_write(query, 7));
    assert_true(connection_read(scene.desk, scene.connection));
    assert_true(client_receives(&scene, 7, QUERY_BYTES));
    assert_int_equal(counters_read(scene.counters, COUNTER_QUERIES_TCP, 1), 1);
    assert_int_equal(counters_read(scene.counters, COUNTER_POSITIVE, -1), 1);
    assert_true(connection_is_quiet(scene.connection));
    shutdown(scene.client, SHUT_WR);
    assert_false(connection_read(scene.desk, scene.connection));
    scene_close(&scene);
}

static void split_at_every_byte(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < 2 * (2 + QUERY_BYTES); cut++) {
        struct scene scene;
        uint8_t query[128];
        scene_open(&scene);
        size_t len = query_write(query, 1);
        len += query_write(query + len, 2);
        client_send(&scene, query, cut);
        assert_true(connection_read(scene.desk, scene.connection));
        assert_true(connection_read(scene.desk, scene.connection)); /* nothing there */
        client_send(&scene, query + cut, len - cut);
        while (!connection_is_quiet(scene.connection)) {
            assert_true(connection_read(scene.desk, scene.connection));
        }
        assert_true(client_receives(&scene, 1, QUERY_BYTES));
        assert_true(client_receives(&scene, 2, QUERY_BYTES));
        scene_close(&scene);
    }
}

static void a_byte_at_a_time(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t query[64];
    scene_open(&scene);
    size_t len = query_write(query, 9);
    for (size_t i = 0; i < len; i++) {
        client_send(&scene, query + i, 1);
        assert_true(connection_read(scene.desk, scene.connection));
    }
    assert_true(client_receives(&scene, 9, QUERY_BYTES));
    assert_int_equal(scene.failing.alive, 1); /* no memory held while idle */
    scene_close(&scene);
}

static void pipelined_replies_keep_their_order(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t queries[100 * (2 + QUERY_BYTES)];
    size_t len = 0;
    scene_open(&scene);
    for (uint16_t i = 1; i <= 100; i++) {
        len += query_write(queries + len, i % 20);
    }
    client_send(&scene, queries, len);
    for (uint16_t i = 1; i <= 100; i++) {
        while (!client_receives(&scene, i % 20, QUERY_BYTES)) {
            assert_true(connection_is_stuck(scene.connection)
                            ? connection_write(scene.desk, scene.connection)
                            : connection_read(scene.desk, scene.connection));
        }
    }
    assert_true(connection_is_quiet(scene.connection));
    scene_close(&scene);
}

static void the_largest_message_is_read_as_it_grows(void **state)
{
    (void)state;
    struct scene scene;
    static uint8_t query[2 + LIMIT_MESSAGE_BYTES];
    memset(query, 0, sizeof query);
    query[0] = query[1] = 0xff;
    scene_open(&scene);
    size_t sent = 0;
    while (sent < sizeof query) {
        size_t step = sizeof query - sent < 1000 ? sizeof query - sent : 1000;
        client_send(&scene, query + sent, step);
        sent += step;
        assert_true(connection_read(scene.desk, scene.connection));
        assert_true(scene.connection->in_size <= 2 * sent + 512);
    }
    while (!connection_is_stuck(scene.connection) && !connection_is_quiet(scene.connection)) {
        assert_true(connection_read(scene.desk, scene.connection));
    }
    size_t have = 0;
    while (have < sizeof query) {
        uint8_t reply[4096];
        ssize_t got = recv(scene.client, reply, sizeof reply, 0);
        if (got > 0) {
            have += (size_t)got;
        } else {
            assert_true(connection_write(scene.desk, scene.connection));
        }
    }
    assert_int_equal(scene.connection->in_size, 0);
    scene_close(&scene);
}

static void a_client_that_does_not_read_is_not_read(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t queries[4 * (2 + QUERY_BYTES)];
    size_t len = 0;
    scene_open(&scene);
    for (int i = 0; i < 3; i++) {
        len += query_write(queries + len, ANSWER_LARGE);
    }
    len += query_write(queries + len, 4);
    client_send(&scene, queries, len);
    assert_true(connection_read(scene.desk, scene.connection));
    assert_true(connection_is_stuck(scene.connection));
    assert_true(scene.connection->out_len <= CONNECTION_REPLY_BYTES);
    uint64_t answered = counters_read(scene.counters, COUNTER_QUERIES_TCP, -1);
    assert_in_range(answered, 1, 3);

    advance_ms(&scene, 3999);
    assert_false(time_is_over(&scene, WAIT_WRITE));
    for (int i = 0; i < 3; i++) {
        while (!client_receives(&scene, ANSWER_LARGE, ANSWER_LARGE)) {
            assert_true(connection_write(scene.desk, scene.connection));
        }
        if (connection_is_stuck(scene.connection)) {
            assert_true(connection_write(scene.desk, scene.connection));
        }
    }
    assert_true(client_receives(&scene, 4, QUERY_BYTES));
    assert_true(connection_is_quiet(scene.connection));
    scene_close(&scene);
}

static void every_wait_has_its_time(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t query[2 * (2 + QUERY_BYTES)];
    size_t len = query_write(query, 1);

    scene_open(&scene); /* says nothing */
    advance_ms(&scene, 1999);
    assert_false(time_is_over(&scene, WAIT_FIRST_BYTE));
    advance_ms(&scene, 1);
    assert_true(time_is_over(&scene, WAIT_FIRST_BYTE));
    scene_close(&scene);

    scene_open(&scene); /* begins, and then drips: only the whole message counts */
    for (size_t i = 0; i < 5; i++) {
        client_send(&scene, query + i, 1);
        assert_true(connection_read(scene.desk, scene.connection));
        assert_false(time_is_over(&scene, WAIT_MESSAGE));
        advance_ms(&scene, 1000);
    }
    assert_true(time_is_over(&scene, WAIT_MESSAGE));
    scene_close(&scene);

    scene_open(&scene); /* asks once and stays */
    client_send(&scene, query, len);
    assert_true(connection_read(scene.desk, scene.connection));
    advance_ms(&scene, 9999);
    assert_false(time_is_over(&scene, WAIT_IDLE));
    client_send(&scene, query, len); /* every query gives it more time */
    assert_true(connection_read(scene.desk, scene.connection));
    advance_ms(&scene, 9999);
    assert_false(time_is_over(&scene, WAIT_IDLE));
    advance_ms(&scene, 1);
    assert_true(time_is_over(&scene, WAIT_IDLE));
    scene_close(&scene);

    scene_open(&scene); /* a second message that is not whole has its own five seconds */
    len += query_write(query + len, 2);
    client_send(&scene, query, len - 1);
    assert_true(connection_read(scene.desk, scene.connection));
    advance_ms(&scene, 4999);
    assert_false(time_is_over(&scene, WAIT_MESSAGE));
    advance_ms(&scene, 1);
    assert_true(time_is_over(&scene, WAIT_MESSAGE));
    scene_close(&scene);
}

static void a_stuck_client_has_its_time_however_it_nibbles(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t query[2 * (2 + QUERY_BYTES)], nibble;
    scene_open(&scene);
    size_t len = query_write(query, ANSWER_LARGE);
    client_send(&scene, query, len);
    assert_true(connection_read(scene.desk, scene.connection));
    assert_true(connection_is_stuck(scene.connection));
    for (int i = 0; i < 4; i++) {
        assert_false(time_is_over(&scene, WAIT_WRITE));
        assert_int_equal(recv(scene.client, &nibble, 1, 0), 1);
        assert_true(connection_write(scene.desk, scene.connection));
        advance_ms(&scene, 1000);
    }
    assert_true(time_is_over(&scene, WAIT_WRITE));
    scene_close(&scene);
}

static void what_is_no_query_ends_the_connection(void **state)
{
    (void)state;
    static const uint16_t short_len[] = {0, 1, 11};
    struct scene scene;
    uint8_t query[128];
    for (size_t i = 0; i < sizeof short_len / sizeof short_len[0]; i++) {
        scene_open(&scene); /* what came before is answered still */
        size_t len = query_write(query, 5);
        memset(query + len, 0, 16);
        query[len + 1] = (uint8_t)short_len[i];
        client_send(&scene, query, len + 2 + short_len[i]);
        assert_false(connection_read(scene.desk, scene.connection));
        assert_true(client_receives(&scene, 5, QUERY_BYTES));
        assert_int_equal(counters_read(scene.counters, COUNTER_DROPPED, -1), 1);
        scene_close(&scene);
    }
    scene_open(&scene); /* a response */
    size_t len = query_write(query, 5);
    query[4] = 0x80;
    client_send(&scene, query, len);
    assert_false(connection_read(scene.desk, scene.connection));
    scene_close(&scene);
}

/* What a client may do to run us out of memory ends that client alone. */
static void without_memory_the_connection_ends(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t query[2 + QUERY_BYTES];
    scene_open(&scene);
    query_write(query, 1);
    client_send(&scene, query, 5);
    scene.failing.left = 0;
    assert_false(connection_read(scene.desk, scene.connection));
    scene_close(&scene);

    scene_open(&scene);
    client_send(&scene, query, query_write(query, ANSWER_LARGE));
    scene.failing.left = 0;
    assert_false(connection_read(scene.desk, scene.connection));
    scene_close(&scene);
}

static void a_broken_connection_ends(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t query[2 + QUERY_BYTES];
    scene_open(&scene);
    client_send(&scene, query, query_write(query, ANSWER_LARGE));
    assert_true(connection_read(scene.desk, scene.connection));
    close(scene.client);
    assert_false(connection_write(scene.desk, scene.connection));
    scene.client = -1;
    scene_close(&scene);
}

static void the_kernel_says_what_waits(void **state)
{
    (void)state;
    uint8_t bytes[14] = {0};
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(CONNECTION_CALLS.hear(pair[0]), SEAT_SILENT);
    assert_int_equal(send(pair[1], bytes, 13, 0), 13);
    assert_int_equal(CONNECTION_CALLS.hear(pair[0]), SEAT_SILENT);
    assert_int_equal(send(pair[1], bytes, 1, 0), 1);
    assert_int_equal(CONNECTION_CALLS.hear(pair[0]), SEAT_ASKS);
    close(pair[1]); /* a client may ask and close its half */
    assert_int_equal(CONNECTION_CALLS.hear(pair[0]), SEAT_ASKS);
    assert_int_equal(recv(pair[0], bytes, sizeof bytes, 0), sizeof bytes);
    assert_int_equal(CONNECTION_CALLS.hear(pair[0]), SEAT_GONE);
    close(pair[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kernel_says_what_waits),
        cmocka_unit_test(one_query_one_reply),
        cmocka_unit_test(split_at_every_byte),
        cmocka_unit_test(a_byte_at_a_time),
        cmocka_unit_test(pipelined_replies_keep_their_order),
        cmocka_unit_test(the_largest_message_is_read_as_it_grows),
        cmocka_unit_test(a_client_that_does_not_read_is_not_read),
        cmocka_unit_test(every_wait_has_its_time),
        cmocka_unit_test(a_stuck_client_has_its_time_however_it_nibbles),
        cmocka_unit_test(what_is_no_query_ends_the_connection),
        cmocka_unit_test(without_memory_the_connection_ends),
        cmocka_unit_test(a_broken_connection_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
