/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Registered services inside the one writer, in virtual time, with a prober that says what the test
 * wants: what each view is answered with, what a name is without its service, leases, overrides,
 * ramps, reloads underneath; and the slab audited after each.
 *
 * links: config
 */
#include "unit/control/service_scene.h"

#include "base/error.h"
#include "base/random.h"
#include "control/service_state.h"

#include <stdio.h>
#include <string.h>

static void test_each_view_gets_its_own(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene);
    scene_expect(&scene, OUT, "web.example.com A", "NXDOMAIN");
    scene_put_good(&scene, "web.example.com", "a", "10.0.0.1@in 10.0.0.1@in2 192.0.2.1@out", NULL);
    scene_put_good(&scene, "web.example.com", "b", "10.0.0.2@in 10.0.0.2@in2", NULL);
    scene_expect(&scene, IN, "web.example.com A", "NOERROR 10.0.0.1 10.0.0.2");
    scene_expect(&scene, "10.9.0.1", "web.example.com A", "NOERROR 10.0.0.1 10.0.0.2");
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1");
    scene_expect(&scene, IN, "b.web.example.com A", "NOERROR 10.0.0.2");
    scene_expect(&scene, OUT, "b.web.example.com A", "NXDOMAIN");
    scene_expect(&scene, OUT, "web.example.com MX", "NOERROR");
    scene_put_good(&scene, "inner.example.com", "a", "10.0.0.3@in 10.0.0.3@in2", NULL);
    scene_expect(&scene, IN, "inner.example.com A", "NOERROR 10.0.0.3");
    scene_expect(&scene, OUT, "inner.example.com A", "NXDOMAIN");
    scene_deinit(&scene);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *service, *addresses;
        int err;
        const char *reason;
    } rows[] = {
        {"web.example.com", "10.0.0.1", ERR_REFUSED, "leak guard: view out"},
        {"web.example.com", "10.0.0.1@out", ERR_REFUSED, "leak guard: view out"},
        {"web.example.com", "10.0.0.1@nowhere", ERR_INVALID, "there is no view 'nowhere'"},
        {"www.example.com", "192.0.2.1", ERR_REFUSED, "stands in the zone file"},
        {"example.com", "192.0.2.1", ERR_INVALID, "is a zone"},
        {"a.sub.example.com", "192.0.2.1", ERR_REFUSED, "is delegated away"},
        {"web.example.org", "192.0.2.1", ERR_INVALID, "no zone here holds"},
        {"web.example.com", "0.0.0.0", ERR_INVALID, "no address that can be reached"},
        {"web.example.com", "192.0.2.1 192.0.2.1", ERR_INVALID, "is there twice"},
        {"web.example.com", "169.254.1.1@in", ERR_INVALID, "link-local"},
    };
    struct scene scene;
    (void)state;
    scene_init(&scene);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct refusal refusal = {.reason = ""};
        int err = scene_put(&scene, rows[i].service, "a", rows[i].addresses, NULL, &refusal);
        if (err != rows[i].err || !strstr(refusal.reason, rows[i].reason)) {
            fail_msg("%s %s: %d %s", rows[i].service, rows[i].addresses, err, refusal.reason);
        }
    }
    struct refusal refusal;
    struct check check = scene_tcp();
    check.target = "127.0.0.1";
    assert_int_equal(scene_put(&scene, "web.example.com", "a", "192.0.2.1", &check, &refusal),
                     ERR_REFUSED);
    static const char *const metadata[] = {"100.100.100.200@in", "fd00:ec2::254@in"};
    check.target = NULL;
    for (size_t i = 0; i < sizeof(metadata) / sizeof(*metadata); i++) {
        assert_int_equal(scene_put(&scene, "web.example.com", "a", metadata[i], &check, &refusal),
                         ERR_REFUSED);
        assert_non_null(strstr(refusal.reason, "metadata service"));
    }
    check_default(&check, CHECK_COMMAND);
    check.text = "true";
    assert_int_equal(scene_put(&scene, "web.example.com", "a", "192.0.2.1", &check, &refusal),
                     ERR_REFUSED);
    assert_int_equal(registry_service_count(scene.registry), 0);
    scene_deinit(&scene);
}

