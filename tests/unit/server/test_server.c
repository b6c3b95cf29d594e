/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The server on loopback: who is answered from where, who gets a connection, what a stop leaves.
 *
 *     wraps: answer accept4
 */
#include "unit/server/scene.h"

#include <errno.h>

/* Failing as if the process had no descriptor left. */
static atomic_int accepts_failing, accepts_tried;

int __real_accept4(int fd, struct sockaddr *name, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *name, socklen_t *len, int flags);

int __wrap_accept4(int fd, struct sockaddr *name, socklen_t *len, int flags)
{
    atomic_fetch_add(&accepts_tried, 1);
    if (atomic_load(&accepts_failing)) {
        errno = EMFILE;
        return -1;
    }
    return __real_accept4(fd, name, len, flags);
}

static void one_listener_answers_udp_and_tcp(void **state)
{
    (void)state;
    struct scene scene;
    int before = descriptors_open();
    scene_init(&scene);
    listen_on(&scene, "127.0.0.1", 0);
    scene_run(&scene);
    for (int i = 0; i < 20; i++) {
        query_one(&scene, SOCK_DGRAM, "127.0.0.9", "127.0.0.1", 0, 4);
        query_one(&scene, SOCK_STREAM, "127.0.0.8", "127.0.0.1", 0, 4);
    }
    assert_int_equal(server_worker_count(scene.server), 2);
    server_stop(scene.server);
    assert_int_equal(server_counter(scene.server, COUNTER_QUERIES_UDP, 2), 20);
    assert_int_equal(server_counter(scene.server, COUNTER_QUERIES_TCP, -1), 20);
    assert_int_equal(server_counter(scene.server, COUNTER_TCP_ACCEPTED, LIMIT_VIEWS), 20);
    assert_int_equal(server_counter(scene.server, COUNTER_POSITIVE, 1), 0);
    assert_int_equal(server_tcp_open(scene.server), 0);
    scene_deinit(&scene);
    descriptors_return_to(before);
}

static void several_listeners_of_both_families(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    listen_on(&scene, "127.0.0.1", 0);
    listen_on(&scene, "::1", 0);
    listen_on(&scene, "127.0.0.2", 0);
    scene_run(&scene);
    for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
        query_one(&scene, type, "127.0.0.7", "127.0.0.1", 0, 4);
        query_one(&scene, type, NULL, "::1", 1, 6);
        query_one(&scene, type, "127.0.0.6", "127.0.0.2", 2, 4);
    }
    scene_deinit(&scene);
}

/* The client's socket is connected: a reply from any other address would not reach it. */
static void a_wildcard_replies_from_the_address_asked(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    listen_on(&scene, "0.0.0.0", 0);
    scene_run(&scene);
    query_one(&scene, SOCK_DGRAM, "127.0.0.1", "127.0.0.5", 0, 4);
    query_one(&scene, SOCK_DGRAM, "127.0.0.5", "127.0.0.1", 0, 4);
    query_one(&scene, SOCK_STREAM, "127.0.0.1", "127.0.0.5", 0, 4);
    scene_deinit(&scene);

    scene_init(&scene); /* both families on one socket: mapped peers are IPv4 clients */
    listen_on(&scene, "::", 0);
    scene_run(&scene);
    query_one(&scene, SOCK_DGRAM, NULL, "::1", 0, 6);
    query_one(&scene, SOCK_DGRAM, "127.0.0.1", "127.0.0.5", 0, 4);
    query_one(&scene, SOCK_STREAM, "127.0.0.1", "127.0.0.5", 0, 4);
    scene_deinit(&scene);
}

static void both_wildcards_share_a_port(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    uint16_t port = port_free();
    listen_on(&scene, "::", port);
    listen_on(&scene, "0.0.0.0", port);
    listen_on(&scene, "127.0.0.3", port);
    scene_run(&scene);
    for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
        query_one(&scene, type, NULL, "::1", 0, 6);
        query_one(&scene, type, "127.0.0.1", "127.0.0.5", 1, 4);
        query_one(&scene, type, "127.0.0.1", "127.0.0.3", 2, 4);
    }
    scene_deinit(&scene);
}

