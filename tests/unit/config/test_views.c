/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * views: matches, what they mean together, and what may arrive on a public listener.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "parsing.h"

#include <stdio.h>
#include <string.h>

#define TWO "server: {listen: [{name: lan, address: '10.0.0.1:53'}, '127.0.0.1:53']}\nzones: []\n"

static void assert_prefix(const struct prefix *prefix, const char *expected)
{
    char text[PREFIX_TEXT_BYTES];
    assert_string_equal(prefix_to_text(prefix, text), expected);
}

static void test_views_are_taken(void **state)
{
    (void)state;
    struct config *config = parse_good(TWO "views:\n"
                                           "  in:\n"
                                           "    internal: true\n"
                                           "    match:\n"
                                           "      - 10.0.0.0/8\n"
                                           "      - {prefix: 'fd00::/8', listener: lan}\n"
                                           "    client-subnet-from: [10.0.0.53, 10.1.0.0/16]\n"
                                           "  out:\n"
                                           "    default: true\n");
    const struct desired *desired = &config->desired;
    assert_int_equal(desired->view_count, 2);
    const struct desired_view *in = &desired->views[0], *out = &desired->views[1];
    assert_string_equal(in->name, "in");
    assert_true(in->internal);
    assert_false(in->is_default);
    assert_false(in->implicit);
    assert_int_equal(in->place.line, 4);
    assert_int_equal(in->match_count, 2);
    assert_prefix(&in->matches[0].prefix, "10.0.0.0/8");
    assert_int_equal(in->matches[0].listener, -1);
    assert_int_equal(in->matches[0].place.line, 7);
    assert_prefix(&in->matches[1].prefix, "fd00::/8");
    assert_int_equal(in->matches[1].listener, 0);
    assert_int_equal(in->subnet_from_count, 2);
    assert_prefix(&in->subnet_from[0], "10.0.0.53/32");
    assert_prefix(&in->subnet_from[1], "10.1.0.0/16");
    assert_false(out->internal);
    assert_true(out->is_default);
    assert_int_equal(out->match_count, 0);
    config_free(config);
}

static void test_without_views_everybody_is_internal(void **state)
{
    (void)state;
    struct config *config =
        parse_good(SERVER "zones: [{zone: example.com, file: f, only: default}]\n");
    assert_int_equal(config->desired.view_count, 1);
    assert_string_equal(config->desired.views[0].name, "default");
    assert_true(config->desired.views[0].internal);
    assert_true(config->desired.views[0].is_default);
    assert_true(config->desired.views[0].implicit);
    assert_int_equal(config->desired.zones[0].only, 1);
    config_free(config);
}

static void test_view_findings(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {SERVER "views: {}\nzones: []\n",
         "c.yaml:2:8: error: views has 0 views; 1 to 64 are possible; leave the key out for one "
         "view that holds everybody\n"},
        {SERVER "views:\n  a b: {default: true}\nzones: []\n",
         "c.yaml:3:3: error: 'a b' cannot name a view; use letters, digits, '-', '_' and '.', at "
         "most 63\n"},
        {SERVER "views:\n  a: {default: true}\n  b: {default: true}\nzones: []\n",
         "c.yaml:4:3: error: views 'a' and 'b' are both the default; keep `default: true` in one "
         "of them\n"},
        {SERVER "views:\n  a: {internal: true}\nzones: []\n",
         "c.yaml:3:3: warning: nobody is in view 'a'; add `match`, or `default: true`\n"},
        {SERVER "views:\n  a: {defualt: true, match: [192.0.2.1]}\nzones: []\n",
         "c.yaml:3:7: error: unknown key 'defualt' in views.NAME; did you mean 'default'?\n"},
        {SERVER "views:\n  a: 10.0.0.0/8\nzones: []\n",
         "c.yaml:3:3: warning: nobody is in view 'a'; add `match`, or `default: true`\n"
         "c.yaml:3:6: error: views.a takes a map, this is plain text; write its keys below it, "
         "indented\n"},
        {SERVER "views:\n  a: {match: 10.0.0.0/8}\nzones: []\n",
         "c.yaml:3:3: warning: nobody is in view 'a'; add `match`, or `default: true`\n"
         "c.yaml:3:14: error: views.NAME.match takes a list, this is plain text; write match: "
         "[ITEM, ...]\n"},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
}