static void test_names_below_a_service_are_its_own(void **state)
{
    struct scene scene;
    struct service service;
    static const char *tags[] = {"v2"};
    struct refusal refusal;
    (void)state;
    scene_init(&scene);
    service_default(&service);
    service.tags = tags;
    service.tag_count = 1;
    scene_policy(&scene, &service, "web.example.com");
    scene_put_good(&scene, "web.example.com", "a", "192.0.2.1", NULL);
    scene_put_good(&scene, "x.web.example.com", "a", "192.0.2.2", NULL); /* nobody's */
    assert_int_equal(scene_put(&scene, "a.web.example.com", "i", "192.0.2.3", NULL, &refusal),
                     ERR_REFUSED);
    assert_int_equal(scene_put(&scene, "v2.web.example.com", "i", "192.0.2.3", NULL, &refusal),
                     ERR_REFUSED);
    assert_int_equal(scene_put(&scene, "web.example.com", "x", "192.0.2.3", NULL, &refusal),
                     ERR_REFUSED);
    scene_expect(&scene, OUT, "x.web.example.com A", "NOERROR 192.0.2.2");
    scene_expect(&scene, OUT, "a.web.example.com A", "NOERROR 192.0.2.1");
    scene_deinit(&scene);
}

/* More than any reply can hold: what fits is answered, and nothing else suffers. */
static void test_a_service_of_thousands(void **state)
{
    struct scene scene;
    struct refusal refusal;
    (void)state;
    scene_init(&scene);
    registry_next(scene.registry);
    for (unsigned i = 0; i < 6000; i++) {
        const uint8_t bytes[4] = {198, 51, (uint8_t)(i >> 8), (uint8_t)i};
        struct service_address address = {.address = address_from_v4(bytes)};
        struct meta meta = {"note", "some words, so that TXT is long, too"};
        struct instance instance;
        char id[16];
        instance_default(&instance);
        snprintf(id, sizeof(id), "i%u", i);
        instance.service = scene_name("big.example.com");
        instance.id = id;
        instance.owner = "x";
        instance.meta = &meta;
        instance.meta_count = 1;
        instance.addresses = &address;
        instance.address_count = 1;
        assert_int_equal(
            registry_put_instance(scene.registry, &instance, REVISION_ANY, NULL, &refusal), ERR_OK);
    }
    scene_commit(&scene);
    assert_non_null(strstr(stage_ask(&scene.stage, OUT, "i5999.big.example.com A"), "198.51."));
    scene_put_good(&scene, "web.example.com", "a", "192.0.2.1", NULL);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1");
    scene_deinit(&scene);
}

static void test_health_decides(void **state)
{
    struct scene scene;
    struct check check = scene_tcp();
    (void)state;
    scene_init(&scene);
    scene_put_good(&scene, "web.example.com", "a", "192.0.2.1", &check);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR"); /* nobody has looked yet */
    scene_says(&scene, "192.0.2.1", OUTCOME_PASS);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1");
    scene_put_good(&scene, "web.example.com", "b", "192.0.2.2", &check);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1");
    scene_says(&scene, "192.0.2.2", OUTCOME_PASS);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2");
    scene_says(&scene, "192.0.2.1", OUTCOME_FAIL);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    scene_says(&scene, "192.0.2.2", OUTCOME_FAIL); /* never empty */
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2");
    scene_says(&scene, "192.0.2.1", OUTCOME_PASS);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1");
    /* An instance's own name is answered whatever its health. */
    scene_expect(&scene, OUT, "b.web.example.com A", "NOERROR 192.0.2.2");
    scene_deinit(&scene);
}

static void test_what_is_asked_twice_is_probed_once(void **state)
{
    struct scene scene;
    struct check check = scene_tcp();
    (void)state;
    scene_init(&scene);
    scene_put_good(&scene, "web.example.com", "a", "192.0.2.1", &check);
    scene_put_good(&scene, "api.example.com", "a", "192.0.2.1", &check);
    assert_int_equal(scene.running, 1);
    scene_says(&scene, "192.0.2.1", OUTCOME_PASS);
    scene_expect(&scene, OUT, "api.example.com A", "NOERROR 192.0.2.1");
    scene_put_good(&scene, "late.example.com", "a", "192.0.2.1", &check);
    scene_expect(&scene, OUT, "late.example.com A", "NOERROR 192.0.2.1"); /* it is known already */
    check.interval_ms = 1000;
    scene_put_good(&scene, "api.example.com", "a", "192.0.2.1", &check);
    assert_int_equal(scene.running, 2);
    scene_drop(&scene, "web.example.com", NULL);
    scene_drop(&scene, "late.example.com", "a");
    assert_int_equal(scene.running, 1);
    scene_deinit(&scene);
}