static void a_taken_address_is_named(void **state)
{
    (void)state;
    struct scene scene, second;
    char words[64];
    scene_init(&scene);
    listen_on(&scene, "127.0.0.1", 0);
    scene_run(&scene);
    int port = server_listener_port(scene.server, 0);

    scene_init(&second); /* the same user and SO_REUSEPORT: without the trial it would be let in */
    listen_on(&second, "127.0.0.1", (uint16_t)port);
    int before = descriptors_open();
    assert_int_equal(scene_open(&second), ERR_BUSY);
    assert_null(second.server);
    descriptors_return_to(before);
    snprintf(words, sizeof words, "cannot listen on 127.0.0.1:%d (UDP)", port);
    assert_true(finding_says(&second, words));
    snprintf(words, sizeof words, "ss -lunp 'sport = :%d'", port);
    assert_true(finding_says(&second, words));
    scene_deinit(&second);

    scene_init(&second);
    listen_on(&second, "192.0.2.1", 5300);
    assert_int_equal(scene_open(&second), ERR_NOT_FOUND);
    assert_true(finding_says(&second, "no such address"));
    scene_deinit(&second);

    scene_init(&second);
    listen_on(&second, "127.0.0.1", 5300);
    listen_on(&second, "127.0.0.1", 5300);
    assert_int_equal(scene_open(&second), ERR_INVALID);
    assert_true(finding_says(&second, "127.0.0.1:5300 is listened on twice"));
    scene_deinit(&second);
    scene_deinit(&scene);
}

static void handed_over_sockets_are_shared(void **state)
{
    (void)state;
    struct scene scene;
    int fds[3], before;
    struct endpoint endpoint = {0};
    enum socket_kind kind;
    scene_init(&scene);
    before = descriptors_open();
    assert_int_equal(address_from_text("127.0.0.1", &endpoint.address), ERR_OK);
    assert_int_equal(socket_open(SOCKET_UDP, &endpoint, SOCKET_SHARED, &fds[0]), ERR_OK);
    assert_int_equal(socket_describe(fds[0], &kind, &endpoint), ERR_OK);
    assert_int_equal(socket_open(SOCKET_TCP, &endpoint, SOCKET_SHARED, &fds[1]), ERR_OK);
    assert_int_equal(socket_open(SOCKET_UDP, &endpoint, SOCKET_SHARED, &fds[2]), ERR_OK);
    scene.options.inherited = fds;
    scene.options.inherited_count = 3;
    scene.options.workers = 1; /* two UDP sockets need two workers, who share the TCP socket */
    listen_on(&scene, "127.0.0.1", endpoint.port);
    scene_run(&scene);
    assert_int_equal(server_worker_count(scene.server), 2);
    for (int i = 0; i < 20; i++) {
        query_one(&scene, SOCK_DGRAM, "127.0.0.1", "127.0.0.1", 0, 4);
        query_one(&scene, SOCK_STREAM, "127.0.0.1", "127.0.0.1", 0, 4);
    }
    scene_deinit(&scene);
    assert_int_equal(socket_describe(fds[0], &kind, &endpoint), ERR_OK); /* still the caller's */
    for (int i = 0; i < 3; i++) {
        close(fds[i]);
    }
    assert_true(descriptors_open() <= before);
}

static void a_stop_answers_what_was_received(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t reply[QUERY_BYTES];
    scene_init(&scene);
    listen_on(&scene, "127.0.0.1", 0);
    assert_int_equal(scene_open(&scene), ERR_OK);
    int port = server_listener_port(scene.server, 0);
    int udp = client_connect(SOCK_DGRAM, NULL, "127.0.0.1", port);
    int tcp = client_connect(SOCK_STREAM, NULL, "127.0.0.1", port);
    for (uint16_t id = 1; id <= 200; id++) { /* before any worker runs */
        query_send(udp, false, id);
        query_send(tcp, true, id);
    }
    assert_int_equal(server_start(scene.server), ERR_OK);
    struct mono began = clock_mono();
    server_stop(scene.server);
    assert_true(mono_since(clock_mono(), began).ns < duration_from_ms(1500).ns);
    for (uint16_t id = 1; id <= 200; id++) {
        assert_true(reply_read(udp, false, id, reply));
        assert_true(reply_read(tcp, true, id, reply));
    }
    assert_int_equal(recv(tcp, reply, sizeof reply, 0), 0);
    close(udp);
    close(tcp);
    scene_deinit(&scene);
}

