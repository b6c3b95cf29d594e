/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Listeners that come and go while the server runs: nothing lost, nothing left open.
 *
 *     wraps: answer
 */
#include "unit/server/scene.h"

#include <pthread.h>

/* A load on one listener while others come and go: nothing lost, nothing from the wrong slot. */
struct load {
    struct scene *scene;
    atomic_bool stop;
    atomic_uint asked, answered;
    int port;
};

static void *load_run(void *arg)
{
    struct load *load = arg;
    uint8_t reply[QUERY_BYTES];
    int fd = client_connect(SOCK_DGRAM, "127.0.0.1", "127.0.0.1", load->port);
    for (uint16_t id = 1; !atomic_load(&load->stop); id++) {
        query_send(fd, false, id);
        atomic_fetch_add(&load->asked, 1);
        if (reply_read(fd, false, id, reply) && reply[PLACE_SLOT] == 0) {
            atomic_fetch_add(&load->answered, 1);
        }
    }
    close(fd);
    return NULL;
}

static void listeners_come_and_go_under_load(void **state)
{
    (void)state;
    struct scene scene;
    pthread_t thread;
    scene_init(&scene);
    listen_on(&scene, "127.0.0.1", port_free());
    scene_run(&scene);
    struct load load = {.scene = &scene, .port = server_listener_port(scene.server, 0)};
    int base = descriptors_open();
    assert_int_equal(pthread_create(&thread, NULL, load_run, &load), 0);
    for (int round = 0; round < 6; round++) {
        unsigned extra = round % 3; /* 0, 1, 2 more listeners, in front of the one that stays */
        struct desired_listener stays = scene.listeners[scene.desired.listener_count - 1];
        scene.desired.listener_count = 0;
        for (unsigned i = 0; i < extra; i++) {
            listen_on(&scene, i ? "::1" : "127.0.0.4", 0);
        }
        scene.listeners[scene.desired.listener_count++] = stays;
        assert_int_equal(server_retarget_prepare(scene.server, &scene.desired, &scene.diags),
                         ERR_OK);
        assert_int_equal(scene.listeners[extra].slot, 0);
        server_retarget_commit(scene.server);
        for (unsigned i = 0; i < extra; i++) {
            unsigned slot = scene.listeners[i].slot;
            assert_int_not_equal(slot, 0);
            query_one(&scene, SOCK_DGRAM, NULL, i ? "::1" : "127.0.0.4", slot, i ? 6 : 4);
            query_one(&scene, SOCK_STREAM, NULL, i ? "::1" : "127.0.0.4", slot, i ? 6 : 4);
        }
    }
    struct desired_listener stays = scene.listeners[scene.desired.listener_count - 1];
    scene.listeners[0] = stays;
    scene.desired.listener_count = 1;
    assert_int_equal(server_retarget_prepare(scene.server, &scene.desired, &scene.diags), ERR_OK);
    server_retarget_commit(scene.server);
    atomic_store(&load.stop, true);
    pthread_join(thread, NULL);
    assert_true(atomic_load(&load.asked) > 100);
    assert_int_equal(atomic_load(&load.asked), atomic_load(&load.answered));
    descriptors_return_to(base); /* what went is closed */
    scene_deinit(&scene);
}

/* Gone again before the workers saw it: nothing stays open, no slot stays taken. */
static void a_listener_may_go_before_it_is_served(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    listen_on(&scene, "127.0.0.1", 0);
    scene_run(&scene);
    int before = descriptors_open();
    for (int round = 0; round < 300; round++) {
        listen_on(&scene, "127.0.0.2", 0);
        int err = server_retarget_prepare(scene.server, &scene.desired, &scene.diags);
        if (err == ERR_LIMIT) { /* all slots are being left: only so many at once */
            assert_in_range(round, 100, 300);
            scene.desired.listener_count = 1;
            descriptors_return_to(before);
            continue;
        }
        assert_int_equal(err, ERR_OK);
        server_retarget_commit(scene.server);
        scene.desired.listener_count = 1;
        err = server_retarget_prepare(scene.server, &scene.desired, &scene.diags);
        assert_int_equal(err, ERR_OK);
        server_retarget_commit(scene.server);
    }
    descriptors_return_to(before);
    query_one(&scene, SOCK_DGRAM, NULL, "127.0.0.1", 0, 4);
    scene_deinit(&scene);
}

static void a_removed_listener_answers_what_it_received(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t reply[QUERY_BYTES];
    scene_init(&scene);
    listen_on(&scene, "127.0.0.1", 0);
    listen_on(&scene, "127.0.0.2", 0);
    scene_run(&scene);
    int port = server_listener_port(scene.server, 1);
    int udp = client_connect(SOCK_DGRAM, NULL, "127.0.0.2", port);
    int idle = client_connect(SOCK_STREAM, NULL, "127.0.0.2", port);
    int half = client_connect(SOCK_STREAM, NULL, "127.0.0.2", port);
    uint8_t query[2 + QUERY_BYTES] = {0, QUERY_BYTES, 0, 3};
    query_send(idle, true, 1);
    assert_true(reply_read(idle, true, 1, reply));
    assert_int_equal(send(half, query, 10, 0), 10);
    sleep_ms(50);

    scene.desired.listener_count = 1;
    scene.listeners[0].port = 0;
    assert_int_equal(server_retarget_prepare(scene.server, &scene.desired, &scene.diags), ERR_OK);
    for (uint16_t id = 100; id < 200; id++) {
        query_send(udp, false, id);
    }
    server_retarget_commit(scene.server);
    sleep_ms(300);
    assert_int_equal(send(half, query + 10, sizeof query - 10, MSG_NOSIGNAL), sizeof query - 10);
    for (uint16_t id = 100; id < 200; id++) {
        assert_true(reply_read(udp, false, id, reply));
    }
    assert_true(reply_read(half, true, 3, reply)); /* begun before: still answered */
    assert_int_equal(reply[PLACE_SLOT], 1);
    assert_int_equal(recv(idle, reply, sizeof reply, 0), 0);
    assert_int_equal(recv(half, reply, sizeof reply, 0), 0);
    assert_int_equal(client_connect(SOCK_STREAM, NULL, "127.0.0.2", port), -1);
    close(udp);
    close(idle);
    close(half);
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners_come_and_go_under_load),
        cmocka_unit_test(a_listener_may_go_before_it_is_served),
        cmocka_unit_test(a_removed_listener_answers_what_it_received),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