static void test_a_name_after_its_service(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene);
    scene_put_good(&scene, "web.example.com", "a", "192.0.2.1", NULL);
    scene_put_good(&scene, "x.wild.example.com", "a", "192.0.2.2", NULL);
    scene_drop(&scene, "web.example.com", "a"); /* the service is still there */
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR");
    scene_expect(&scene, OUT, "a.web.example.com A", "NXDOMAIN");
    scene_drop(&scene, "web.example.com", NULL);
    scene_drop(&scene, "x.wild.example.com", NULL);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR");
    scene_expect(&scene, OUT, "x.wild.example.com A", "NOERROR");
    scene_pass_time(&scene, 3599000);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR");
    scene_pass_time(&scene, 2000);
    scene_expect(&scene, OUT, "web.example.com A", "NXDOMAIN");
    scene_expect(&scene, OUT, "x.wild.example.com A", "NOERROR 192.0.2.83");
    scene_put_good(&scene, "web.example.com", "a", "192.0.2.1", NULL);
    scene_drop(&scene, "web.example.com", NULL);
    scene_put_good(&scene, "web.example.com", "a", "192.0.2.4", NULL); /* back within the hour */
    scene_pass_time(&scene, 3700000);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.4");
    scene_deinit(&scene);
}

static void test_a_reload_keeps_services(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene);
    scene_put_good(&scene, "web.example.com", "a", "192.0.2.1", NULL);
    stage_file(&scene.stage, "example.zone",
               "@ 300 SOA ns hostmaster 2 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"
               "www A 192.0.2.81\nweb A 192.0.2.99\n");
    assert_int_equal(stage_load(&scene.stage, 0), ERR_OK);
    stage_publish(&scene.stage);
    stage_audit(&scene.stage);
    scene_expect(&scene, OUT, "www.example.com A", "NOERROR 192.0.2.81");
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1");
    assert_int_equal(stage_configure(&scene.stage, SCENE_CONFIG, true), ERR_OK);
    stage_publish(&scene.stage);
    stage_audit(&scene.stage);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1");
    scene_drop(&scene, "web.example.com", NULL);
    scene_pass_time(&scene, 3700000);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.99"); /* what the zone says */
    scene_deinit(&scene);
}

/* Registers instance a of web.example.com, 192.0.2.1, with a lease and perhaps a check. */
static void put_leased(struct scene *scene, uint32_t lease_ms, struct check *check)
{
    struct service_address address = {.view = NULL};
    struct instance instance;
    struct refusal refusal;
    instance_default(&instance);
    address_from_text("192.0.2.1", &address.address);
    instance.service = scene_name("web.example.com");
    instance.id = "a";
    instance.owner = "x";
    instance.addresses = &address;
    instance.address_count = 1;
    instance.checks = check;
    instance.check_count = check ? 1 : 0;
    instance.lease_ms = lease_ms;
    assert_int_equal(
        registry_put_instance(scene->registry, &instance, REVISION_ANY, NULL, &refusal), ERR_OK);
    scene_commit(scene);
}

static void test_leases(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene);
    put_leased(&scene, 30000, NULL);
    scene_put_good(&scene, "web.example.com", "b", "192.0.2.2", NULL);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2");
    scene_pass_time(&scene, 29000);
    struct instance_entry *entry =
        registry_instance(scene.registry, scene_name("web.example.com"), "a");
    assert_int_equal(
        services_renew(scene.services, entry, NULL, OUTCOME_PASS, "", scene_now(&scene)), ERR_OK);
    scene_pass_time(&scene, 29000);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2");
    scene_pass_time(&scene, 2000);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    services_renew(scene.services, entry, NULL, OUTCOME_PASS, "", scene_now(&scene));
    scene_flush(&scene);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2");
    scene_pass_time(&scene, 30000 + 3599000);
    assert_int_equal(scene.removals, 0);
    scene_pass_time(&scene, 2000);
    assert_int_equal(scene.removals, 1);
    assert_null(registry_instance(scene.registry, scene_name("web.example.com"), "a"));
    scene_deinit(&scene);
}

