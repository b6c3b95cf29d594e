/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Deadlines under a virtual clock: order, moving between lists, nothing left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/deadline.h"

static struct mono at_ms(int64_t ms)
{
    return (struct mono){ms * 1000000};
}

static void expires_in_order_and_not_before(void **state)
{
    (void)state;
    struct deadline_list list;
    struct deadline one = {0}, two = {0};
    deadline_list_init(&list, duration_from_ms(10));
    deadline_start(&list, &one, at_ms(0));
    deadline_start(&list, &two, at_ms(3));
    assert_null(deadline_expired(&list, at_ms(9)));
    assert_ptr_equal(deadline_expired(&list, at_ms(10)), &one);
    assert_null(deadline_expired(&list, at_ms(12)));
    assert_ptr_equal(deadline_expired(&list, at_ms(100)), &two);
    assert_null(deadline_expired(&list, at_ms(100)));
}

static void starting_again_moves_to_the_end(void **state)
{
    (void)state;
    struct deadline_list list;
    struct deadline one = {0}, two = {0};
    deadline_list_init(&list, duration_from_ms(10));
    deadline_start(&list, &one, at_ms(0));
    deadline_start(&list, &two, at_ms(1));
    deadline_start(&list, &one, at_ms(2));
    assert_ptr_equal(deadline_expired(&list, at_ms(50)), &two);
    assert_ptr_equal(deadline_expired(&list, at_ms(50)), &one);
}

static void moves_between_lists(void **state)
{
    (void)state;
    struct deadline_list short_list, long_list;
    struct deadline one = {0};
    deadline_list_init(&short_list, duration_from_ms(2));
    deadline_list_init(&long_list, duration_from_ms(20));
    deadline_start(&short_list, &one, at_ms(0));
    deadline_start(&long_list, &one, at_ms(1));
    assert_null(deadline_expired(&short_list, at_ms(1000)));
    assert_ptr_equal(deadline_expired(&long_list, at_ms(21)), &one);
}

static void stops_anywhere_in_the_list(void **state)
{
    (void)state;
    struct deadline_list list;
    struct deadline entry[3] = {{0}};
    for (int stopped = 0; stopped < 3; stopped++) {
        deadline_list_init(&list, duration_from_ms(1));
        for (int i = 0; i < 3; i++) {
            deadline_start(&list, &entry[i], at_ms(i));
        }
        deadline_stop(&entry[stopped]);
        deadline_stop(&entry[stopped]);
        for (int i = 0; i < 3; i++) {
            if (i != stopped) {
                assert_ptr_equal(deadline_expired(&list, at_ms(100)), &entry[i]);
            }
        }
        assert_null(deadline_expired(&list, at_ms(100)));
        assert_null(list.first);
        assert_null(list.last);
    }
}

static void tells_the_time_until_the_first(void **state)
{
    (void)state;
    struct deadline_list list;
    struct deadline one = {0};
    struct duration most = duration_from_ms(100);
    deadline_list_init(&list, duration_from_ms(10));
    assert_int_equal(deadline_next(&list, at_ms(0), most).ns, most.ns);
    deadline_start(&list, &one, at_ms(0));
    assert_int_equal(deadline_next(&list, at_ms(4), most).ns, duration_from_ms(6).ns);
    assert_int_equal(deadline_next(&list, at_ms(40), most).ns, 0);
    assert_int_equal(deadline_next(&list, at_ms(0), duration_from_ms(3)).ns,
                     duration_from_ms(3).ns);
    deadline_stop(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expires_in_order_and_not_before),
        cmocka_unit_test(starting_again_moves_to_the_end),
        cmocka_unit_test(moves_between_lists),
        cmocka_unit_test(stops_anywhere_in_the_list),
        cmocka_unit_test(tells_the_time_until_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
