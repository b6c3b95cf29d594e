/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a reload changes, as a list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "config/diff.h"
#include "parsing.h"
#include "unit/failing.h"

#include <stdio.h>
#include <string.h>

/* The changes from one text to the other, one a line; those that wait for a restart end with '!'.
 */
static void expect_changes(const char *before_text, const char *after_text, const char *expected)
{
    struct config *before = parse_good(before_text), *after = parse_good(after_text);
    struct config_diff diff;
    char found[2048] = "";
    unsigned count = 0;
    assert_int_equal(config_diff(&ALLOC_MALLOC, before, after, &diff), ERR_OK);
    for (const struct config_change *change = diff.first; change; change = change->next) {
        size_t len = strlen(found);
        snprintf(found + len, sizeof(found) - len, "%u %s%s\n", change->place.line, change->text,
                 change->restart ? "!" : "");
        count++;
    }
    assert_string_equal(found, expected);
    unsigned counted = 0;
    for (int subject = 0; subject < SUBJECT_COUNT; subject++) {
        counted += diff.counts[subject];
    }
    assert_int_equal(counted, count);
    config_diff_deinit(&diff);
    config_free(before);
    config_free(after);
}

static void test_equal_configurations(void **state)
{
    (void)state;
    static const char text[] =
        SERVER VIEWS "zones:\n  - {zone: a.test, file: f, only: in, subtrees: [{name: s, only: "
                     "in}],\n     overlays: [{view: in, reason: r, add: {x: A 10.0.0.1}}]}\n"
                     "leak-guard: {exceptions: [{name: x.a.test, views: out, prefix: 10.0.0.0/8, "
                     "reason: r}]}\n";
    expect_changes(text, text, "");
}

static void test_options(void **state)
{
    (void)state;
    expect_changes("server: {listen: [127.0.0.1:53], nsid: a, user: u}\nzones: []\n",
                   "server: {listen: [127.0.0.1:53], workers: 4, nsid: b, tcp: {idle: 3s}}\n"
                   "reload: {hold-removed-names: 3}\nzones: []\n",
                   "0 server.workers: 0 -> 4!\n"
                   "0 server.user: u -> none!\n"
                   "0 server.nsid: a -> b\n"
                   "0 server.tcp.idle: 10s -> 3s!\n"
                   "0 reload.hold-removed-names: 10 -> 3\n");
}

static void test_listeners(void **state)
{
    (void)state;
    expect_changes("server: {listen: ['127.0.0.1:53', '[::1]:53', '127.0.0.1:54']}\nzones: []\n",
                   "server:\n  listen:\n    - 127.0.0.1:55\n    - 127.0.0.1:53\n"
                   "    - {name: x, address: '127.0.0.1:54'}\nzones: []\n",
                   "0 listener [::1]:53 removed\n"
                   "3 listener 127.0.0.1:55 added\n"
                   "5 listener 127.0.0.1:54 changed: name\n");
}

static void test_views_are_compared_by_name(void **state)
{
    (void)state;
    static const char zones[] = "zones: [{zone: a.test, file: f, only: out}]\n";
    char before[512], after[512];
    snprintf(before, sizeof(before), "%s%s",
             SERVER "views:\n  gone: {match: [192.0.2.1]}\n  out: {default: true}\n", zones);
    snprintf(after, sizeof(after), "%s%s",
             SERVER "views:\n  new: {match: [192.0.2.1]}\n  more: {match: [192.0.2.2]}\n"
                    "  out: {default: true}\n",
             zones);
    expect_changes(before, after, "0 view gone removed\n3 view new added\n4 view more added\n");
    expect_changes(SERVER "zones: []\nviews:\n  a: {match: [192.0.2.1]}\n",
                   SERVER "zones: []\nviews:\n  a: {match: [192.0.2.2], default: true, internal: "
                          "true, client-subnet-from: [192.0.2.3]}\n",
                   "4 view a changed: internal default match client-subnet-from\n");
}

static void test_match_follows_its_listener(void **state)
{
    (void)state;
    static const char views[] =
        "zones: []\nviews: {a: {match: [{prefix: 192.0.2.1, listener: l}]}}\n";
    char before[512], after[512], moved[512];
    snprintf(before, sizeof(before), "%s%s",
             "server: {listen: [{name: l, address: '127.0.0.1:53'}, '127.0.0.1:54']}\n", views);
    snprintf(after, sizeof(after), "%s%s",
             "server: {listen: ['127.0.0.1:54', {name: l, address: '127.0.0.1:53'}]}\n", views);
    snprintf(moved, sizeof(moved), "%s%s",
             "server: {listen: [{name: l, address: '127.0.0.1:55'}, '127.0.0.1:54']}\n", views);
    expect_changes(before, after, "");
    expect_changes(before, moved,
                   "0 listener 127.0.0.1:53 removed\n"
                   "1 listener 127.0.0.1:55 added\n"
                   "3 view a changed: match\n");
}

