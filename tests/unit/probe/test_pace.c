/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * So many probes a second for one address: a second's worth at once, then one after another; others
 * are not held up, and nothing is kept of addresses that nobody asks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "probe/pace.h"

#include <stdio.h>

static struct address address(const char *text)
{
    struct address out;
    assert_int_equal(address_from_text(text, &out), ERR_OK);
    return out;
}

static struct mono at_ms(int64_t ms)
{
    return (struct mono){ms * 1000000};
}

static void a_second_at_once_then_evenly(void **state)
{
    (void)state;
    struct paces paces = {.alloc = &ALLOC_MALLOC};
    struct address one = address("192.0.2.1"), two = address("192.0.2.2");
    struct pace *pace = pace_join(&paces, &one), *other = pace_join(&paces, &two);
    for (unsigned i = 0; i <= 10; i++) {
        assert_int_equal(pace_take(pace, 10, at_ms(5000)).ns, 0);
    }
    assert_int_equal(pace_take(pace, 10, at_ms(5000)).ns, at_ms(100).ns);
    assert_int_equal(pace_take(pace, 10, at_ms(5000)).ns, at_ms(200).ns);
    assert_int_equal(pace_take(pace, 10, at_ms(5250)).ns, at_ms(50).ns);
    assert_int_equal(pace_take(other, 10, at_ms(5000)).ns, 0);
    assert_int_equal(pace_take(pace, 10, at_ms(60000)).ns, 0);
    pace_leave(&paces, pace);
    pace_leave(&paces, other);
    paces_free(&paces);
}

static void over_a_minute_the_rate_holds(void **state)
{
    (void)state;
    struct paces paces = {.alloc = &ALLOC_MALLOC};
    struct address one = address("2001:db8::1");
    struct pace *pace = pace_join(&paces, &one);
    unsigned taken = 0;
    struct mono now = {0}, end = at_ms(60000);
    for (; mono_before(now, end); taken++) { /* somebody who asks again at once */
        now = mono_add(now, pace_take(pace, 7, now));
    }
    assert_in_range(taken, 60 * 7, 61 * 7 + 2); /* the first second is there at once */
    pace_leave(&paces, pace);
    paces_free(&paces);
}

static void users_share_a_pace_and_the_last_takes_it_along(void **state)
{
    (void)state;
    struct paces paces = {.alloc = &ALLOC_MALLOC};
    struct pace *kept[1000];
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 1000; i++) {
            char text[32];
            snprintf(text, sizeof(text), "10.0.%u.%u", i / 250, i % 250);
            struct address each = address(text);
            struct pace *pace = pace_join(&paces, &each);
            assert_non_null(pace);
            assert_true(round == 0 || pace == kept[i]);
            kept[i] = pace;
        }
        assert_int_equal(paces.count, 1000);
    }
    for (unsigned i = 0; i < 2000; i++) {
        pace_leave(&paces, kept[i % 1000]);
    }
    assert_int_equal(paces.count, 0);
    pace_leave(&paces, NULL);
    paces_free(&paces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_at_once_then_evenly),
        cmocka_unit_test(over_a_minute_the_rate_holds),
        cmocka_unit_test(users_share_a_pace_and_the_last_takes_it_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