static void test_match_findings(void **state)
{
    (void)state;
    static const struct {
        const char *match, *expected;
    } cases[] = {
        {"10.0.0.1/8", "views.NAME.match: 10.0.0.1/8 has address bits beyond its length; write "
                       "10.0.0.0/8"},
        {"2001:db8::1/32", "views.NAME.match: 2001:db8::1/32 has address bits beyond its length; "
                           "write 2001:db8::/32"},
        {"10.0.0.0/33", "views.NAME.match: '10.0.0.0/33' is not a prefix; write one as "
                        "10.0.0.0/8, 2001:db8::/32 or 192.0.2.7"},
        {"lan", "views.NAME.match: 'lan' is not a prefix; write one as 10.0.0.0/8, 2001:db8::/32 "
                "or 192.0.2.7"},
        {"{listener: lan}", "views.NAME.match[].prefix is missing; add 'prefix: ...'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[256], expected[256];
        snprintf(text, sizeof(text), TWO "views:\n  a:\n    match: [%s]\n", cases[i].match);
        snprintf(expected, sizeof(expected), "c.yaml:5:13: error: %s\n", cases[i].expected);
        expect_findings(text, expected);
    }
    static const struct finding_case others[] = {
        {TWO "views:\n  a:\n    match: [{prefix: 192.0.2.1, listener: lam}]\n",
         "c.yaml:5:43: error: there is no listener 'lam'; did you mean 'lan'?\n"},
        {TWO "views:\n  a:\n    match: [{prefix: 192.0.2.1, listener: inside}]\n",
         "c.yaml:5:43: error: there is no listener 'inside'; add {name: inside, address: ...} to "
         "server.listen\n"},
        {TWO "views:\n  a:\n    match: [192.0.2.1]\n    client-subnet-from: [192.0.2.1, x]\n",
         "c.yaml:6:37: error: views.NAME.client-subnet-from: 'x' is not a prefix; write one as "
         "10.0.0.0/8, 2001:db8::/32 or 192.0.2.7\n"},
    };
    expect_each(others, sizeof(others) / sizeof(*others));
}

#define TWO_VIEWS(a, b) TWO "views:\n  a: {match: [" a "]}\n  b: {match: [" b "]}\n"

static void test_equal_prefixes(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {TWO_VIEWS("192.0.2.0/24", "192.0.2.0/24"),
         "c.yaml:5:15: error: 192.0.2.0/24 is in view 'b' and in view 'a', line 4; keep it in one "
         "of them, or name a listener\n"},
        {TWO_VIEWS("192.0.2.0/24, 192.0.2.0/24", "192.0.3.0/24"),
         "c.yaml:4:29: warning: 192.0.2.0/24 is written twice in view 'a'; remove one\n"},
        {TWO_VIEWS("'::ffff:192.0.2.0/120'", "192.0.2.0/24"),
         "c.yaml:5:15: error: 192.0.2.0/24 is in view 'b' and in view 'a', line 4; keep it in one "
         "of them, or name a listener\n"},
        {TWO_VIEWS("{prefix: 192.0.2.0/24, listener: lan}",
                   "{prefix: 192.0.2.0/24, listener: lan}"),
         "c.yaml:5:15: error: 192.0.2.0/24 is in view 'b' and in view 'a', line 4; keep it in one "
         "of them, or name a listener\n"},
        {TWO_VIEWS("192.0.2.0/24", "{prefix: 192.0.2.0/24, listener: lan}"), ""},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
}

static void test_longest_prefix_is_no_fault(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {TWO_VIEWS("192.0.0.0/8", "192.0.2.0/24, 192.0.0.0/9"), ""},
        {TWO_VIEWS("192.0.0.0/8, 192.0.0.0/10", "192.0.0.0/9"), ""},
        {TWO_VIEWS("'::/0'", "0.0.0.0/0"), ""},
        {TWO_VIEWS("192.0.2.0/24", "192.0.2.0/25, 192.0.2.192/26"), ""},
        /* Hidden, but by its own view: nothing is decided otherwise. */
        {TWO_VIEWS("192.0.2.0/24, 192.0.2.0/25, 192.0.2.128/25", "192.0.3.0/24"), ""},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
}

static void test_hidden_prefixes(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {TWO_VIEWS("192.0.2.0/24", "192.0.2.0/25, 192.0.2.128/25"),
         "c.yaml:4:15: warning: 192.0.2.0/24 decides nothing: longer prefixes cover all of it; "
         "remove it, or one of the longer prefixes\n"},
        {TWO_VIEWS("192.0.2.0/24", "192.0.2.0/25, 192.0.2.128/26, 192.0.2.192/26"),
         "c.yaml:4:15: warning: 192.0.2.0/24 decides nothing: longer prefixes cover all of it; "
         "remove it, or one of the longer prefixes\n"},
        {TWO_VIEWS("0.0.0.0/0", "0.0.0.0/1, 128.0.0.0/1"),
         "c.yaml:4:15: warning: 0.0.0.0/0 decides nothing: longer prefixes cover all of it; "
         "remove it, or one of the longer prefixes\n"},
        {TWO_VIEWS("'::/0'", "'::/1', '8000::/1'"),
         "c.yaml:4:15: warning: ::/0 decides nothing: longer prefixes cover all of it; remove it, "
         "or one of the longer prefixes\n"},
        {SERVER "zones: []\nviews:\n  a: {match: [192.0.2.0/24]}\n  b: {match: [192.0.3.0/24]}\n",
         ""},
        {"server: {listen: [{name: x, address: '127.0.0.1:53'}]}\nzones: []\n"
         "views:\n  a: {match: [192.0.2.0/24]}\n"
         "  b: {match: [{prefix: 192.0.0.0/16, listener: x}]}\n",
         "c.yaml:4:15: warning: 192.0.2.0/24 decides nothing: on every listener a match that "
         "names it wins; remove it, or name a listener\n"},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
}

#define ON(listen, view) "server: {listen: [" listen "]}\nzones: []\nviews:\n  in: {" view "}\n"

static void test_private_prefix_on_a_public_listener(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {ON("192.0.2.1:53", "internal: true, match: [10.0.0.0/8, 192.168.0.0/16]"),
         "c.yaml:4:32: warning: 10.0.0.0/8 may arrive on listener 192.0.2.1:53, where a source "
         "address can be forged; name a private listener: {prefix: ..., listener: NAME}\n"},
        {ON("'[::]:53'", "internal: true, match: ['fd00::/8']"),
         "c.yaml:4:32: warning: fd00::/8 may arrive on listener [::]:53, where a source address "
         "can be forged; name a private listener: {prefix: ..., listener: NAME}\n"},
        {ON("{name: wan, address: '192.0.2.1:53'}",
            "internal: true, match: [{prefix: 10.0.0.0/8, listener: wan}]"),
         "c.yaml:4:32: warning: 10.0.0.0/8 may arrive on listener 192.0.2.1:53, where a source "
         "address can be forged; name a private listener: {prefix: ..., listener: NAME}\n"},
        {ON("0.0.0.0:53", "internal: true, default: true"),
         "c.yaml:4:3: warning: internal view 'in' is the default, and listener 0.0.0.0:53 may be "
         "public: anybody gets private addresses; make a view that is not internal the default\n"},
        /* No warning: */
        {ON("10.0.0.1:53", "internal: true, match: [10.0.0.0/8]"), ""},
        {ON("127.0.0.1:53", "internal: true, default: true"), ""},
        {ON("192.0.2.1:53", "match: [10.0.0.0/8]"), ""},
        {ON("192.0.2.1:53, {name: lan, address: '10.0.0.1:53'}",
            "internal: true, match: [{prefix: 10.0.0.0/8, listener: lan}]"),
         ""},
        {ON("{name: any, address: '0.0.0.0:53'}",
            "internal: true, match: [{prefix: 10.0.0.0/8, listener: any}]"),
         ""},
        {ON("192.0.2.1:53", "internal: true, match: [127.0.1.0/24]"), ""},
        {ON("192.0.2.1:53", "internal: true, match: [198.51.100.0/24]"), ""},
        {"server: {listen: [192.0.2.1:53]}\nzones: []\n", ""},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
}

static void test_sixty_four_views(void **state)
{
    (void)state;
    char text[8192];
    int len = snprintf(text, sizeof(text), SERVER "views:\n");
    for (int i = 0; i < 64; i++) {
        len += snprintf(text + len, sizeof(text) - (size_t)len, "  v%d: {match: [192.0.2.%d]}\n", i,
                        i);
    }
    int views_end = len;
    snprintf(text + len, sizeof(text) - (size_t)len,
             "zones: [{zone: a.test, file: f, only: [v63, v0]}]\n");
    struct config *config = parse_good(text);
    assert_int_equal(config->desired.view_count, 64);
    assert_true(config->desired.zones[0].only == (UINT64_C(1) << 63 | 1));
    config_free(config);
    snprintf(text + views_end, sizeof(text) - (size_t)views_end,
             "  v64: {default: true}\nzones: [{zone: a.test, file: f, only: [v64]}]\n");
    expect_findings(text, "c.yaml:3:3: error: views has 65 views; 1 to 64 are possible; leave the "
                          "key out for one view that holds everybody\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views_are_taken),
        cmocka_unit_test(test_without_views_everybody_is_internal),
        cmocka_unit_test(test_view_findings),
        cmocka_unit_test(test_match_findings),
        cmocka_unit_test(test_equal_prefixes),
        cmocka_unit_test(test_longest_prefix_is_no_fault),
        cmocka_unit_test(test_hidden_prefixes),
        cmocka_unit_test(test_private_prefix_on_a_public_listener),
        cmocka_unit_test(test_sixty_four_views),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
