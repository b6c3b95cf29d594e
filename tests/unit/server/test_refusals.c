/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every call that the operating system may refuse, and every allocation, failed in turn at start
 * and at a reload: an error with a finding or the whole thing, and nothing left open.
 *
 * wraps: answer socket bind setsockopt listen getsockname epoll_create1 epoll_ctl pthread_create
 */
#include "unit/server/scene.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>

/* The n-th call of those wrapped fails; 0: none. Set while no worker runs. */
static int fail_at;

static bool fails_now(int number)
{
    if (fail_at > 0 && --fail_at == 0) {
        errno = number;
        return true;
    }
    return false;
}

#define WRAPPED(name, parameters, arguments)                      \
    int __real_##name parameters;                                 \
    int __wrap_##name parameters;                                 \
    int __wrap_##name parameters                                  \
    {                                                             \
        return fails_now(ENOBUFS) ? -1 : __real_##name arguments; \
    }

WRAPPED(socket, (int family, int type, int protocol), (family, type, protocol))
WRAPPED(bind, (int fd, const struct sockaddr *name, socklen_t len), (fd, name, len))
WRAPPED(setsockopt, (int fd, int level, int option, const void *value, socklen_t len),
        (fd, level, option, value, len))
WRAPPED(listen, (int fd, int backlog), (fd, backlog))
WRAPPED(getsockname, (int fd, struct sockaddr *name, socklen_t *len), (fd, name, len))
WRAPPED(epoll_create1, (int flags), (flags))

int __real_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *arg);
int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    bool fails = op == EPOLL_CTL_ADD && fails_now(ENOSPC); /* the others need no memory */
    return fails ? -1 : __real_epoll_ctl(epoll, op, fd, event);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *arg)
{
    return fails_now(EAGAIN) ? EAGAIN : __real_pthread_create(thread, attributes, run, arg);
}

/* Everything the operating system may refuse, in turn, at open and at start. */
static void every_call_may_fail_at_start(void **state)
{
    (void)state;
    int errors = 0, before = descriptors_open();
    for (int n = 1;; n++) {
        struct scene scene;
        scene_init(&scene);
        listen_on(&scene, "0.0.0.0", 0);
        listen_on(&scene, "::1", 0);
        fail_at = n;
        int err = scene_open(&scene);
        if (err != ERR_OK) {
            assert_null(scene.server);
            assert_true(scene.diags.errors > 0);
        } else {
            err = server_start(scene.server);
        }
        bool reached = fail_at == 0;
        fail_at = 0;
        if (err == ERR_OK) {
            query_one(&scene, SOCK_DGRAM, "127.0.0.1", "127.0.0.1", 0, 4);
        }
        errors += err != ERR_OK;
        scene_deinit(&scene);
        descriptors_return_to(before);
        if (!reached) {
            assert_int_equal(err, ERR_OK);
            break;
        }
    }
    assert_in_range(errors, 40, 400);
}

static void every_allocation_may_fail_at_start(void **state)
{
    (void)state;
    int before = descriptors_open();
    for (long n = 0;; n++) {
        struct scene scene;
        scene_init(&scene);
        listen_on(&scene, "127.0.0.1", 0);
        atomic_store(&scene.counted.left, n);
        int err = scene_open(&scene);
        bool reached = atomic_load(&scene.counted.left) < 0;
        assert_int_equal(err, reached ? ERR_NOMEM : ERR_OK);
        assert_int_equal(scene.diags.errors, reached ? 1 : 0);
        scene_deinit(&scene);
        descriptors_return_to(before);
        if (!reached) {
            assert_in_range(n, 5, 100);
            break;
        }
    }
}

static void a_refused_retarget_changes_nothing(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    listen_on(&scene, "127.0.0.1", port_free());
    scene_run(&scene);
    struct desired_listener own = scene.listeners[0];
    int before = descriptors_open();

    listen_on(&scene, "127.0.0.2", 0);
    listen_on(&scene, "192.0.2.1", 5300);
    assert_int_equal(server_retarget_prepare(scene.server, &scene.desired, &scene.diags),
                     ERR_NOT_FOUND);
    descriptors_return_to(before);

    scene.desired.listener_count = 0; /* prepared and given up */
    listen_on(&scene, "127.0.0.3", 0);
    assert_int_equal(server_retarget_prepare(scene.server, &scene.desired, &scene.diags), ERR_OK);
    assert_true(descriptors_open() > before);
    server_retarget_abort(scene.server);
    descriptors_return_to(before);
    query_one(&scene, SOCK_DGRAM, NULL, "127.0.0.1", 0, 4);
    query_one(&scene, SOCK_STREAM, NULL, "127.0.0.1", 0, 4);

    int errors = 0;
    for (int n = 1;; n++) { /* whatever call fails */
        scene.desired.listener_count = 0;
        scene.listeners[scene.desired.listener_count++] = own;
        listen_on(&scene, "0.0.0.0", 0);
        fail_at = n;
        int err = server_retarget_prepare(scene.server, &scene.desired, &scene.diags);
        bool reached = fail_at == 0;
        fail_at = 0;
        if (err == ERR_OK) {
            server_retarget_abort(scene.server);
        }
        errors += err != ERR_OK;
        descriptors_return_to(before);
        if (!reached) {
            break;
        }
    }
    assert_in_range(errors, 10, 200);
    query_one(&scene, SOCK_DGRAM, NULL, "127.0.0.1", 0, 4);
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_may_fail_at_start),
        cmocka_unit_test(every_allocation_may_fail_at_start),
        cmocka_unit_test(a_refused_retarget_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