static void test_ttl_checks(void **state)
{
    struct scene scene;
    struct check check;
    (void)state;
    scene_init(&scene);
    check_default(&check, CHECK_TTL);
    check.interval_ms = 10000;
    scene_put_good(&scene, "web.example.com", "a", "192.0.2.1", &check);
    scene_put_good(&scene, "web.example.com", "b", "192.0.2.2", NULL);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    struct instance_entry *entry =
        registry_instance(scene.registry, scene_name("web.example.com"), "a");
    services_renew(scene.services, entry, "ttl", OUTCOME_PASS, "fine", scene_now(&scene));
    scene_flush(&scene);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2");
    scene_pass_time(&scene, 11000); /* silence */
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    assert_int_equal(
        services_renew(scene.services, entry, "other", OUTCOME_PASS, "", scene_now(&scene)),
        ERR_NOT_FOUND);
    assert_int_equal(scene.running, 0);
    scene_deinit(&scene);
}

static void test_aliases_follow(void **state)
{
    struct scene scene;
    struct check check, plain = scene_tcp();
    (void)state;
    scene_init(&scene);
    check_default(&check, CHECK_ALIAS);
    check.text = "db.example.com";
    scene_put_good(&scene, "web.example.com", "a", "192.0.2.1", &check);
    scene_put_good(&scene, "web.example.com", "b", "192.0.2.2", NULL);
    check.text = "web.example.com";
    scene_put_good(&scene, "front.example.com", "a", "192.0.2.5", &check); /* of an alias */
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    scene_put_good(&scene, "db.example.com", "a", "192.0.2.9", &plain);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    scene_says(&scene, "192.0.2.9", OUTCOME_PASS);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2");
    scene_says(&scene, "192.0.2.9", OUTCOME_FAIL);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    scene_drop(&scene, "web.example.com", "b");
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1"); /* never empty */
    scene_put_good(&scene, "more.example.com", "b", "192.0.2.7", &plain);
    scene_says(&scene, "192.0.2.7", OUTCOME_PASS);
    scene_says(&scene, "192.0.2.9", OUTCOME_PASS);
    scene_expect(&scene, OUT, "front.example.com A", "NOERROR 192.0.2.5");
    scene_drop(&scene, "db.example.com", NULL);
    struct instance_status status;
    instance_status(scene.services,
                    registry_instance(scene.registry, scene_name("front.example.com"), "a"),
                    scene_now(&scene), &status);
    assert_int_equal(status.verdict, VERDICT_CRITICAL); /* along both */
    /* A circle ends. */
    check.text = "y.example.com";
    scene_put_good(&scene, "x.example.com", "a", "192.0.2.11", &check);
    check.text = "x.example.com";
    scene_put_good(&scene, "y.example.com", "a", "192.0.2.12", &check);
    scene_deinit(&scene);
}

static void test_overrides_end(void **state)
{
    struct scene scene;
    struct refusal refusal;
    (void)state;
    scene_init(&scene);
    scene_put_good(&scene, "web.example.com", "a-1", "192.0.2.1", NULL);
    scene_put_good(&scene, "web.example.com", "a-2", "192.0.2.2", NULL);
    struct override override = {.name = "*.example.com",
                                .instance = "*-1",
                                .action = OVERRIDE_DRAIN,
                                .reason = "r",
                                .owner = "x",
                                .set_at = scene_wall(&scene)};
    override.expires_at.ns = override.set_at.ns + INT64_C(60000000000);
    registry_next(scene.registry);
    assert_int_equal(registry_put_override(scene.registry, &override, &refusal), ERR_OK);
    scene_commit(&scene);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    scene_put_good(&scene, "web.example.com", "b-1", "192.0.2.3",
                   NULL); /* patterns hold for new ones */
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    scene_pass_time(&scene, 61000);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2 192.0.2.3");
    override.instance = "*";
    override.action = OVERRIDE_DOWN;
    override.set_at = scene_wall(&scene);
    override.expires_at.ns = override.set_at.ns + INT64_C(60000000000);
    registry_next(scene.registry);
    assert_int_equal(registry_put_override(scene.registry, &override, &refusal), ERR_OK);
    scene_commit(&scene);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR"); /* a person took all of them out */
    registry_next(scene.registry);
    assert_int_equal(registry_drop_override(scene.registry, "*.example.com/*", &refusal), ERR_OK);
    scene_commit(&scene);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2 192.0.2.3");
    scene_deinit(&scene);
}

