/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sites that fail, are declared down, fail their own checks, and come back: when the answers move,
 * and that they move back no sooner than they may.
 *
 * links: config
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/control/service_scene.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

static const char *TWO[] = {"dc1", "dc2"};

/* Two sites with two instances each: 1 and 2 in dc1, 3 and 4 in dc2. */
static void sites_init(struct scene *scene, struct service *service)
{
    scene_init(scene);
    service_default(service);
    service->sites = TWO;
    service->site_count = 2;
    service->flap_half_life_ms = 0;
    scene_policy(scene, service, "web.example.com");
    for (unsigned i = 1; i <= 4; i++) {
        scene_put_site(scene, i, i <= 2 ? "dc1" : "dc2");
    }
}

static void site_says(struct scene *scene, unsigned first, enum outcome_kind outcome)
{
    char text[32];
    for (unsigned i = first; i < first + 2; i++) {
        snprintf(text, sizeof(text), "192.0.2.%u", i);
        scene_says(scene, text, outcome);
    }
}

static void override_put(struct scene *scene, const char *site, enum override_action action,
                         int64_t for_ms)
{
    struct refusal refusal;
    struct wall now = scene_wall(scene);
    struct override override = {.name = "*",
                                .instance = "*",
                                .site = site,
                                .action = action,
                                .reason = "a test",
                                .owner = "x",
                                .set_at = now,
                                .expires_at = {now.ns + for_ms * 1000000}};
    assert_int_equal(registry_put_override(scene->registry, &override, &refusal), ERR_OK);
    scene_commit(scene);
}

#define DC1 "192.0.2.1 192.0.2.2"
#define DC2 "192.0.2.3 192.0.2.4"
#define BOTH DC1 " " DC2

static void expect(struct scene *scene, const char *addresses)
{
    char answer[128];
    snprintf(answer, sizeof(answer), "NOERROR %s", addresses);
    scene_expect(scene, IN, "web.example.com A", answer);
}

static void test_a_failed_site_comes_back_after_its_hold(void **state)
{
    struct scene scene;
    struct service service;
    (void)state;
    sites_init(&scene, &service);
    expect(&scene, DC1);
    site_says(&scene, 1, OUTCOME_FAIL);
    expect(&scene, DC2);
    assert_int_equal(scene.failed_over, 1);
    site_says(&scene, 1, OUTCOME_PASS);
    expect(&scene, DC2); /* it waits */
    scene_pass_time(&scene, 59000);
    expect(&scene, DC2);
    scene_pass_time(&scene, 2000);
    expect(&scene, DC1);
    assert_int_equal(scene.failed_over, 0);
    /* Again within the hour: twice as long. */
    site_says(&scene, 1, OUTCOME_FAIL);
    site_says(&scene, 1, OUTCOME_PASS);
    scene_pass_time(&scene, 119000);
    expect(&scene, DC2);
    scene_pass_time(&scene, 2000);
    expect(&scene, DC1);
    /* While it waits the other one fails: what waits is better than what is down. */
    site_says(&scene, 1, OUTCOME_FAIL);
    site_says(&scene, 1, OUTCOME_PASS);
    site_says(&scene, 3, OUTCOME_FAIL);
    expect(&scene, DC1);
    assert_true(scene.failed_over > 0);
    scene_drop(&scene, "web.example.com", NULL); /* with it goes what is recorded */
    assert_int_equal(scene.failed_over, 0);
    scene_deinit(&scene);
}

static void test_a_hold_is_no_shorter_than_the_ttl(void **state)
{
    struct scene scene;
    struct service service;
    (void)state;
    sites_init(&scene, &service);
    service.failback_ms = 0;
    service.ttl_s = 30;
    scene_policy(&scene, &service, "web.example.com");
    site_says(&scene, 1, OUTCOME_FAIL);
    service.ttl_s = 5; /* what was told with 30 is held all the same */
    scene_policy(&scene, &service, "web.example.com");
    site_says(&scene, 1, OUTCOME_PASS);
    scene_pass_time(&scene, 30000);
    expect(&scene, DC2);
    scene_pass_time(&scene, 2000);
    expect(&scene, DC1);
    scene_deinit(&scene);
}