static void test_zones(void **state)
{
    (void)state;
    expect_changes(SERVER VIEWS "zones:\n  - {zone: a.test, file: f}\n  - {zone: b.test, file: f}\n"
                                "  - {zone: c.test, file: f}\n",
                   SERVER VIEWS "zones:\n  - {zone: d.test, file: f}\n  - {zone: c.test, file: f}\n"
                                "  - zone: b.test\n    file: g\n    only: in\n"
                                "    subtrees: [{name: s, only: in}]\n"
                                "    overlays: [{view: in, remove: [x]}]\n",
                   "0 zone a.test. removed\n"
                   "8 zone b.test. changed: file only subtrees overlays\n"
                   "6 zone d.test. added\n");
}

static void test_overlay_changes(void **state)
{
    (void)state;
#define ONE(overlay) SERVER VIEWS "zones: [{zone: a.test, file: f, overlays: [{" overlay "}]}]\n"
    static const char *const texts[] = {
        ONE("view: in, add: {x: A 10.0.0.1}"),
        ONE("view: in, add: {x: A 10.0.0.2}"),
        ONE("view: in, add: {y: A 10.0.0.1}"),
        ONE("view: in, replace: {x: A 10.0.0.1}"),
        ONE("view: out, add: {x: A 10.0.0.1}"),
        ONE("view: in, add: {x: A 10.0.0.1}, reason: r"),
        ONE("view: in, add: {x: A 10.0.0.1}, file: f"),
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        expect_changes(texts[0], texts[i], i == 0 ? "" : "5 zone a.test. changed: overlays\n");
    }
}

static void test_exceptions(void **state)
{
    (void)state;
    static const char before[] = SERVER VIEWS "zones: [{zone: a.test, file: f}]\n";
    static const char after[] =
        SERVER VIEWS "zones: [{zone: a.test, file: f}]\nleak-guard: {exceptions: [{name: "
                     "x.a.test, views: out, prefix: 10.0.0.0/8, reason: r}]}\n";
    expect_changes(before, after, "0 leak-guard.exceptions changed\n");
}

static void test_restarts_are_warnings(void **state)
{
    (void)state;
    struct config *before = parse_good(SERVER "zones: []\n");
    struct config *after =
        parse_good("server: {listen: [127.0.0.1:53], workers: 2, nsid: x}\nzones: []\n");
    struct config_diff diff;
    struct diag_list diags;
    diag_init(&diags, &ALLOC_MALLOC);
    assert_int_equal(config_diff(&ALLOC_MALLOC, before, after, &diff), ERR_OK);
    assert_int_equal(diff.restarts, 1);
    config_diff_warn(&diff, &diags);
    char *found = findings_text(&diags);
    assert_string_equal(found,
                        "c.yaml: warning: server.workers: 0 -> 2; restart horizon to apply it\n");
    free(found);
    diag_deinit(&diags);
    config_diff_deinit(&diff);
    config_free(before);
    config_free(after);
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    struct config *before = parse_good(SERVER VIEWS "zones: [{zone: a.test, file: f}]\n");
    struct config *after = parse_good(SERVER "zones: [{zone: b.test, file: f}]\n");
    size_t n = 1;
    for (bool done = false; !done; n++) {
        struct failing failing;
        struct config_diff diff;
        failing_init(&failing, n);
        int err = config_diff(&failing.alloc, before, after, &diff);
        done = !failing.failed;
        assert_int_equal(err, done ? ERR_OK : ERR_NOMEM);
        config_diff_deinit(&diff);
        assert_int_equal(failing.alive, 0);
    }
    assert_true(n > 3);
    config_free(before);
    config_free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_configurations),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_listeners),
        cmocka_unit_test(test_views_are_compared_by_name),
        cmocka_unit_test(test_match_follows_its_listener),
        cmocka_unit_test(test_zones),
        cmocka_unit_test(test_overlay_changes),
        cmocka_unit_test(test_exceptions),
        cmocka_unit_test(test_restarts_are_warnings),
        cmocka_unit_test(test_each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
