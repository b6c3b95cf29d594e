/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The loop calls back for timers, signals, descriptors, bells and finished jobs, ends when nothing
 * is left to wait for, and is freed whatever was asked of it before.
 */
#include "io/loop.h"

#include "base/error.h"
#include "io/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static void nothing(void *ctx)
{
    (void)ctx;
}

static void count(void *ctx)
{
    ++*(int *)ctx;
}

static struct loop *loop_made(void)
{
    struct loop *loop;
    assert_int_equal(loop_new(&ALLOC_MALLOC, &loop), ERR_OK);
    return loop;
}

static void test_run_ends_with_the_last_job(void **state)
{
    (void)state;
    struct loop *loop = loop_made();
    int done = 0;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(loop_job_start(loop, nothing, count, &done), ERR_OK);
    }
    loop_run(loop);
    assert_int_equal(done, 10);
    loop_run(loop); /* and again, with nothing to do */
    loop_free(loop);
}

static void test_stopped_without_a_run_it_still_frees_its_handles(void **state)
{
    (void)state;
    struct loop *loop = loop_made();
    struct loop_timer *timer;
    struct loop_bell *bell;
    assert_int_equal(loop_timer_new(loop, nothing, NULL, &timer), ERR_OK);
    assert_int_equal(loop_bell_new(loop, nothing, NULL, &bell), ERR_OK);
    loop_stop(loop);
    loop_timer_free(timer);
    loop_bell_free(bell);
    loop_free(loop);
}

static void test_descriptor_that_can_be_read_calls_back(void **state)
{
    (void)state;
    struct loop *loop = loop_made();
    struct loop_poll *poll;
    int ends[2], calls = 0;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(loop_poll_new(loop, ends[0], count, &calls, &poll), ERR_OK);
    assert_int_equal(write(ends[1], "x", 1), 1);
    loop_run_once(loop);
    assert_int_equal(calls, 1);
    loop_poll_free(poll);
    loop_free(loop);
    close(ends[0]);
    close(ends[1]);
}

struct ringing {
    struct loop *loop;
    struct loop_bell *bell;
    bool rung;
};

static void on_ring(void *ctx)
{
    struct ringing *ringing = ctx;
    ringing->rung = true;
    loop_bell_free(ringing->bell);
}

static void *ring(void *bell)
{
    loop_bell_ring(bell);
    return NULL;
}

static void test_bell_wakes_the_loop_from_another_thread(void **state)
{
    (void)state;
    struct ringing ringing = {.loop = loop_made()};
    pthread_t thread;
    assert_int_equal(loop_bell_new(ringing.loop, on_ring, &ringing, &ringing.bell), ERR_OK);
    assert_int_equal(pthread_create(&thread, NULL, ring, ringing.bell), 0);
    loop_run_until(ringing.loop, &ringing.rung);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(ringing.rung);
    loop_free(ringing.loop);
}

static void test_timer_fires_once_and_never_early(void **state)
{
    (void)state;
    struct loop *loop = loop_made();
    struct loop_timer *timer, *stopped;
    int fired = 0, never = 0;
    assert_int_equal(loop_timer_new(loop, count, &fired, &timer), ERR_OK);
    assert_int_equal(loop_timer_new(loop, count, &never, &stopped), ERR_OK);
    struct mono began = clock_mono();
    loop_timer_start(timer, duration_from_ms(5));
    loop_timer_start(stopped, duration_from_ms(1));
    loop_timer_stop(stopped);
    loop_run(loop);
    assert_true(mono_since(clock_mono(), began).ns >= 5000000);
    assert_int_equal(fired, 1);
    assert_int_equal(never, 0);
    loop_timer_free(timer);
    loop_timer_free(stopped);
    loop_free(loop);
}

static void test_signal_calls_back(void **state)
{
    (void)state;
    struct loop *loop = loop_made();
    struct loop_signal *hangup;
    int calls = 0;
    assert_int_equal(loop_signal_new(loop, SIGHUP, count, &calls, &hangup), ERR_OK);
    assert_int_equal(raise(SIGHUP), 0);
    loop_run_once(loop);
    assert_int_equal(calls, 1);
    loop_signal_free(hangup);
    loop_free(loop);
}

static void test_handles_that_do_not_exist_are_freed(void **state)
{
    (void)state;
    loop_timer_free(NULL);
    loop_signal_free(NULL);
    loop_poll_free(NULL);
    loop_bell_free(NULL);
    loop_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bell_wakes_the_loop_from_another_thread),
        cmocka_unit_test(test_timer_fires_once_and_never_early),
        cmocka_unit_test(test_signal_calls_back),
        cmocka_unit_test(test_handles_that_do_not_exist_are_freed),
        cmocka_unit_test(test_run_ends_with_the_last_job),
        cmocka_unit_test(test_stopped_without_a_run_it_still_frees_its_handles),
        cmocka_unit_test(test_descriptor_that_can_be_read_calls_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
