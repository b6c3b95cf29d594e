/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Recovery times from configuration alone, against known answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "failover/plan.h"

static const struct plan_world WORLD = {.publish_ms = 50, .caches = 100};

static struct check check_of(enum check_kind kind, const char *name, uint32_t interval_ms,
                             uint16_t fall, uint32_t timeout_ms)
{
    struct check check;
    check_default(&check, kind);
    check.name = name;
    check.interval_ms = interval_ms;
    check.fall = fall;
    check.timeout_ms = timeout_ms;
    return check;
}

static void test_checks(void **state)
{
    (void)state;
    static const struct {
        enum check_kind kind;
        uint32_t interval_ms;
        uint16_t fall;
        uint32_t timeout_ms, mean, worst, killed;
    } rows[] = {
        {CHECK_TCP, 10000, 3, 2000, 27000, 32000, 30000},  /* between 22 and 32 */
        {CHECK_HTTP, 5000, 3, 2000, 14500, 17000, 15000},  /* what is usual here */
        {CHECK_HTTP, 30000, 3, 4000, 79000, 94000, 90000}, /* what is usual elsewhere */
        {CHECK_HTTP, 300, 3, 250, 1000, 1150, 900},
        {CHECK_COMMAND, 1000, 1, 500, 1000, 1500, 1500},
        {CHECK_TTL, 15000, 1, 2000, 15000, 15000, 15000},
        {CHECK_HELD, 5000, 3, 2000, PLAN_NEVER, PLAN_NEVER, 0},
        {CHECK_ALIAS, 5000, 3, 2000, PLAN_NEVER, PLAN_NEVER, PLAN_NEVER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct check check =
            check_of(rows[i].kind, "c", rows[i].interval_ms, rows[i].fall, rows[i].timeout_ms);
        assert_int_equal(plan_check_silent(&check).mean_ms, rows[i].mean);
        assert_int_equal(plan_check_silent(&check).worst_ms, rows[i].worst);
        assert_int_equal(plan_check_killed(&check).worst_ms, rows[i].killed);
    }
}

static void service_of(struct service *service, struct check *checks, unsigned count)
{
    service_default(service);
    service->checks = checks;
    service->check_count = (uint16_t)count;
}

static void test_the_fastest_check_decides(void **state)
{
    struct check checks[] = {check_of(CHECK_HELD, "held", 5000, 3, 2000),
                             check_of(CHECK_TCP, "tcp", 10000, 3, 2000),
                             check_of(CHECK_HTTP, "http", 1000, 2, 500)};
    struct service service;
    struct plan plan;
    (void)state;
    service_of(&service, checks, 3);
    plan_make(&WORLD, &service, NULL, 0, &plan);
    assert_int_equal(plan.silent.worst_ms, 2500);
    assert_int_equal(plan.killed.worst_ms, 0); /* the held connection */
    assert_ptr_equal(plan.check, &checks[2]);
    assert_int_equal(plan.compliant_ms, 7000); /* TTL 5, the way, whole seconds */
    assert_int_equal(plan.worst_ms, 2500 + 50 + 7000);
    assert_int_equal(plan.expected_ms, 2000 + 50 + 2500);
    assert_int_equal(plan.dominant, PLAN_TTL);
    assert_int_equal(plan.queries_per_ks, 20000);
}

static void test_calculated_checks_wait_for_the_others(void **state)
{
    struct check checks[] = {
        check_of(CHECK_TCP, "a", 1000, 1, 100), check_of(CHECK_TCP, "b", 2000, 1, 100),
        check_of(CHECK_TCP, "c", 3000, 1, 100), check_of(CHECK_CALCULATED, "two", 0, 0, 0)};
    struct service service;
    struct plan plan;
    (void)state;
    service_of(&service, checks, 4);
    checks[3].need = 3; /* the first failure is one too many */
    plan_make(&WORLD, &service, NULL, 0, &plan);
    assert_int_equal(plan.silent.worst_ms, 1100);
    checks[3].need = 1; /* all three must fail */
    plan_make(&WORLD, &service, NULL, 0, &plan);
    assert_int_equal(plan.silent.worst_ms, 3100);
    checks[2] = check_of(CHECK_HELD, "c", 1000, 1, 100); /* which never sees it */
    plan_make(&WORLD, &service, NULL, 0, &plan);
    assert_int_equal(plan.silent.worst_ms, PLAN_NEVER);
    assert_null(plan.check);
}

static void test_the_slowest_instance_of_the_site_decides(void **state)
{
    static const char *sites[] = {"dc1", "dc2"};
    struct check common = check_of(CHECK_HTTP, "http", 1000, 3, 500);
    struct check slow = check_of(CHECK_HTTP, "http", 10000, 3, 500);
    struct check gate = check_of(CHECK_TCP, "gate", 300, 3, 200);
    struct desired_site site = {.name = "dc1", .checks = &gate, .check_count = 1};
    struct instance one, two, other;
    const struct instance *all[] = {&one, &two, &other};
    struct plan_world world = WORLD;
    struct service service;
    struct plan plan;
    (void)state;
    instance_default(&one);
    one.site = "dc1";
    two = other = one;
    two.checks = &slow; /* in the place of the service's */
    two.check_count = 1;
    other.site = "dc2";
    service_of(&service, &common, 1);
    service.sites = sites;
    service.site_count = 2;
    plan_make(&world, &service, all, 3, &plan);
    assert_int_equal(plan.silent.worst_ms, 30500);
    assert_false(plan.by_site);
    plan_make(&world, &service, all, 1, &plan);
    assert_int_equal(plan.silent.worst_ms, 3500);
    world.sites = &site;
    world.site_count = 1;
    plan_make(&world, &service, all, 3, &plan); /* the site's own check is faster than any */
    assert_int_equal(plan.silent.worst_ms, 1100);
    assert_true(plan.by_site);
}

static void test_budgets(void **state)
{
    struct check check = check_of(CHECK_HTTP, "http", 5000, 3, 2000);
    struct service service;
    struct plan plan;
    (void)state;
    service_of(&service, &check, 1);
    service.ttl_s = 60;
    plan_make(&WORLD, &service, NULL, 0, &plan);
    assert_true(plan.met && plan.budget_ms == 0);
    assert_int_equal(plan.worst_ms, 17000 + 50 + 62000);
    service.budget_ms = 79050;
    plan_make(&WORLD, &service, NULL, 0, &plan);
    assert_true(plan.met);
    service.budget_ms = 70000;
    plan_make(&WORLD, &service, NULL, 0, &plan);
    assert_false(plan.met);
    assert_int_equal(plan.dominant, PLAN_TTL);
    assert_int_equal(plan.ttl_allowed_s, 50);         /* 70 - 17.05 - 2 */
    assert_int_equal(plan.interval_allowed_ms, 1983); /* (70 - 62.05 - 2) / 3 */
    service.ttl_s = plan.ttl_allowed_s;
    plan_make(&WORLD, &service, NULL, 0, &plan);
    assert_true(plan.met);
    service.ttl_s = 60;
    check.interval_ms = 1983;
    plan_make(&WORLD, &service, NULL, 0, &plan);
    assert_true(plan.met);
    service.budget_ms = 4000; /* nothing alone is enough */
    plan_make(&WORLD, &service, NULL, 0, &plan);
    assert_false(plan.met);
    assert_true(plan.ttl_allowed_s == 0 && plan.interval_allowed_ms == 0);
    check.kind = CHECK_HELD;
    plan_make(&WORLD, &service, NULL, 0, &plan);
    assert_false(plan.met);
    assert_int_equal(plan.dominant, PLAN_UNSEEN);
}

static void test_caches_that_do_more(void **state)
{
    struct check check = check_of(CHECK_HTTP, "http", 5000, 3, 2000);
    struct plan_world world = WORLD;
    struct service service;
    struct plan plan;
    (void)state;
    world.minimum_ttl_s = 60;
    world.beyond_s = 90;
    service_of(&service, &check, 1);
    plan_make(&world, &service, NULL, 0, &plan);
    assert_int_equal(plan.pessimistic_ms, (60 + 2 + 90) * 1000);
    assert_int_equal(plan.longest_ms, 17050 + 152000);
    service.ttl_s = 300;
    plan_make(&world, &service, NULL, 0, &plan);
    assert_int_equal(plan.pessimistic_ms, (300 + 2 + 90) * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_the_fastest_check_decides),
        cmocka_unit_test(test_calculated_checks_wait_for_the_others),
        cmocka_unit_test(test_the_slowest_instance_of_the_site_decides),
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_caches_that_do_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