static void test_the_last_one_is_kept_where_that_is_asked(void **state)
{
    struct scene scene;
    struct service service;
    struct refusal refusal;
    (void)state;
    scene_init(&scene);
    service_default(&service);
    service.keep_last = true;
    scene_policy(&scene, &service, "web.example.com");
    scene_put_good(&scene, "web.example.com", "a", "192.0.2.1", NULL);
    scene_put_good(&scene, "web.example.com", "b", "192.0.2.2", NULL);
    scene_drop(&scene, "web.example.com", "a");
    assert_int_equal(registry_drop_instance(scene.registry, scene_name("web.example.com"), "b", "x",
                                            REVISION_ANY, &refusal),
                     ERR_OK);
    assert_int_equal(services_judge(scene.services, 0, &refusal), ERR_REFUSED);
    registry_undo(scene.registry, 0);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    assert_int_equal(registry_drop_service(scene.registry, scene_name("web.example.com"), "x",
                                           REVISION_ANY, &refusal),
                     ERR_OK);
    assert_int_equal(services_judge(scene.services, 0, &refusal), ERR_OK);
    scene_commit(&scene);
    scene_deinit(&scene);
}

static void test_slow_start(void **state)
{
    struct scene scene;
    struct service service;
    struct check check = scene_tcp();
    (void)state;
    scene_init(&scene);
    service_default(&service);
    service.slow_start_ms = 10000;
    scene_policy(&scene, &service, "web.example.com");
    scene_put_good(&scene, "web.example.com", "a", "192.0.2.1", &check);
    scene_says(&scene, "192.0.2.1", OUTCOME_PASS);
    struct instance_status status;
    struct instance_entry *entry =
        registry_instance(scene.registry, scene_name("web.example.com"), "a");
    uint16_t last = 0;
    for (int i = 0; i < 11; i++) {
        instance_status(scene.services, entry, scene_now(&scene), &status);
        assert_true(status.ramp >= last);
        assert_int_equal(status.ramp, i < 9 ? (i + 1) * 100 : 1000);
        last = status.ramp;
        scene_pass_time(&scene, 1000);
    }
    scene_deinit(&scene);
}

static const char SITES_CONFIG[] = "server: {listen: [127.0.0.1:53]}\n"
                                   "views:\n"
                                   "  in: {internal: true, match: [10.0.0.0/16]}\n"
                                   "  in2: {internal: true, match: [10.9.0.0/16]}\n"
                                   "  out: {default: true}\n"
                                   "zones:\n"
                                   "  - {zone: example.com, file: example.zone}\n"
                                   "sites:\n"
                                   "  dc1: {match: [198.51.100.0/24], near: [dc3, dc2]}\n"
                                   "  dc2: {match: [203.0.113.0/24], near: [dc1]}\n"
                                   "  dc3: {match: [203.0.113.128/25]}\n";

#define AT_1 "198.51.100.7"
#define AT_2 "203.0.113.7"
#define AT_3 "203.0.113.200"

static void locality(struct scene *scene, enum locality locality)
{
    static const char *list[] = {"dc2", "dc3", "dc1"};
    struct service service;
    service_default(&service);
    service.locality = locality;
    service.sites = list;
    service.site_count = 3;
    scene_policy(scene, &service, "web.example.com");
}

static void test_the_client_s_site(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene);
    assert_int_equal(stage_configure(&scene.stage, SITES_CONFIG, true), ERR_OK);
    stage_publish(&scene.stage);
    locality(&scene, LOCALITY_PREFER);
    scene_put_site(&scene, 1, "dc1");
    scene_put_site(&scene, 2, "dc2");
    scene_put_site(&scene, 3, "dc3");
    scene_expect(&scene, AT_1, "web.example.com A", "NOERROR 192.0.2.1");
    scene_expect(&scene, AT_2, "web.example.com A", "NOERROR 192.0.2.2");
    scene_expect(&scene, AT_3, "web.example.com A", "NOERROR 192.0.2.3");
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2"); /* in no site */
    scene_says(&scene, "192.0.2.1", OUTCOME_FAIL);
    scene_expect(&scene, AT_1, "web.example.com A", "NOERROR 192.0.2.2"); /* the list's first */
    locality(&scene, LOCALITY_NEAREST);
    scene_expect(&scene, AT_1, "web.example.com A", "NOERROR 192.0.2.3"); /* the nearest */
    locality(&scene, LOCALITY_PIN);
    scene_expect(&scene, AT_1, "web.example.com A", "NOERROR 192.0.2.1"); /* never empty */
    scene_expect(&scene, AT_2, "web.example.com A", "NOERROR 192.0.2.2");
    scene_drop(&scene, "web.example.com", "i2");
    scene_expect(&scene, AT_2, "web.example.com A", "NOERROR");
    locality(&scene, LOCALITY_ANY);
    scene_expect(&scene, AT_2, "web.example.com A", "NOERROR 192.0.2.3");
    scene_expect(&scene, AT_1, "web.example.com A", "NOERROR 192.0.2.3");
    /* Sites come and go with the configuration. */
    locality(&scene, LOCALITY_PREFER);
    assert_int_equal(stage_configure(&scene.stage, SCENE_CONFIG, true), ERR_OK);
    stage_publish(&scene.stage);
    stage_audit(&scene.stage);
    scene_expect(&scene, AT_3, "web.example.com A", "NOERROR 192.0.2.3");
    scene_deinit(&scene);
}

