/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A configuration from the flags of `serve` alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "dns/name.h"
#include "parsing.h"

#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void expect_flags(const char *listen, const char *zone, const char *expected)
{
    struct diag_list diags;
    struct config *config = NULL;
    diag_init(&diags, &ALLOC_MALLOC);
    int err = config_from_flags(&ALLOC_MALLOC, &listen, listen ? 1 : 0, &zone, zone ? 1 : 0, &diags,
                                &config);
    char *found = findings_text(&diags);
    assert_string_equal(found, expected);
    assert_int_equal(err, diags.errors ? ERR_INVALID : ERR_OK);
    free(found);
    config_free(config);
    diag_deinit(&diags);
}

static void test_flags_make_one_internal_view(void **state)
{
    (void)state;
    static const char *const listens[] = {"127.0.0.1:5300", "[::1]:5300"};
    static const char *const zones[] = {"Example.com=/z/a", "b.test.=rel=b"};
    struct diag_list diags;
    struct config *config = NULL;
    char name[NAME_TEXT_MAX];
    diag_init(&diags, &ALLOC_MALLOC);
    assert_int_equal(config_from_flags(&ALLOC_MALLOC, listens, COUNT(listens), zones, COUNT(zones),
                                       &diags, &config),
                     ERR_OK);
    assert_null(diags.first);
    assert_null(config->file);
    assert_int_equal(config->udp_payload, 1232);
    assert_int_equal(config->tcp_idle_ms, 10000);
    const struct desired *desired = &config->desired;
    assert_int_equal(desired->listener_count, 2);
    assert_int_equal(desired->listeners[1].port, 5300);
    assert_int_equal(desired->listeners[1].slot, 1);
    assert_int_equal(desired->view_count, 1);
    assert_true(desired->views[0].internal && desired->views[0].implicit &&
                desired->views[0].is_default);
    assert_int_equal(desired->zone_count, 2);
    assert_string_equal(name_to_text(desired->zones[0].origin, name), "example.com.");
    assert_string_equal(desired->zones[0].file, "/z/a");
    assert_true(desired->zones[0].only == VIEWS_ALL);
    assert_string_equal(desired->zones[1].file, "rel=b");
    config_free(config);
    diag_deinit(&diags);
}

static void test_flag_findings(void **state)
{
    (void)state;
    static const char *const listen = "127.0.0.1:53", *const zone = "a.test=f";
    expect_flags("1.2.3.4", zone,
                 "command line: error: --listen 1.2.3.4: port missing; write 1.2.3.4:53\n");
    expect_flags("53", zone,
                 "command line: error: --listen 53: address missing; write 127.0.0.1:53\n");
    expect_flags(NULL, zone,
                 "command line: error: --listen is there 0 times; 1 to 64 are possible; write "
                 "--listen 127.0.0.1:53\n");
    expect_flags(listen, NULL,
                 "command line: warning: no zones: every query is refused; add --zone "
                 "ORIGIN=FILE\n");
    expect_flags(listen, "a.test",
                 "command line: error: --zone a.test: file missing; write a.test=FILE\n");
    expect_flags(listen, "a.test=",
                 "command line: error: --zone a.test=: file missing; write a.test=FILE\n");
    expect_flags(listen, "=f",
                 "command line: error: --zone =f: zone name missing; write ORIGIN=FILE\n");
    expect_flags(listen, "a..b=f",
                 "command line: error: --zone a..b=f: 'a..b' is not a domain name; write "
                 "ORIGIN=FILE, such as example.com=FILE\n");
}

static void test_a_zone_given_twice(void **state)
{
    (void)state;
    static const char *const listens[] = {"127.0.0.1:5300"};
    static const char *const zones[] = {"a.test=f", "A.test=g"};
    struct diag_list diags;
    struct config *config = NULL;
    diag_init(&diags, &ALLOC_MALLOC);
    assert_int_equal(config_from_flags(&ALLOC_MALLOC, listens, 1, zones, 2, &diags, &config),
                     ERR_INVALID);
    char *found = findings_text(&diags);
    assert_string_equal(found, "command line: error: zone a.test. is there twice for the same "
                               "view; keep one file for each zone\n");
    free(found);
    diag_deinit(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags_make_one_internal_view),
        cmocka_unit_test(test_flag_findings),
        cmocka_unit_test(test_a_zone_given_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
