/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The loop ends when nothing is left to wait for, and is freed whatever was asked of it before.
 */
#include "io/loop.h"

#include "base/error.h"

#include <setjmp.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_ends_with_the_last_job),
        cmocka_unit_test(test_stopped_without_a_run_it_still_frees_its_handles),
        cmocka_unit_test(test_descriptor_that_can_be_read_calls_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