static const char REVERSE_CONFIG[] = "server: {listen: [127.0.0.1:53]}\n"
                                     "views:\n"
                                     "  in: {internal: true, match: [10.0.0.0/16]}\n"
                                     "  in2: {internal: true, match: [10.9.0.0/16]}\n"
                                     "  out: {default: true}\n"
                                     "zones:\n"
                                     "  - {zone: example.com, file: example.zone}\n"
                                     "  - {zone: 2.0.192.in-addr.arpa, file: v4.zone}\n"
                                     "  - {zone: 8.b.d.0.1.0.0.2.ip6.arpa, file: v6.zone}\n";

static void test_registered_addresses_have_ptr(void **state)
{
#define V6 "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR"
    static const char zone[] = "@ 300 SOA ns.example.com. h 1 3600 600 86400 60\n"
                               "@ NS ns.example.com.\n9 PTR fixed.example.com.\n";
    struct scene scene;
    (void)state;
    scene_init(&scene);
    scene_put_good(&scene, "web.example.com", "a", "192.0.2.1 2001:db8::1", NULL);
    stage_file(&scene.stage, "v4.zone", zone);
    stage_file(&scene.stage, "v6.zone", zone);
    assert_int_equal(stage_configure(&scene.stage, REVERSE_CONFIG, true), ERR_OK);
    stage_publish(&scene.stage);
    stage_audit(&scene.stage);
    scene_expect(&scene, OUT, "1.2.0.192.in-addr.arpa PTR", "NOERROR PTR");
    scene_expect(&scene, OUT, V6, "NOERROR PTR");
    scene_put_good(&scene, "api.example.com", "b", "192.0.2.1@in", NULL);
    scene_expect(&scene, IN, "1.2.0.192.in-addr.arpa PTR", "NOERROR PTR PTR");
    scene_expect(&scene, OUT, "1.2.0.192.in-addr.arpa PTR", "NOERROR PTR");
    scene_put_good(&scene, "api.example.com", "c", "192.0.2.9", NULL); /* the zone's own word */
    scene_expect(&scene, OUT, "9.2.0.192.in-addr.arpa PTR", "NOERROR PTR");
    scene_put_good(&scene, "web.example.com", "a", "192.0.2.3", NULL); /* it moves */
    scene_expect(&scene, OUT, "1.2.0.192.in-addr.arpa PTR", "NXDOMAIN");
    scene_expect(&scene, IN, "1.2.0.192.in-addr.arpa PTR", "NOERROR PTR");
    scene_expect(&scene, OUT, "3.2.0.192.in-addr.arpa PTR", "NOERROR PTR");
    scene_expect(&scene, OUT, V6, "NXDOMAIN");
    scene_drop(&scene, "web.example.com", NULL);
    scene_expect(&scene, OUT, "3.2.0.192.in-addr.arpa PTR", "NXDOMAIN");
    assert_int_equal(stage_configure(&scene.stage, SCENE_CONFIG, true), ERR_OK);
    stage_publish(&scene.stage);
    assert_int_equal(stage_configure(&scene.stage, REVERSE_CONFIG, true), ERR_OK);
    stage_publish(&scene.stage);
    stage_audit(&scene.stage);
    scene_expect(&scene, IN, "1.2.0.192.in-addr.arpa PTR", "NOERROR PTR");
    scene_deinit(&scene);
}

static void test_https_records(void **state)
{
    struct scene scene;
    struct service service;
    (void)state;
    scene_init(&scene);
    service_default(&service);
    service.https = true;
    scene_policy(&scene, &service, "web.example.com");
    scene_put_good(&scene, "web.example.com", "a", "192.0.2.1 2001:db8::1", NULL);
    scene_put_good(&scene, "web.example.com", "b", "192.0.2.2", NULL);
    scene_put_good(&scene, "web.example.com", "c", "10.0.0.3@in", NULL);
    scene_expect(&scene, OUT, "web.example.com HTTPS", "NOERROR HTTPS");
    scene_expect(&scene, OUT, "web.example.com SVCB", "NOERROR");
    scene_expect(&scene, OUT, "a.web.example.com HTTPS", "NOERROR");
    scene_deinit(&scene);
}

