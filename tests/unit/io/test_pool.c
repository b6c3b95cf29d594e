/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Work goes to threads and comes back to the owner, with as few threads as the system gives.
 *
 * wraps: pthread_create
 */
#include "io/pool.h"

#include "base/error.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    TASKS = 100,
    THREADS = 4
};

struct scene {
    struct pool *pool;
    pthread_t owner;
    atomic_int worked, woken;
    int done;
};

static int threads_allowed;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg)
{
    if (threads_allowed == 0) {
        return EAGAIN;
    }
    threads_allowed--;
    return __real_pthread_create(thread, how, run, arg);
}

static void on_wake(void *ctx)
{
    atomic_fetch_add(&((struct scene *)ctx)->woken, 1);
}

static void work(void *ctx)
{
    struct scene *scene = ctx;
    assert_false(pthread_equal(pthread_self(), scene->owner));
    atomic_fetch_add(&scene->worked, 1);
}

static void done(void *ctx)
{
    struct scene *scene = ctx;
    assert_true(pthread_equal(pthread_self(), scene->owner));
    scene->done++;
}

static void scene_open(struct scene *scene, int allowed)
{
    *scene = (struct scene){.owner = pthread_self()};
    threads_allowed = allowed;
    assert_int_equal(pool_new(&ALLOC_MALLOC, THREADS, on_wake, scene, &scene->pool), ERR_OK);
}

static void scene_finish(struct scene *scene)
{
    while (pool_busy(scene->pool)) {
        usleep(100);
        pool_finish(scene->pool);
    }
}

static void test_every_task_is_worked_once_and_done_by_the_owner(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, THREADS);
    for (int i = 0; i < TASKS; i++) {
        assert_int_equal(pool_start(scene.pool, work, done, &scene), ERR_OK);
    }
    assert_true(pool_busy(scene.pool));
    scene_finish(&scene);
    assert_int_equal(scene.worked, TASKS);
    assert_int_equal(scene.done, TASKS);
    assert_int_equal(scene.woken, TASKS);
    pool_free(scene.pool);
}

static void test_one_thread_is_enough(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 1);
    for (int i = 0; i < TASKS; i++) {
        assert_int_equal(pool_start(scene.pool, work, done, &scene), ERR_OK);
    }
    scene_finish(&scene);
    assert_int_equal(scene.done, TASKS);
    pool_free(scene.pool);
}

static void test_no_thread_is_an_error_until_there_is_one(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 0);
    assert_int_equal(pool_start(scene.pool, work, done, &scene), ERR_NOMEM);
    assert_false(pool_busy(scene.pool));
    threads_allowed = 1;
    assert_int_equal(pool_start(scene.pool, work, done, &scene), ERR_OK);
    scene_finish(&scene);
    assert_int_equal(scene.done, 1);
    pool_free(scene.pool);
}

static void start_another(void *ctx)
{
    struct scene *scene = ctx;
    done(scene);
    assert_int_equal(pool_start(scene->pool, work, done, scene), ERR_OK);
}

static void test_done_may_start_more(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, THREADS);
    assert_int_equal(pool_start(scene.pool, work, start_another, &scene), ERR_OK);
    scene_finish(&scene);
    assert_int_equal(scene.done, 2);
    pool_free(scene.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_task_is_worked_once_and_done_by_the_owner),
        cmocka_unit_test(test_one_thread_is_enough),
        cmocka_unit_test(test_no_thread_is_an_error_until_there_is_one),
        cmocka_unit_test(test_done_may_start_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
