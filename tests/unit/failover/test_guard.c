/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The reload guard at its edges: what passes, what waits for a person, and what the person is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "failover/guard.h"

static void test_edges(void **state)
{
    (void)state;
    static const struct {
        uint64_t before, removed;
        uint32_t ns_before, ns_kept;
        bool only_apex;
        uint32_t percent, names;
        const char *reason; /* NULL: passes */
    } rows[] = {
        /* More than 5 % and more than 10: both. */
        {1000, 50, 2, 2, false, 5, 10, NULL},
        {1000, 51, 2, 2, false, 5, 10, "removes 51 of 1000 names"},
        {20, 10, 2, 2, false, 5, 10, NULL},
        {20, 11, 2, 2, false, 5, 10, "removes 11 of 20 names"},
        {1000000, 11, 2, 2, false, 5, 10, NULL},
        {220, 11, 2, 2, false, 5, 10, NULL},
        {219, 11, 2, 2, false, 5, 10, "removes 11 of 219 names"},
        {0, 0, 0, 0, false, 5, 10, NULL},
        /* Other limits. */
        {1000, 51, 2, 2, false, 10, 10, NULL},
        {1000, 51, 2, 2, false, 5, 100, NULL},
        {1000, 1, 2, 2, false, 0, 0, "removes 1 of 1000 names"},
        {1000, 1000, 2, 2, false, 100, 0, NULL},
        {UINT64_C(1) << 40, UINT64_C(1) << 39, 1, 1, false, 5, 10,
         "removes 549755813888 of 1099511627776 names"},
        /* The apex. */
        {1000, 0, 2, 1, false, 5, 10, NULL},
        {1000, 0, 2, 0, false, 5, 10, "replaces every NS of the apex"},
        {1000, 0, 0, 0, false, 5, 10, NULL},
        {3, 2, 2, 2, true, 5, 10, "leaves only SOA and NS of 3 names"},
        {1, 0, 2, 2, true, 5, 10, NULL}, /* there was never more */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct guard_reload reload = {
            .names_before = rows[i].before,
            .names_removed = rows[i].removed,
            .ns_before = rows[i].ns_before,
            .ns_kept = rows[i].ns_kept,
            .only_apex = rows[i].only_apex,
            .limit_percent = rows[i].percent,
            .limit_names = rows[i].names,
        };
        char reason[128] = "";
        bool held = guard_reload_holds(&reload, reason, sizeof(reason));
        assert_int_equal(held, rows[i].reason != NULL);
        assert_string_equal(reason, rows[i].reason ? rows[i].reason : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