static void test_srv_and_tags(void **state)
{
    struct scene scene;
    struct service service;
    static const char *srv[] = {"_http._tcp"}, *tags[] = {"v2"};
    const char *own[] = {"v2"};
    (void)state;
    scene_init(&scene);
    service_default(&service);
    service.srv = srv;
    service.srv_count = 1;
    service.tags = tags;
    service.tag_count = 1;
    scene_policy(&scene, &service, "web.example.com");
    scene_put_good(&scene, "web.example.com", "a", "192.0.2.1", NULL);
    struct service_address address = {.view = NULL};
    struct instance instance;
    struct refusal refusal;
    instance_default(&instance);
    address_from_text("192.0.2.2", &address.address);
    instance.service = scene_name("web.example.com");
    instance.id = "b";
    instance.owner = "x";
    instance.port = 81;
    instance.addresses = &address;
    instance.address_count = 1;
    instance.tags = own;
    instance.tag_count = 1;
    assert_int_equal(registry_put_instance(scene.registry, &instance, REVISION_ANY, NULL, &refusal),
                     ERR_OK);
    scene_commit(&scene);
    scene_expect(&scene, OUT, "v2.web.example.com A", "NOERROR 192.0.2.2");
    const char *answer = stage_ask(&scene.stage, OUT, "_http._tcp.web.example.com SRV");
    assert_non_null(strstr(answer, "NOERROR"));
    scene_expect(&scene, OUT, "_http._tcp.web.example.com A", "NOERROR");
    service.tag_count = 0;
    scene_policy(&scene, &service, "web.example.com");
    scene_expect(&scene, OUT, "v2.web.example.com A", "NXDOMAIN");
    scene_deinit(&scene);
}

/* Random histories: registrations, removals, outcomes, reloads; each state against what the model
 * of a handful of lines says, and the slab audited. */
static void test_random_histories(void **state)
{
    struct scene scene;
    struct random random;
    struct check check = scene_tcp();
    int health[4] = {0}; /* 0: none, 1: unknown, 2: passing, 3: critical */
    (void)state;
    scene_init(&scene);
    random_seed(&random, 9);
    for (int step = 0; step < 1500; step++) {
        unsigned i = (unsigned)random_below(&random, 4);
        char id[8], address[32], wanted[128] = "NOERROR";
        snprintf(id, sizeof(id), "i%u", i);
        snprintf(address, sizeof(address), "192.0.2.%u", i + 1);
        switch (random_below(&random, 5)) {
        case 0:
            if (health[i]) {
                scene_drop(&scene, "web.example.com", id);
                health[i] = 0;
            }
            break;
        case 1:
            scene_put_good(&scene, "web.example.com", id, address, &check);
            health[i] = health[i] ? health[i] : 1;
            break;
        case 2:
            assert_int_equal(stage_load(&scene.stage, 0), ERR_OK);
            stage_publish(&scene.stage);
            break;
        default: {
            bool pass = random_below(&random, 2);
            if (health[i]) {
                scene_says(&scene, address, pass ? OUTCOME_ALIVE : OUTCOME_DEAD);
                health[i] = pass ? 2 : health[i] == 1 ? 4 : health[i] == 4 ? 4 : 3;
            }
            scene.ms += 200000; /* penalties decay */
            scene_pass_time(&scene, 0);
        }
        }
        bool works = false, proven = false;
        for (unsigned k = 0; k < 4; k++) {
            works = works || health[k] == 2;
            proven = proven || health[k] == 3;
        }
        for (unsigned k = 0; k < 4; k++) {
            if (health[k] == 2 || (!works && health[k] == 3)) {
                sprintf(wanted + strlen(wanted), " 192.0.2.%u", k + 1);
            }
        }
        if (registry_service(scene.registry, scene_name("web.example.com"))) {
            scene_expect(&scene, OUT, "web.example.com A", wanted);
        }
    }
    scene_deinit(&scene);
}

/* NODATA for an hour in a view that it left, then what it would be without; where it is, it stays.
 */
