/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * YAML as a tree: what is refused, and at which character.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "config/tree.h"
#include "parsing.h"

#include <stdlib.h>
#include <string.h>

static void test_text_must_be_utf8(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {"server:\n  user: \xe4\n",
         "c.yaml:2:9: error: byte 0xe4 is not UTF-8; save the file as UTF-8\n"},
        {"a: \xc3\xa9 \xc0\xaf",
         "c.yaml:1:6: error: byte 0xc0 is not UTF-8; save the file as UTF-8\n"},
        {"a: \xed\xa0\x80", "c.yaml:1:4: error: byte 0xed is not UTF-8; save the file as UTF-8\n"},
        {"a: \xf4\x90\x80\x80",
         "c.yaml:1:4: error: byte 0xf4 is not UTF-8; save the file as UTF-8\n"},
        {"a: \xe2\x82", "c.yaml:1:4: error: byte 0xe2 is not UTF-8; save the file as UTF-8\n"},
        {"\xff\xfe"
         "a",
         "c.yaml:1:1: error: byte 0xff is not UTF-8; save the file as UTF-8\n"},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
}

static void test_control_characters_are_refused(void **state)
{
    (void)state;
    static const char nul[] = "server:\n  a\0b";
    expect_findings_len(nul, sizeof(nul) - 1,
                        "c.yaml:2:4: error: a control character (0x00); remove it\n");
    static const struct finding_case cases[] = {
        {"a: \x1b", "c.yaml:1:4: error: a control character (0x1b); remove it\n"},
        {"a: x\nb: \xc2\x9f",
         "c.yaml:2:4: error: a character that YAML does not take (U+009F); remove it\n"},
        {SERVER "zones:\n- {zone: \"a\\0b\", file: x}\n",
         "c.yaml:3:10: error: the text holds a tab or another control character; remove it\n"},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
}

static void test_byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    config_free(parse_good("\xef\xbb\xbf" SERVER "zones: []\n"));
    expect_findings("\xef\xbb\xbfserve: 1\n",
                    "c.yaml:1:1: error: server is missing; add 'server: ...'\n"
                    "c.yaml:1:1: error: unknown key 'serve'; did you mean 'server'?\n"
                    "c.yaml:1:1: warning: no zones: every query is refused; add 'zones:'\n");
}

static void test_syntax_errors_name_the_mend(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {"server:\n\tlisten: x\n",
         "c.yaml:2:1: error: found character that cannot start any token while scanning for the "
         "next token; indent with blanks, not tabs\n"},
        {"zones:\n  @: A 10.0.0.1\n",
         "c.yaml:2:3: error: found character that cannot start any token while scanning for the "
         "next token; put the text in quotes\n"},
        {"replace:\n  *.apps: A 10.0.0.1\n",
         "c.yaml:2:4: error: did not find expected alphabetic or numeric character while scanning "
         "an alias; put a wildcard in quotes: \"*.apps\"\n"},
        {"a: b: c\n", "c.yaml:1:5: error: mapping values are not allowed in this context; check "
                      "the indentation; put a text that holds ': ' in quotes\n"},
        {"a: [b, c\n", "c.yaml:2:1: error: did not find expected ',' or ']' while parsing a flow "
                       "sequence; close the bracket; put an IPv6 address between brackets in "
                       "quotes\n"},
        {"a: \"b\n", "c.yaml:2:1: error: found unexpected end of stream while scanning a quoted "
                     "scalar; close the quote\n"},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
}

static void test_unquoted_ipv6_listener_names_the_quotes(void **state)
{
    (void)state;
    struct diag_list diags;
    struct config *config = NULL;
    static const char text[] = "server:\n  listen:\n    - [::1]:5300\n";
    diag_init(&diags, &ALLOC_MALLOC);
    assert_int_equal(config_parse(&ALLOC_MALLOC, "c.yaml", text, strlen(text), &diags, &config),
                     ERR_INVALID);
    char *found = findings_text(&diags);
    assert_non_null(strstr(found, "c.yaml:3:"));
    assert_non_null(strstr(found, "in quotes"));
    free(found);
    diag_deinit(&diags);
}

static void test_anchors_aliases_and_tags_are_refused(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {"server: &s {listen: [127.0.0.1:53]}\nzones: []\n",
         "c.yaml:1:9: error: '&s': anchors are not taken here; write the value again where it is "
         "needed, or put the text in quotes\n"},
        {SERVER "zones: *z\n", "c.yaml:2:8: error: '*z': aliases are not taken here; write the "
                               "value again, or put the text in quotes\n"},
        {SERVER "zones: []\n<<: *z\n",
         "c.yaml:3:1: error: unknown key '<<'; known are: server, reload, views, zones, "
         "sites, services, caches, registry, api, leak-guard\n"
         "c.yaml:3:5: error: '*z': aliases are not taken here; write the value again, or put the "
         "text in quotes\n"},
        {"server: {listen: [127.0.0.1:53], workers: !!int 1}\nzones: []\n",
         "c.yaml:1:43: error: 'tag:yaml.org,2002:int': tags are not taken here; remove it, or put "
         "the text in quotes\n"},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
}