static void test_a_manual_failback_waits_for_a_person(void **state)
{
    struct scene scene;
    struct service service;
    struct site_status status[2];
    (void)state;
    sites_init(&scene, &service);
    service.failback_manual = true;
    scene_policy(&scene, &service, "web.example.com");
    struct service_entry *entry = registry_service(scene.registry, scene_name("web.example.com"));
    assert_false(services_failback(scene.services, entry, NULL, scene_now(&scene)));
    site_says(&scene, 1, OUTCOME_FAIL);
    assert_int_equal(services_sites(entry, status, 2), 1);
    assert_true(status[0].down && !status[0].waits);
    site_says(&scene, 1, OUTCOME_PASS);
    scene_pass_time(&scene, 86400000);
    expect(&scene, DC2);
    assert_int_equal(services_sites(entry, status, 2), 1);
    assert_true(!status[0].down && status[0].waits && status[0].back_at.ns == 0);
    assert_false(services_failback(scene.services, entry, "dc2", scene_now(&scene)));
    assert_true(services_failback(scene.services, entry, "dc1", scene_now(&scene)));
    scene_flush(&scene);
    expect(&scene, DC1);
    scene_deinit(&scene);
}

static void test_a_restart_goes_on_waiting(void **state)
{
    struct scene scene;
    struct service service;
    (void)state;
    sites_init(&scene, &service);
    services_restore_failover(scene.services, scene_name("web.example.com"), "dc1",
                              scene_now(&scene));
    scene_flush(&scene);
    expect(&scene, DC2);
    scene_pass_time(&scene, 61000);
    expect(&scene, DC1);
    scene_deinit(&scene);
}

static void test_a_site_is_declared_down_and_restored(void **state)
{
    struct scene scene;
    struct service service;
    (void)state;
    sites_init(&scene, &service);
    scene_put_good(&scene, "only.example.com", "a", "192.0.2.9", NULL);
    override_put(&scene, "dc1", OVERRIDE_DOWN, 3600000);
    expect(&scene, DC2);
    scene_expect(&scene, IN, "only.example.com A", "NOERROR 192.0.2.9");
    override_put(&scene, "dc2", OVERRIDE_DRAIN, 1800000); /* nothing is left elsewhere */
    expect(&scene, DC1);
    scene_pass_time(&scene, 1800000 + 1000);
    expect(&scene, DC2); /* its end: dc2 waits, and is better than dc1 */
    scene_pass_time(&scene, 1800000 + 1000);
    scene_pass_time(&scene, 3600000);
    expect(&scene, DC1);
    override_put(&scene, "dc1", OVERRIDE_DOWN, 3600000);
    expect(&scene, DC2);
    override_put(&scene, "dc1", OVERRIDE_UP, 3600000); /* an operator's word does not wait */
    expect(&scene, DC1);
    scene_deinit(&scene);
}

static void test_all_sites_are_active(void **state)
{
    struct scene scene;
    struct service service;
    (void)state;
    sites_init(&scene, &service);
    service.active = true;
    service.slow_start_ms = 10000;
    scene_policy(&scene, &service, "web.example.com");
    expect(&scene, BOTH);
    scene_says(&scene, "192.0.2.1", OUTCOME_FAIL);
    expect(&scene, "192.0.2.2 " DC2); /* half of its weight works */
    scene_says(&scene, "192.0.2.2", OUTCOME_FAIL);
    expect(&scene, DC2);
    site_says(&scene, 1, OUTCOME_PASS);
    expect(&scene, DC2);
    scene_pass_time(&scene, 61000);
    expect(&scene, BOTH);
    /* Taken back it begins with a part of its weight. */
    const struct instance_entry *one =
        registry_instance(scene.registry, scene_name("web.example.com"), "i1");
    struct instance_status status;
    instance_status(scene.services, one, scene_now(&scene), &status);
    assert_in_range(status.ramp, 100, 300);
    scene_pass_time(&scene, 10000);
    instance_status(scene.services, one, scene_now(&scene), &status);
    assert_int_equal(status.ramp, 1000);
    scene_deinit(&scene);
}