static void test_a_view_that_it_left_forgets_it(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene);
    scene_put_good(&scene, "web.example.com", "a", "10.0.0.1@in 10.0.0.1@in2 192.0.2.1@out", NULL);
    scene_put_good(&scene, "web.example.com", "b", "10.0.0.2@in 192.0.2.2@out", NULL);
    scene_put_good(&scene, "web.example.com", "a", "10.0.0.1@in", NULL);
    scene_expect(&scene, "10.9.0.1", "web.example.com A", "NOERROR");
    scene_expect(&scene, "10.9.0.1", "a.web.example.com A", "NXDOMAIN");
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    scene_pass_time(&scene, 1800000);
    scene_put_good(&scene, "web.example.com", "b", "10.0.0.2@in", NULL);
    scene_pass_time(&scene, 1900000); /* an hour after the second one left */
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR");
    scene_pass_time(&scene, 1800000);
    scene_expect(&scene, OUT, "web.example.com A", "NXDOMAIN");
    scene_expect(&scene, "10.9.0.1", "web.example.com A", "NXDOMAIN");
    scene_expect(&scene, IN, "web.example.com A", "NOERROR 10.0.0.1 10.0.0.2");
    scene_expect(&scene, IN, "b.web.example.com A", "NOERROR 10.0.0.2");
    scene_put_good(&scene, "web.example.com", "b", "10.0.0.2@in 192.0.2.2@out", NULL);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    scene_pass_time(&scene, 7200000);
    scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    scene_deinit(&scene);
}

/* A name beyond the limit goes back to its zone at once. */
static void test_names_that_went_have_a_limit(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene);
    struct services *services = scene.services;
    for (unsigned i = 0; i <= LIMIT_LINGERS; i++) {
        char text[48];
        uint8_t name[NAME_MAX];
        snprintf(text, sizeof(text), "n%u.example.com", i);
        assert_int_equal(name_from_text(text, NULL, name), ERR_OK);
        linger_add(services, name, 0);
        assert_true((services->stale != NULL) == (i == LIMIT_LINGERS));
    }
    assert_int_equal(services->linger_count, LIMIT_LINGERS);
    for (unsigned i = 0; i < LIMIT_LINGERS; i += 3) {
        char text[48];
        uint8_t name[NAME_MAX];
        snprintf(text, sizeof(text), "n%u.example.com", i);
        assert_int_equal(name_from_text(text, NULL, name), ERR_OK);
        linger_end(services, name);
    }
    assert_int_equal(services->linger_count, LIMIT_LINGERS - (LIMIT_LINGERS + 2) / 3);
    scene_deinit(&scene);
}

/* The lease's end is told, and so is that it was taken up again, whatever the verdict does. */
static void test_the_end_of_a_lease_is_told(void **state)
{
    struct scene scene;
    struct check check;
    (void)state;
    scene_init(&scene);
    check_default(&check, CHECK_TTL);
    check.name = "ttl";
    put_leased(&scene, 2000, &check);
    struct instance_entry *entry =
        registry_instance(scene.registry, scene_name("web.example.com"), "a");
    services_renew(scene.services, entry, NULL, OUTCOME_FAIL, "", scene_now(&scene));
    scene_flush(&scene);
    scene_pass_time(&scene, 3000); /* critical before and after */
    assert_int_equal(scene.leases, 1);
    services_renew(scene.services, entry, NULL, OUTCOME_NONE, "", scene_now(&scene));
    assert_int_equal(scene.leases, 0);
    scene_flush(&scene);
    scene_pass_time(&scene, 3000);
    assert_int_equal(scene.leases, 1);
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_view_gets_its_own),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_names_below_a_service_are_its_own),
        cmocka_unit_test(test_a_service_of_thousands),
        cmocka_unit_test(test_health_decides),
        cmocka_unit_test(test_what_is_asked_twice_is_probed_once),
        cmocka_unit_test(test_a_name_after_its_service),
        cmocka_unit_test(test_a_reload_keeps_services),
        cmocka_unit_test(test_leases),
        cmocka_unit_test(test_ttl_checks),
        cmocka_unit_test(test_aliases_follow),
        cmocka_unit_test(test_overrides_end),
        cmocka_unit_test(test_the_last_one_is_kept_where_that_is_asked),
        cmocka_unit_test(test_slow_start),
        cmocka_unit_test(test_the_client_s_site),
        cmocka_unit_test(test_registered_addresses_have_ptr),
        cmocka_unit_test(test_https_records),
        cmocka_unit_test(test_srv_and_tags),
        cmocka_unit_test(test_a_view_that_it_left_forgets_it),
        cmocka_unit_test(test_names_that_went_have_a_limit),
        cmocka_unit_test(test_the_end_of_a_lease_is_told),
        cmocka_unit_test(test_random_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