static void test_growing_aliases_cost_nothing(void **state)
{
    (void)state;
    expect_findings("a: &a [x,x]\nb: &b [*a,*a]\nserver: {listen: [127.0.0.1:53]}\nzones: []\n",
                    "c.yaml:1:1: error: unknown key 'a'; did you mean 'api'?\n"
                    "c.yaml:1:4: error: '&a': anchors are not taken here; write the value again "
                    "where it is needed, or put the text in quotes\n"
                    "c.yaml:2:1: error: unknown key 'b'; known are: server, reload, views, zones, "
                    "sites, services, caches, registry, api, leak-guard\n"
                    "c.yaml:2:4: error: '&b': anchors are not taken here; write the value again "
                    "where it is needed, or put the text in quotes\n"
                    "c.yaml:2:8: error: '*a': aliases are not taken here; write the value again, "
                    "or put the text in quotes\n"
                    "c.yaml:2:11: error: '*a': aliases are not taken here; write the value again, "
                    "or put the text in quotes\n");
}

static void test_key_written_twice(void **state)
{
    (void)state;
    expect_findings("server:\n  listen: [127.0.0.1:53]\n  workers: 1\n  workers: wrong\n"
                    "zones: []\nzones: 3\n",
                    "c.yaml:4:3: error: 'workers' is written twice; the other is in line 3; join "
                    "the two, or remove one\n"
                    "c.yaml:6:1: error: 'zones' is written twice; the other is in line 5; join "
                    "the two, or remove one\n");
}

static void test_keys_must_be_text(void **state)
{
    (void)state;
    expect_findings(SERVER "zones: []\n? [a, b]\n: c\n",
                    "c.yaml:3:3: error: a key must be plain text; put a text with brackets in "
                    "quotes\n");
}

static void test_one_document(void **state)
{
    (void)state;
    expect_findings(SERVER "zones: []\n---\nserver: 1\n",
                    "c.yaml:3:1: error: a second YAML document begins here; keep one document; "
                    "remove the '---'\n");
    config_free(parse_good("---\n" SERVER "zones: []\n...\n"));
}

static void test_empty_and_shapeless_files(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {"", "c.yaml:1:1: error: the file is empty; begin with 'server:' and 'zones:'\n"},
        {"# nothing\n",
         "c.yaml:1:1: error: the file is empty; begin with 'server:' and 'zones:'\n"},
        {"\n- a\n", "c.yaml:2:1: error: the file is not a map of options; begin with 'server:' and "
                    "'zones:'\n"},
        {"hello\n", "c.yaml:1:1: error: the file is not a map of options; begin with 'server:' and "
                    "'zones:'\n"},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    char text[64] = "a: ";
    memset(text + 3, '[', 40);
    text[43] = '\0';
    expect_findings(text, "c.yaml:1:19: error: lists and maps are nested deeper than 16 levels\n");
}

static void test_size_is_bounded(void **state)
{
    (void)state;
    size_t len = (size_t)LIMIT_CONFIG_BYTES + 1;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, ' ', len);
    expect_findings_len(text, len,
                        "c.yaml: error: the file has 67108865 bytes; at most 67108864 are read\n");
    free(text);
}

static void test_column_counts_characters(void **state)
{
    (void)state;
    expect_findings(
        "server: {listen: [127.0.0.1:53], user: \"\xc3\xa4\xc3\xb6\", worker: 1}\n"
        "zones: []\n",
        "c.yaml:1:46: error: unknown key 'worker' in server; did you mean 'workers'?\n");
}

static void test_block_text_loses_its_last_line_feed(void **state)
{
    (void)state;
    struct arena arena;
    struct diag_list diags;
    struct node *root = NULL;
    static const char text[] = "a: |\n  one\n  two\nb: ~\nc: 'null'\n";
    arena_init(&arena, &ALLOC_MALLOC);
    diag_init(&diags, &ALLOC_MALLOC);
    assert_int_equal(tree_read(&arena, "t", text, strlen(text), &diags, &root), ERR_OK);
    assert_int_equal(root->count, 3);
    assert_string_equal(tree_get(root, "a")->text, "one\ntwo");
    assert_true(tree_is_empty(tree_get(root, "b")));
    assert_false(tree_is_empty(tree_get(root, "c")));
    assert_int_equal(tree_get(root, "c")->place.line, 5);
    assert_int_equal(tree_get(root, "c")->place.column, 4);
    assert_null(tree_get(root, "d"));
    arena_deinit(&arena);
    diag_deinit(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_must_be_utf8),
        cmocka_unit_test(test_control_characters_are_refused),
        cmocka_unit_test(test_byte_order_mark_is_passed_over),
        cmocka_unit_test(test_syntax_errors_name_the_mend),
        cmocka_unit_test(test_unquoted_ipv6_listener_names_the_quotes),
        cmocka_unit_test(test_anchors_aliases_and_tags_are_refused),
        cmocka_unit_test(test_growing_aliases_cost_nothing),
        cmocka_unit_test(test_key_written_twice),
        cmocka_unit_test(test_keys_must_be_text),
        cmocka_unit_test(test_one_document),
        cmocka_unit_test(test_empty_and_shapeless_files),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_size_is_bounded),
        cmocka_unit_test(test_column_counts_characters),
        cmocka_unit_test(test_block_text_loses_its_last_line_feed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
