/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Timers against a plain list: earliest first, equal ones in the order in which they were set.
 *
 * links: config
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/random.h"
#include "control/timers.h"

#include <stdbool.h>

enum {
    TIMERS = 200
};

static void test_against_a_list(void **state)
{
    struct timers timers;
    struct timer timer[TIMERS] = {0};
    struct random random;
    bool set[TIMERS] = {false};
    (void)state;
    random_seed(&random, 5);
    timers_init(&timers, &ALLOC_MALLOC);
    assert_int_equal(timers_reserve(&timers, TIMERS), ERR_OK);
    for (int round = 0; round < 20000; round++) {
        unsigned i = (unsigned)random_below(&random, TIMERS);
        switch (random_below(&random, 4)) {
        case 0:
        case 1:
            timer_set(&timers, &timer[i], (struct mono){(int64_t)random_below(&random, 50)});
            set[i] = true;
            break;
        case 2:
            timer_stop(&timers, &timer[i]);
            set[i] = false;
            break;
        default: {
            struct mono now = {(int64_t)random_below(&random, 60)};
            const struct timer *want = NULL;
            for (unsigned k = 0; k < TIMERS; k++) {
                if (set[k] && timer[k].at.ns <= now.ns &&
                    (!want || timer[k].at.ns < want->at.ns ||
                     (timer[k].at.ns == want->at.ns && timer[k].order < want->order))) {
                    want = &timer[k];
                }
            }
            const struct timer *got = timers_due(&timers, now);
            assert_ptr_equal(got, want);
            if (got) {
                set[got - timer] = false;
            }
        }
        }
    }
    timers_deinit(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_a_list)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
