/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The command table: words are sorted as written, and the table itself is in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/command.h"
#include "cli/print.h"

#include <string.h>

enum {
    WORDS_MAX = 16
};

static const char *arguments[WORDS_MAX];
static struct call_value values[WORDS_MAX];
static struct call call;

static int parse(const char **words)
{
    int count = 0;
    while (words[count]) {
        count++;
    }
    call = (struct call){.arguments = arguments, .values = values};
    return command_parse(count, (char **)words, &call);
}

#define PARSE(...) parse((const char *[]){__VA_ARGS__, NULL})

static void test_arguments_and_options_in_any_order(void **state)
{
    (void)state;
    assert_int_equal(PARSE("explain", "--from", "10.0.0.1", "a.example", "--json", "AAAA"), 0);
    assert_string_equal(call.command->name, "explain");
    assert_string_equal(call_argument(&call, 0), "a.example");
    assert_string_equal(call_argument(&call, 1), "AAAA");
    assert_null(call_argument(&call, 2));
    assert_string_equal(call_option(&call, OPT_FROM), "10.0.0.1");
    assert_true(call_has(&call, OPT_JSON));
    assert_false(call_has(&call, OPT_TCP));
}

static void test_value_after_equals_and_after_double_dash(void **state)
{
    (void)state;
    assert_int_equal(PARSE("check", "--", "--json"), 0);
    assert_string_equal(call_argument(&call, 0), "--json");
    assert_int_equal(PARSE("serve", "--zone=a=b", "--zone", "c=d", "--listen", "x"), 0);
    const char *zones[WORDS_MAX];
    assert_int_equal(call_options(&call, OPT_ZONE, zones), 2);
    assert_string_equal(zones[0], "a=b");
    assert_string_equal(zones[1], "c=d");
    assert_null(zones[2]);
}

static void test_two_words(void **state)
{
    (void)state;
    assert_int_equal(PARSE("view", "diff", "www.example.com"), 0);
    assert_string_equal(call.command->name, "view diff");
    assert_string_equal(call_argument(&call, 0), "www.example.com");
    assert_int_equal(PARSE("view"), EXIT_USAGE);
    assert_int_equal(PARSE("view", "other"), EXIT_USAGE);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    assert_int_equal(PARSE("nonsense"), EXIT_USAGE);
    assert_int_equal(PARSE("status", "--config", "x"), EXIT_USAGE);
    assert_int_equal(PARSE("status", "extra"), EXIT_USAGE);
    assert_int_equal(PARSE("explain", "a", "--from"), EXIT_USAGE);
    assert_int_equal(PARSE("status", "--json=1"), EXIT_USAGE);
    assert_int_equal(PARSE("status", "--jsonx"), EXIT_USAGE);
    assert_int_equal(PARSE("status", "--"), 0);
    assert_int_equal(PARSE("explain", "--help"), 0); /* help needs no arguments */
}

static void test_table_is_in_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = &COMMANDS[i];
        assert_true(command->options >> OPT_JSON & 1);
        assert_true(command->options >> OPT_HELP & 1);
        assert_true(command->least <= command->most);
        assert_true((command->most > 0) == (*command->arguments != 0));
        assert_non_null(command->run);
        size_t len = strlen(command->name);
        if (command->example) {
            assert_memory_equal(command->example, command->name, len);
        }
    }
}

static void test_numbers_for_people(void **state)
{
    (void)state;
    char out[32];
    assert_string_equal(print_number(0, out), "0");
    assert_string_equal(print_number(999, out), "999");
    assert_string_equal(print_number(1234567, out), "1,234,567");
    assert_string_equal(print_number(-123456, out), "-123,456");
    assert_string_equal(print_bytes(1023, out), "1023 B");
    assert_string_equal(print_bytes(1536, out), "1.5 KiB");
    assert_string_equal(print_seconds(59, out), "59 s");
    assert_string_equal(print_seconds(3661, out), "1 h 1 min");
    assert_string_equal(print_seconds(90000, out), "1 d 1 h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments_and_options_in_any_order),
        cmocka_unit_test(test_value_after_equals_and_after_double_dash),
        cmocka_unit_test(test_two_words),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_table_is_in_order),
        cmocka_unit_test(test_numbers_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
