/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Text as JSON: good characters stay as they are, every other byte is replaced, and a cut text ends
 * with a whole character.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/json_text.h"
#include "base/random.h"

#include <string.h>

#define FFFD "\xef\xbf\xbd"

static void test_each_bad_byte_is_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"", ""},
        {"zone", "zone"},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"caf\xe9.zone", "caf" FFFD ".zone"},
        {"\xff\xc3\xa9", FFFD "\xc3\xa9"},
        {"\xc0\xaf", FFFD FFFD},                         /* longer than needed */
        {"\xed\xa0\x80", FFFD FFFD FFFD},                /* a surrogate */
        {"\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD},       /* above the last */
        {"\xe2\x82", FFFD FFFD},                         /* cut */
        {"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\xff", /* the last good ones */
         "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf" FFFD},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *json = json_text(rows[i].text);
        assert_non_null(json);
        assert_string_equal(json_string_value(json), rows[i].expected);
        json_decref(json);
    }
    json_t *nothing = json_text(NULL);
    assert_true(json_is_null(nothing));
}

static void test_any_bytes_become_a_string(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 7);
    for (int turn = 0; turn < 20000; turn++) {
        char text[16];
        size_t len = random_below(&random, sizeof(text));
        for (size_t i = 0; i < len; i++) {
            text[i] = (char)(random_below(&random, 2) ? 0xc0 + random_below(&random, 64)
                                                      : 1 + random_below(&random, 255));
        }
        text[len] = 0;
        json_t *json = json_text(text);
        assert_true(json_is_string(json));
        json_decref(json);
    }
}

static void test_a_cut_ends_with_a_whole_character(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", ""},
        {"abc", "abc"},
        {"ab\xc3", "ab"},
        {"ab\xc3\xa9", "ab\xc3\xa9"},
        {"ab\xe2\x82", "ab"},
        {"ab\xe2\x82\xac", "ab\xe2\x82\xac"},
        {"ab\xf0\x9f\x98", "ab"},
        {"ab\xf0\x9f\x98\x80", "ab\xf0\x9f\x98\x80"},
        {"\xf0", ""},
        {"\x80\x80\x80\x80", "\x80\x80\x80\x80"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[16];
        strcpy(text, rows[i][0]);
        assert_string_equal(text_cut_whole(text), rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_bad_byte_is_replaced),
        cmocka_unit_test(test_any_bytes_become_a_string),
        cmocka_unit_test(test_a_cut_ends_with_a_whole_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