static void connections_have_their_limits(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t reply[QUERY_BYTES];
    int held[6];
    scene_init(&scene);
    listen_on(&scene, "127.0.0.1", 0);
    scene_run(&scene);
    int port = server_listener_port(scene.server, 0);
    for (int i = 0; i < 6; i++) {
        held[i] = client_connect(SOCK_STREAM, "127.0.0.1", "127.0.0.1", port);
        query_send(held[i], true, 1);
        assert_int_equal(reply_read(held[i], true, 1, reply), i < 5);
    }
    assert_int_equal(server_tcp_open(scene.server), 5);
    query_one(&scene, SOCK_STREAM, "127.0.0.2", "127.0.0.1", 0, 4);
    assert_int_equal(server_counter(scene.server, COUNTER_TCP_REFUSED, -1), 1);
    for (int i = 0; i < 6; i++) {
        close(held[i]);
    }
    scene_deinit(&scene);
}

static void a_newcomer_is_heard_when_all_is_taken(void **state)
{
    (void)state;
    struct scene scene;
    int slow[40];
    scene_init(&scene);
    listen_on(&scene, "127.0.0.1", 0);
    scene_run(&scene);
    int port = server_listener_port(scene.server, 0);
    for (int i = 0; i < 40;
         i++) { /* twice as many as there are places, each from its own address */
        char source[32];
        snprintf(source, sizeof source, "127.0.1.%d", i + 1);
        slow[i] = client_connect(SOCK_STREAM, source, "127.0.0.1", port);
        assert_true(slow[i] >= 0);
    }
    query_one(&scene, SOCK_STREAM, "127.0.0.9", "127.0.0.1", 0, 4);
    assert_true(server_tcp_open(scene.server) <= 20);
    /* Who lost its place is counted by its own worker, once that has seen it. */
    for (int i = 0; i < 500 && server_counter(scene.server, COUNTER_TCP_EVICTED, -1) < 15; i++) {
        sleep_ms(10);
    }
    assert_true(server_counter(scene.server, COUNTER_TCP_EVICTED, -1) >= 15);
    for (int i = 0; i < 40; i++) {
        close(slow[i]);
    }
    scene_deinit(&scene);
}

static void without_descriptors_accepting_pauses(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t reply[QUERY_BYTES];
    scene_init(&scene);
    scene.options.workers = 1;
    listen_on(&scene, "127.0.0.1", 0);
    scene_run(&scene);
    atomic_store(&accepts_failing, 1);
    atomic_store(&accepts_tried, 0);
    int fd = client_connect(SOCK_STREAM, NULL, "127.0.0.1", server_listener_port(scene.server, 0));
    query_send(fd, true, 5);
    sleep_ms(500);
    assert_in_range(atomic_load(&accepts_tried), 1, 8); /* about one in 100 ms, no spinning */
    atomic_store(&accepts_failing, 0);
    assert_true(reply_read(fd, true, 5, reply));
    close(fd);
    scene_deinit(&scene);
}

static void counters_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < COUNTER_COUNT; i++) {
        assert_non_null(counter_name((enum counter)i));
        assert_non_null(counter_text((enum counter)i));
    }
    assert_true(counter_per_view(COUNTER_QUERIES_UDP));
    assert_false(counter_per_view(COUNTER_TCP_STUCK));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_listener_answers_udp_and_tcp),
        cmocka_unit_test(several_listeners_of_both_families),
        cmocka_unit_test(a_wildcard_replies_from_the_address_asked),
        cmocka_unit_test(both_wildcards_share_a_port),
        cmocka_unit_test(a_taken_address_is_named),
        cmocka_unit_test(handed_over_sockets_are_shared),
        cmocka_unit_test(a_stop_answers_what_was_received),
        cmocka_unit_test(connections_have_their_limits),
        cmocka_unit_test(a_newcomer_is_heard_when_all_is_taken),
        cmocka_unit_test(without_descriptors_accepting_pauses),
        cmocka_unit_test(counters_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
