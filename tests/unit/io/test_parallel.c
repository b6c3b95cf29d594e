/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every part is done once, by as many threads as there are to be had.
 *
 * wraps: pthread_create
 */
#include "io/parallel.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    PARTS = 500
};

static int refuse_from = -1; /* the number of the call that fails, and all after it */
static int calls;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg)
{
    return refuse_from >= 0 && calls++ >= refuse_from
               ? EAGAIN
               : __real_pthread_create(thread, how, run, arg);
}

static void count(void *ctx, unsigned part)
{
    atomic_uint *done = ctx;
    atomic_fetch_add(&done[part], 1);
}

static void expect_each_once(unsigned parts, unsigned threads)
{
    static atomic_uint done[PARTS];
    for (unsigned i = 0; i < PARTS; i++) {
        atomic_store(&done[i], 0);
    }
    parallel_run(parts, threads, count, done);
    for (unsigned i = 0; i < PARTS; i++) {
        assert_int_equal(atomic_load(&done[i]), i < parts);
    }
}

static void each_part_is_done_once(void **state)
{
    (void)state;
    for (unsigned threads = 0; threads < 9; threads++) {
        expect_each_once(PARTS, threads);
        expect_each_once(3, threads);
        expect_each_once(1, threads);
        expect_each_once(0, threads);
    }
    expect_each_once(PARTS, 10000);
    assert_true(cores_count() >= 1);
}

static void threads_that_cannot_be_made_are_not_needed(void **state)
{
    (void)state;
    for (refuse_from = 0; refuse_from < 4; refuse_from++) {
        calls = 0;
        expect_each_once(PARTS, 4);
    }
    refuse_from = -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_is_done_once),
        cmocka_unit_test(threads_that_cannot_be_made_are_not_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