static struct instance apart(const char *id, const char *site, struct service_address *addresses)
{
    struct instance instance;
    instance_default(&instance);
    instance.service = scene_name("api.example.com");
    instance.id = id;
    instance.owner = "x";
    instance.site = site;
    instance.addresses = addresses;
    instance.address_count = 1;
    return instance;
}

/* In `in`, dc1 has an instance that `out` does not see, and the other way round. */
static void put_apart(struct scene *scene, const char *id, const char *site, const char *text,
                      const char *view)
{
    struct check check = scene_tcp();
    struct service_address address = {.view = view};
    struct refusal refusal;
    struct instance instance = apart(id, site, &address);
    address_from_text(text, &address.address);
    instance.checks = &check;
    instance.check_count = 1;
    assert_int_equal(
        registry_put_instance(scene->registry, &instance, REVISION_ANY, NULL, &refusal), ERR_OK);
    scene_commit(scene);
    scene_says(scene, text, OUTCOME_PASS);
}

static void test_views_fail_over_apart_or_together(void **state)
{
    struct scene scene;
    struct service service;
    (void)state;
    sites_init(&scene, &service);
    scene_policy(&scene, &service, "api.example.com");
    put_apart(&scene, "a", "dc1", "192.0.2.11", "in");
    put_apart(&scene, "b", "dc1", "192.0.2.12", "out");
    put_apart(&scene, "c", "dc2", "192.0.2.13", "in");
    put_apart(&scene, "d", "dc2", "192.0.2.14", "out");
    scene_says(&scene, "192.0.2.11", OUTCOME_FAIL);
    scene_expect(&scene, IN, "api.example.com A", "NOERROR 192.0.2.13");
    scene_expect(&scene, OUT, "api.example.com A", "NOERROR 192.0.2.12");
    service.sites_together = true;
    scene_policy(&scene, &service, "api.example.com");
    scene_expect(&scene, IN, "api.example.com A", "NOERROR 192.0.2.13");
    scene_expect(&scene, OUT, "api.example.com A", "NOERROR 192.0.2.14");
    scene_says(&scene, "192.0.2.11", OUTCOME_PASS);
    scene_pass_time(&scene, 61000);
    scene_expect(&scene, IN, "api.example.com A", "NOERROR 192.0.2.11");
    scene_expect(&scene, OUT, "api.example.com A", "NOERROR 192.0.2.12");
    scene_deinit(&scene);
}

static void test_a_site_has_checks_of_its_own(void **state)
{
    struct scene scene;
    struct service service;
    struct check checks[2];
    (void)state;
    sites_init(&scene, &service);
    checks[0] = checks[1] = scene_tcp();
    checks[0].name = "gate";
    checks[1].name = "power";
    checks[0].target = "198.51.100.1";
    checks[1].target = "198.51.100.2";
    checks[0].port = checks[1].port = 80;
    struct desired_site site = {.name = "dc1", .checks = checks, .check_count = 2, .need = 1};
    assert_int_equal(services_sites_set(scene.services, &site, 1, scene_now(&scene)), ERR_OK);
    scene_says(&scene, "198.51.100.1", OUTCOME_FAIL);
    expect(&scene, DC1); /* one of two is enough */
    scene_says(&scene, "198.51.100.2", OUTCOME_FAIL);
    expect(&scene, DC2);
    assert_int_equal(scene.sites_failed, 1);
    /* The same again: what they said goes on counting. */
    assert_int_equal(services_sites_set(scene.services, &site, 1, scene_now(&scene)), ERR_OK);
    scene_flush(&scene);
    expect(&scene, DC2);
    scene_says(&scene, "198.51.100.2", OUTCOME_PASS);
    scene_pass_time(&scene, 61000);
    expect(&scene, DC1);
    assert_int_equal(scene.sites_failed, 0);
    scene_says(&scene, "198.51.100.1", OUTCOME_FAIL);
    scene_says(&scene, "198.51.100.2", OUTCOME_FAIL);
    expect(&scene, DC2);
    assert_int_equal(services_sites_set(scene.services, NULL, 0, scene_now(&scene)), ERR_OK);
    scene_flush(&scene);
    scene_pass_time(&scene, 300000);
    expect(&scene, DC1);
    scene_deinit(&scene);
}

