/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Each allocation of a parse fails in turn: out of memory is said, nothing is half made, nothing
 * leaks. (What libyaml itself allocates comes from the C library and is not counted here.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "parsing.h"
#include "unit/failing.h"

#include <stdio.h>
#include <string.h>

static const char GOOD[] =
    "server:\n"
    "  listen: ['127.0.0.1:53', {name: lan, address: '[::1]:53'}]\n"
    "  nsid: 0x0102\n"
    "  tcp: {idle: 3s}\n" VIEWS "zones:\n"
    "  - zone: example.com\n"
    "    file: dir/f\n"
    "    only: [in, out]\n"
    "    subtrees: [{name: corp, only: in}]\n"
    "    overlays:\n"
    "      - view: in\n"
    "        reason: why\n"
    "        replace: {api: 60 A 10.0.1.50, www: [A 10.0.1.51, 'AAAA fd00::51']}\n"
    "        remove: [beta]\n"
    "leak-guard: {exceptions: [{name: x.example.com, views: out, prefix: 10.0.0.0/8,\n"
    "  reason: r}]}\n";

static const char BAD[] = "server: {lisen: [127.0.0.1], workers: x}\n"
                          "views: {a: {match: [10.0.0.1/8]}, a: 3}\n"
                          "zones: [{zone: a.test, only: b, overlays: [{add: {x: 1.2.3.4}}]}]\n";

/* Makes text that needs more than one block of the arenas, so that later allocations fail too. */
static char *text_long(const char *text)
{
    size_t len = strlen(text), lines = 400;
    char *out = malloc(len + lines * 64 + 1);
    assert_non_null(out);
    memcpy(out, text, len);
    for (size_t i = 0; i < lines; i++) {
        len += (size_t)snprintf(out + len, 64, "key-%zu: {a: [b, c, d], e: f}\n", i);
    }
    return out;
}

/* Returns how many allocations there were. */
static size_t each_allocation(const char *text, int expected)
{
    for (size_t n = 1;; n++) {
        struct failing failing, others;
        struct diag_list diags;
        struct config *config = NULL;
        failing_init(&failing, n);
        failing_init(&others, SIZE_MAX);
        diag_init(&diags, &others.alloc);
        int err = config_parse(&failing.alloc, "dir/c.yaml", text, strlen(text), &diags, &config);
        if (failing.failed) {
            assert_true(err == ERR_NOMEM || (err == ERR_INVALID && expected == ERR_INVALID));
            assert_null(config);
        } else {
            assert_int_equal(err, expected);
        }
        config_free(config);
        diag_deinit(&diags);
        assert_int_equal(failing.alive, 0);
        assert_int_equal(others.alive, 0);
        if (!failing.failed) {
            return n - 1;
        }
    }
}

static void test_good_text(void **state)
{
    (void)state;
    assert_true(each_allocation(GOOD, ERR_OK) >= 5);
}

static void test_bad_text(void **state)
{
    (void)state;
    assert_true(each_allocation(BAD, ERR_INVALID) >= 5);
}

static void test_long_text(void **state)
{
    (void)state;
    char *text = text_long(GOOD);
    assert_true(each_allocation(text, ERR_INVALID) >= 20);
    free(text);
}

static void test_findings_without_memory_are_counted(void **state)
{
    (void)state;
    struct failing failing;
    struct diag_list diags;
    struct config *config = NULL;
    failing_init(&failing, 1);
    diag_init(&diags, &failing.alloc);
    assert_int_equal(config_parse(&ALLOC_MALLOC, "c.yaml", BAD, strlen(BAD), &diags, &config),
                     ERR_INVALID);
    assert_null(diags.first);
    assert_true(diags.errors >= 5 && diags.lost >= 5);
    diag_deinit(&diags);
}

static void test_flags(void **state)
{
    (void)state;
    static const char *const listens[] = {"127.0.0.1:53"};
    static const char *const zones[] = {"a.test=f", "b.test=g"};
    size_t n = 1;
    for (bool done = false; !done; n++) {
        struct failing failing;
        struct diag_list diags;
        struct config *config = NULL;
        failing_init(&failing, n);
        diag_init(&diags, &failing.alloc);
        int err = config_from_flags(&failing.alloc, listens, 1, zones, 2, &diags, &config);
        done = !failing.failed;
        assert_int_equal(err, done ? ERR_OK : ERR_NOMEM);
        config_free(config);
        diag_deinit(&diags);
        assert_int_equal(failing.alive, 0);
    }
    assert_true(n > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_text),
        cmocka_unit_test(test_bad_text),
        cmocka_unit_test(test_long_text),
        cmocka_unit_test(test_findings_without_memory_are_counted),
        cmocka_unit_test(test_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