static void test_a_new_service_waits_for_nothing(void **state)
{
    struct scene scene;
    struct service service;
    (void)state;
    scene_init(&scene);
    service_default(&service);
    service.sites = TWO;
    service.site_count = 2;
    scene_policy(&scene, &service, "web.example.com");
    scene_put_site(&scene, 3, "dc2");
    expect(&scene, "192.0.2.3");
    scene_put_site(&scene, 1, "dc1"); /* unknown first, then passing */
    expect(&scene, "192.0.2.1");
    assert_int_equal(scene.failed_over, 0);
    scene_says(&scene, "192.0.2.1", OUTCOME_FAIL);
    scene_drop(&scene, "web.example.com", "i1");
    scene_put_site(&scene, 1, "dc1"); /* another one: it failed nobody */
    expect(&scene, "192.0.2.1");
    service.site_count = 1; /* no choice of sites any more */
    scene_policy(&scene, &service, "web.example.com");
    expect(&scene, "192.0.2.1");
    assert_int_equal(scene.failed_over, 0);
    scene_deinit(&scene);
}

/* `count` services, each with an instance in its first site and one in the other. */
static void many_init(struct scene *scene, unsigned count, unsigned of_dc1)
{
    static const char *other[] = {"dc2", "dc1"};
    struct service service;
    char name[64], id[8];
    scene_init(scene);
    for (unsigned i = 0; i < count; i++) {
        service_default(&service);
        service.sites = i < of_dc1 ? TWO : other;
        service.site_count = 2;
        service.flap_half_life_ms = 0;
        snprintf(name, sizeof(name), "s%u.example.com", i);
        scene_policy(scene, &service, name);
        for (unsigned k = 1; k <= 2; k++) {
            struct service_address address = {.view = NULL};
            struct check check = scene_tcp();
            struct refusal refusal;
            struct instance instance = apart(NULL, k == 1 ? "dc1" : "dc2", &address);
            snprintf(id, sizeof(id), "i%u", k);
            instance.id = id;
            instance.service = scene_name(name);
            check.port = 80;
            address_from_text(k == 1 ? "192.0.2.11" : "192.0.2.12", &address.address);
            instance.checks = &check;
            instance.check_count = 1;
            assert_int_equal(
                registry_put_instance(scene->registry, &instance, REVISION_ANY, NULL, &refusal),
                ERR_OK);
            scene_commit(scene);
        }
    }
    scene_says(scene, "192.0.2.11", OUTCOME_PASS);
    scene_says(scene, "192.0.2.12", OUTCOME_PASS);
}

static unsigned answered_by(struct scene *scene, unsigned count, enum choice_kind kind,
                            const char *site)
{
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++) {
        struct service_choice choice;
        char name[64];
        snprintf(name, sizeof(name), "s%u.example.com", i);
        const struct service_entry *entry = registry_service(scene->registry, scene_name(name));
        assert_int_equal(service_choice(scene->services, entry, 0, VIEW_NONE, &choice), ERR_OK);
        found += choice.choice.kind == kind && strcmp(choice.choice.site, site) == 0;
        service_choice_drop(scene->services, &choice);
    }
    return found;
}

/* 40 services prefer dc1, 40 prefer dc2; both sites fail, one after the other. */
static void test_a_second_site_waits_for_a_person(void **state)
{
    struct scene scene;
    struct brake_policy brake = brake_policy_default();
    struct site_status status[2];
    (void)state;
    many_init(&scene, 80, 40);
    brake.share_percent = 100; /* not the storm brake's business here */
    services_brake_set(scene.services, &brake, NULL, 0, scene_now(&scene));
    assert_int_equal(answered_by(&scene, 80, CHOICE_WORKING, "dc1"), 40);
    scene_says(&scene, "192.0.2.11", OUTCOME_FAIL); /* one site: one unit, however many names */
    assert_int_equal(answered_by(&scene, 80, CHOICE_WORKING, "dc2"), 80);
    assert_int_equal(scene.alarms, 0);
    scene_pass_time(&scene, 60000);
    scene_says(&scene, "192.0.2.11", OUTCOME_PASS);
    scene_pass_time(&scene, 120000); /* dc1 works again */
    assert_int_equal(answered_by(&scene, 80, CHOICE_WORKING, "dc1"), 40);
    scene_says(&scene, "192.0.2.12", OUTCOME_FAIL); /* within the window: a tenth may leave */
    unsigned moved = answered_by(&scene, 80, CHOICE_WORKING, "dc1") - 40;
    assert_in_range(moved, 1, 10);
    assert_int_equal(scene.alarms, 1);
    assert_int_equal(answered_by(&scene, 80, CHOICE_WORKING, "dc2"), 40 - moved);
    unsigned held = 0;
    for (unsigned i = 40; i < 80; i++) {
        char name[64];
        snprintf(name, sizeof(name), "s%u.example.com", i);
        const struct service_entry *entry = registry_service(scene.registry, scene_name(name));
        held += services_sites(entry, status, 2) == 1 && status[0].held;
    }
    assert_int_equal(held, 40 - moved);
    scene_pass_time(&scene, 3600000); /* no passage of time applies it; the alarm goes on */
    assert_int_equal(answered_by(&scene, 80, CHOICE_WORKING, "dc2"), 40 - moved);
    assert_true(scene.alarms > 3);
    services_accept(scene.services, NULL, "dc2", scene_now(&scene));
    scene_flush(&scene);
    assert_int_equal(answered_by(&scene, 80, CHOICE_WORKING, "dc1"), 80);
    unsigned alarms = scene.alarms;
    scene_pass_time(&scene, 3600000);
    assert_int_equal(scene.alarms, alarms);
    scene_deinit(&scene);
}

static void test_what_is_held_is_let_go_when_the_site_works(void **state)
{
    struct scene scene;
    struct brake_policy brake = brake_policy_default();
    (void)state;
    many_init(&scene, 80, 40);
    brake.share_percent = 100;
    services_brake_set(scene.services, &brake, NULL, 0, scene_now(&scene));
    scene_says(&scene, "192.0.2.11", OUTCOME_FAIL);
    scene_says(&scene, "192.0.2.11", OUTCOME_PASS);
    scene_pass_time(&scene, 61000);
    scene_says(&scene, "192.0.2.12", OUTCOME_FAIL);
    assert_true(scene.services->budgets.held >= 30);
    scene_says(&scene, "192.0.2.12", OUTCOME_PASS);
    assert_int_equal(scene.services->budgets.held, 0);
    scene_pass_time(&scene, 700000); /* a new window: a unit of its own */
    scene_says(&scene, "192.0.2.12", OUTCOME_FAIL);
    assert_int_equal(answered_by(&scene, 80, CHOICE_WORKING, "dc1"), 80);
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_failed_site_comes_back_after_its_hold),
        cmocka_unit_test(test_a_hold_is_no_shorter_than_the_ttl),
        cmocka_unit_test(test_a_manual_failback_waits_for_a_person),
        cmocka_unit_test(test_a_restart_goes_on_waiting),
        cmocka_unit_test(test_a_site_is_declared_down_and_restored),
        cmocka_unit_test(test_all_sites_are_active),
        cmocka_unit_test(test_views_fail_over_apart_or_together),
        cmocka_unit_test(test_a_site_has_checks_of_its_own),
        cmocka_unit_test(test_a_new_service_waits_for_nothing),
        cmocka_unit_test(test_a_second_site_waits_for_a_person),
        cmocka_unit_test(test_what_is_held_is_let_go_when_the_site_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
