/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Registered services inside the one writer, in virtual time, with a prober that says what the test
 * wants: what each view is answered with, what a name is without its service, leases, overrides,
 * ramps, reloads underneath; and the slab audited after each.
 *
 * links: config
 */
#include "unit/control/stage.h"

#include "base/error.h"
#include "base/random.h"
#include "control/service_state.h"

#include <stdio.h>
#include <string.h>

#define IN "10.0.0.9"
#define OUT "192.0.2.9"

static const char CONFIG[] = "server: {listen: [127.0.0.1:53]}\n"
                             "views:\n"
                             "  in: {internal: true, match: [10.0.0.0/16]}\n"
                             "  in2: {internal: true, match: [10.9.0.0/16]}\n"
                             "  out: {default: true}\n"
                             "zones:\n"
                             "  - {zone: example.com, file: example.zone}\n";

static const char ZONE[] = "@ 300 SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\n"
                           "ns A 192.0.2.53\nwww A 192.0.2.80\n*.wild A 192.0.2.83\n"
                           "sub NS ns.elsewhere.\n";

enum {
    PROBES = 64
};

/* A stage with services, and a prober that only remembers what it is asked for. */
struct scene {
    struct stage stage;
    struct services *services;
    struct registry *registry;
    struct probe_port port;
    struct services_events events;
    struct {
        const struct probe_order *order;
    } probes[PROBES];
    unsigned started, running, verdicts, removals;
    int64_t ms;
    char owner[8];
};

static int port_start(void *ctx, const struct probe_order *order, void **ret_handle)
{
    struct scene *scene = ctx;
    for (unsigned i = 0; i < PROBES; i++) {
        if (!scene->probes[i].order) {
            scene->probes[i].order = order;
            scene->started++;
            scene->running++;
            *ret_handle = &scene->probes[i];
            return ERR_OK;
        }
    }
    fail_msg("too many probes");
    return ERR_LIMIT;
}

static void port_stop(void *ctx, void *handle)
{
    struct scene *scene = ctx;
    memset(handle, 0, sizeof(scene->probes[0]));
    scene->running--;
}

static void on_verdict(void *ctx, const struct instance_entry *instance, enum verdict before,
                       enum verdict after, const char *detail)
{
    (void)instance;
    (void)detail;
    assert_int_not_equal(before, after);
    ((struct scene *)ctx)->verdicts++;
}

static void on_choice(void *ctx, const struct service_entry *service, enum choice_kind before,
                      enum choice_kind after)
{
    (void)ctx;
    (void)service;
    assert_int_not_equal(before, after);
}

static void on_remove(void *ctx, const struct instance_entry *instance)
{
    struct refusal refusal;
    struct scene *scene = ctx;
    scene->removals++;
    assert_int_equal(registry_drop_instance(scene->registry, instance->service->name, instance->id,
                                            "x", REVISION_ANY, &refusal),
                     ERR_OK);
}

static struct mono now_of(const struct scene *scene)
{
    return (struct mono){scene->ms * 1000000};
}

static struct wall wall_of(const struct scene *scene)
{
    return (struct wall){(scene->ms + 1000000) * 1000000};
}

static void scene_init(struct scene *scene)
{
    memset(scene, 0, sizeof(*scene));
    stage_init(&scene->stage);
    stage_file(&scene->stage, "example.zone", ZONE);
    scene->port = (struct probe_port){scene, port_start, port_stop};
    scene->events = (struct services_events){scene, on_verdict, on_choice, on_remove};
    assert_int_equal(
        services_new(scene->stage.control, &scene->port, &scene->events, &scene->services), ERR_OK);
    scene->registry = services_registry(scene->services);
    assert_int_equal(stage_configure(&scene->stage, CONFIG, true), ERR_OK);
    assert_true(stage_publish(&scene->stage));
}

static void scene_deinit(struct scene *scene)
{
    services_free(scene->services);
    assert_int_equal(scene->running, 0);
    stage_deinit(&scene->stage);
}

static void flush(struct scene *scene)
{
    assert_int_equal(services_flush(scene->services, now_of(scene)), ERR_OK);
    stage_publish(&scene->stage);
    stage_audit(&scene->stage);
}

static void commit(struct scene *scene)
{
    services_commit(scene->services, now_of(scene), wall_of(scene));
    flush(scene);
}

static void pass_time(struct scene *scene, int64_t ms)
{
    int64_t end = scene->ms + ms;
    struct mono at;
    while (services_next(scene->services, &at) && at.ns / 1000000 <= end) {
        scene->ms = at.ns / 1000000 > scene->ms ? at.ns / 1000000 : scene->ms;
        services_step(scene->services, (struct mono){at.ns}, wall_of(scene));
        commit(scene);
    }
    scene->ms = end;
}

static const uint8_t *name_of(const char *text)
{
    static uint8_t name[NAME_MAX];
    assert_int_equal(name_from_text(text, NULL, name), ERR_OK);
    return name;
}

/* "10.0.0.1@in 192.0.2.1@out 10.0.0.2" */
static unsigned addresses_parse(const char *text, struct service_address *out, char *room)
{
    unsigned count = 0;
    strcpy(room, text);
    for (char *word = strtok(room, " "); word; word = strtok(NULL, " ")) {
        char *at = strchr(word, '@');
        if (at) {
            *at = '\0';
        }
        assert_int_equal(address_from_text(word, &out[count].address), ERR_OK);
        out[count++].view = at ? at + 1 : NULL;
    }
    return count;
}

/* Stages and judges an instance; commits it when that went well. */
static int put(struct scene *scene, const char *service, const char *id, const char *addresses,
               const struct check *check, struct refusal *refusal)
{
    struct service_address list[8];
    char room[256];
    struct instance instance;
    instance_default(&instance);
    instance.service = name_of(service);
    instance.id = id;
    instance.owner = "x";
    instance.port = 80;
    instance.addresses = list;
    instance.address_count = (uint16_t)addresses_parse(addresses, list, room);
    instance.checks = (struct check *)(uintptr_t)check;
    instance.check_count = check != NULL;
    registry_next(scene->registry);
    int err = registry_put_instance(scene->registry, &instance, REVISION_ANY, NULL, refusal);
    err = err == ERR_OK ? services_judge(scene->services, 0, refusal) : err;
    if (err == ERR_OK) {
        commit(scene);
    } else {
        registry_undo(scene->registry, 0);
    }
    return err;
}

static void put_good(struct scene *scene, const char *service, const char *id,
                     const char *addresses, const struct check *check)
{
    struct refusal refusal;
    if (put(scene, service, id, addresses, check, &refusal) != ERR_OK) {
        fail_msg("%s: %s", refusal.field, refusal.reason);
    }
}

static void drop(struct scene *scene, const char *service, const char *id)
{
    struct refusal refusal;
    registry_next(scene->registry);
    assert_int_equal(
        id ? registry_drop_instance(scene->registry, name_of(service), id, "x", REVISION_ANY,
                                    &refusal)
           : registry_drop_service(scene->registry, name_of(service), "x", REVISION_ANY, &refusal),
        ERR_OK);
    commit(scene);
}

static void policy(struct scene *scene, struct service *service, const char *name)
{
    struct refusal refusal;
    service->name = (uint8_t *)(uintptr_t)name_of(name);
    service->owner = "x";
    registry_next(scene->registry);
    assert_int_equal(registry_put_service(scene->registry, service, REVISION_ANY, NULL, &refusal),
                     ERR_OK);
    assert_int_equal(services_judge(scene->services, 0, &refusal), ERR_OK);
    commit(scene);
}

/* The probe of an address says something. */
static void says(struct scene *scene, const char *address, enum outcome_kind outcome)
{
    struct address wanted;
    unsigned found = 0;
    assert_int_equal(address_from_text(address, &wanted), ERR_OK);
    for (unsigned i = 0; i < PROBES; i++) {
        const struct probe_order *order = scene->probes[i].order;
        if (order && memcmp(&order->address, &wanted, sizeof(wanted)) == 0) {
            services_outcome(scene->services, order->probe, outcome, "said", now_of(scene));
            found++;
        }
    }
    assert_true(found > 0);
    flush(scene);
}

static void expect(struct scene *scene, const char *from, const char *question, const char *answer)
{
    stage_expect(&scene->stage, from, question, answer);
}

static struct check tcp(void)
{
    struct check check;
    check_default(&check, CHECK_TCP);
    check.fall = 1;
    check.rise = 1;
    return check;
}

/* --- tests ---------------------------------------------------------------------------------------
 */

static void test_each_view_gets_its_own(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene);
    expect(&scene, OUT, "web.example.com A", "NXDOMAIN");
    put_good(&scene, "web.example.com", "a", "10.0.0.1@in 10.0.0.1@in2 192.0.2.1@out", NULL);
    put_good(&scene, "web.example.com", "b", "10.0.0.2@in 10.0.0.2@in2", NULL);
    expect(&scene, IN, "web.example.com A", "NOERROR 10.0.0.1 10.0.0.2");
    expect(&scene, "10.9.0.1", "web.example.com A", "NOERROR 10.0.0.1 10.0.0.2");
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1");
    expect(&scene, IN, "b.web.example.com A", "NOERROR 10.0.0.2");
    expect(&scene, OUT, "b.web.example.com A", "NXDOMAIN");
    expect(&scene, OUT, "web.example.com MX", "NOERROR");
    put_good(&scene, "inner.example.com", "a", "10.0.0.3@in 10.0.0.3@in2", NULL);
    expect(&scene, IN, "inner.example.com A", "NOERROR 10.0.0.3");
    expect(&scene, OUT, "inner.example.com A", "NXDOMAIN");
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
        int err = put(&scene, rows[i].service, "a", rows[i].addresses, NULL, &refusal);
        if (err != rows[i].err || !strstr(refusal.reason, rows[i].reason)) {
            fail_msg("%s %s: %d %s", rows[i].service, rows[i].addresses, err, refusal.reason);
        }
    }
    struct refusal refusal;
    struct check check = tcp();
    check.target = "127.0.0.1";
    assert_int_equal(put(&scene, "web.example.com", "a", "192.0.2.1", &check, &refusal),
                     ERR_REFUSED);
    check_default(&check, CHECK_COMMAND);
    check.text = "true";
    assert_int_equal(put(&scene, "web.example.com", "a", "192.0.2.1", &check, &refusal),
                     ERR_REFUSED);
    assert_int_equal(registry_service_count(scene.registry), 0);
    scene_deinit(&scene);
}

static void test_health_decides(void **state)
{
    struct scene scene;
    struct check check = tcp();
    (void)state;
    scene_init(&scene);
    put_good(&scene, "web.example.com", "a", "192.0.2.1", &check);
    expect(&scene, OUT, "web.example.com A", "NOERROR"); /* nobody has looked yet */
    says(&scene, "192.0.2.1", OUTCOME_PASS);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1");
    put_good(&scene, "web.example.com", "b", "192.0.2.2", &check);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1");
    says(&scene, "192.0.2.2", OUTCOME_PASS);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2");
    says(&scene, "192.0.2.1", OUTCOME_FAIL);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    says(&scene, "192.0.2.2", OUTCOME_FAIL); /* never empty */
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2");
    says(&scene, "192.0.2.1", OUTCOME_PASS);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1");
    /* An instance's own name is answered whatever its health. */
    expect(&scene, OUT, "b.web.example.com A", "NOERROR 192.0.2.2");
    scene_deinit(&scene);
}

static void test_what_is_asked_twice_is_probed_once(void **state)
{
    struct scene scene;
    struct check check = tcp();
    (void)state;
    scene_init(&scene);
    put_good(&scene, "web.example.com", "a", "192.0.2.1", &check);
    put_good(&scene, "api.example.com", "a", "192.0.2.1", &check);
    assert_int_equal(scene.running, 1);
    says(&scene, "192.0.2.1", OUTCOME_PASS);
    expect(&scene, OUT, "api.example.com A", "NOERROR 192.0.2.1");
    put_good(&scene, "late.example.com", "a", "192.0.2.1", &check);
    expect(&scene, OUT, "late.example.com A", "NOERROR 192.0.2.1"); /* it is known already */
    check.interval_ms = 1000;
    put_good(&scene, "api.example.com", "a", "192.0.2.1", &check);
    assert_int_equal(scene.running, 2);
    drop(&scene, "web.example.com", NULL);
    drop(&scene, "late.example.com", "a");
    assert_int_equal(scene.running, 1);
    scene_deinit(&scene);
}

static void test_a_name_after_its_service(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene);
    put_good(&scene, "web.example.com", "a", "192.0.2.1", NULL);
    put_good(&scene, "x.wild.example.com", "a", "192.0.2.2", NULL);
    drop(&scene, "web.example.com", "a"); /* the service is still there */
    expect(&scene, OUT, "web.example.com A", "NOERROR");
    expect(&scene, OUT, "a.web.example.com A", "NXDOMAIN");
    drop(&scene, "web.example.com", NULL);
    drop(&scene, "x.wild.example.com", NULL);
    expect(&scene, OUT, "web.example.com A", "NOERROR");
    expect(&scene, OUT, "x.wild.example.com A", "NOERROR");
    pass_time(&scene, 3599000);
    expect(&scene, OUT, "web.example.com A", "NOERROR");
    pass_time(&scene, 2000);
    expect(&scene, OUT, "web.example.com A", "NXDOMAIN");
    expect(&scene, OUT, "x.wild.example.com A", "NOERROR 192.0.2.83");
    put_good(&scene, "web.example.com", "a", "192.0.2.1", NULL);
    drop(&scene, "web.example.com", NULL);
    put_good(&scene, "web.example.com", "a", "192.0.2.4", NULL); /* back within the hour */
    pass_time(&scene, 3700000);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.4");
    scene_deinit(&scene);
}

static void test_a_reload_keeps_services(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene);
    put_good(&scene, "web.example.com", "a", "192.0.2.1", NULL);
    stage_file(&scene.stage, "example.zone",
               "@ 300 SOA ns hostmaster 2 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"
               "www A 192.0.2.81\nweb A 192.0.2.99\n");
    assert_int_equal(stage_load(&scene.stage, 0), ERR_OK);
    stage_publish(&scene.stage);
    stage_audit(&scene.stage);
    expect(&scene, OUT, "www.example.com A", "NOERROR 192.0.2.81");
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1");
    assert_int_equal(stage_configure(&scene.stage, CONFIG, true), ERR_OK);
    stage_publish(&scene.stage);
    stage_audit(&scene.stage);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1");
    drop(&scene, "web.example.com", NULL);
    pass_time(&scene, 3700000);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.99"); /* what the zone says */
    scene_deinit(&scene);
}

static void test_leases(void **state)
{
    struct scene scene;
    struct service_address address = {.view = NULL};
    struct instance instance;
    struct refusal refusal;
    (void)state;
    scene_init(&scene);
    instance_default(&instance);
    address_from_text("192.0.2.1", &address.address);
    instance.service = name_of("web.example.com");
    instance.id = "a";
    instance.owner = "x";
    instance.addresses = &address;
    instance.address_count = 1;
    instance.lease_ms = 30000;
    assert_int_equal(registry_put_instance(scene.registry, &instance, REVISION_ANY, NULL, &refusal),
                     ERR_OK);
    commit(&scene);
    put_good(&scene, "web.example.com", "b", "192.0.2.2", NULL);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2");
    pass_time(&scene, 29000);
    struct instance_entry *entry =
        registry_instance(scene.registry, name_of("web.example.com"), "a");
    assert_int_equal(services_renew(scene.services, entry, NULL, OUTCOME_PASS, "", now_of(&scene)),
                     ERR_OK);
    pass_time(&scene, 29000);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2");
    pass_time(&scene, 2000);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    services_renew(scene.services, entry, NULL, OUTCOME_PASS, "", now_of(&scene));
    flush(&scene);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2");
    pass_time(&scene, 30000 + 3599000);
    assert_int_equal(scene.removals, 0);
    pass_time(&scene, 2000);
    assert_int_equal(scene.removals, 1);
    assert_null(registry_instance(scene.registry, name_of("web.example.com"), "a"));
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
    put_good(&scene, "web.example.com", "a", "192.0.2.1", &check);
    put_good(&scene, "web.example.com", "b", "192.0.2.2", NULL);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    struct instance_entry *entry =
        registry_instance(scene.registry, name_of("web.example.com"), "a");
    services_renew(scene.services, entry, "ttl", OUTCOME_PASS, "fine", now_of(&scene));
    flush(&scene);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2");
    pass_time(&scene, 11000); /* silence */
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    assert_int_equal(
        services_renew(scene.services, entry, "other", OUTCOME_PASS, "", now_of(&scene)),
        ERR_NOT_FOUND);
    assert_int_equal(scene.running, 0);
    scene_deinit(&scene);
}

static void test_overrides_end(void **state)
{
    struct scene scene;
    struct refusal refusal;
    (void)state;
    scene_init(&scene);
    put_good(&scene, "web.example.com", "a-1", "192.0.2.1", NULL);
    put_good(&scene, "web.example.com", "a-2", "192.0.2.2", NULL);
    struct override override = {.name = "*.example.com",
                                .instance = "*-1",
                                .action = OVERRIDE_DRAIN,
                                .reason = "r",
                                .owner = "x",
                                .set_at = wall_of(&scene)};
    override.expires_at.ns = override.set_at.ns + INT64_C(60000000000);
    registry_next(scene.registry);
    assert_int_equal(registry_put_override(scene.registry, &override, &refusal), ERR_OK);
    commit(&scene);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    put_good(&scene, "web.example.com", "b-1", "192.0.2.3", NULL); /* patterns hold for new ones */
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    pass_time(&scene, 61000);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2 192.0.2.3");
    override.instance = "*";
    override.action = OVERRIDE_DOWN;
    override.set_at = wall_of(&scene);
    override.expires_at.ns = override.set_at.ns + INT64_C(60000000000);
    registry_next(scene.registry);
    assert_int_equal(registry_put_override(scene.registry, &override, &refusal), ERR_OK);
    commit(&scene);
    expect(&scene, OUT, "web.example.com A", "NOERROR"); /* a person took all of them out */
    registry_next(scene.registry);
    assert_int_equal(registry_drop_override(scene.registry, "*.example.com/*", &refusal), ERR_OK);
    commit(&scene);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.1 192.0.2.2 192.0.2.3");
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
    policy(&scene, &service, "web.example.com");
    put_good(&scene, "web.example.com", "a", "192.0.2.1", NULL);
    put_good(&scene, "web.example.com", "b", "192.0.2.2", NULL);
    drop(&scene, "web.example.com", "a");
    assert_int_equal(registry_drop_instance(scene.registry, name_of("web.example.com"), "b", "x",
                                            REVISION_ANY, &refusal),
                     ERR_OK);
    assert_int_equal(services_judge(scene.services, 0, &refusal), ERR_REFUSED);
    registry_undo(scene.registry, 0);
    expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.2");
    assert_int_equal(registry_drop_service(scene.registry, name_of("web.example.com"), "x",
                                           REVISION_ANY, &refusal),
                     ERR_OK);
    assert_int_equal(services_judge(scene.services, 0, &refusal), ERR_OK);
    commit(&scene);
    scene_deinit(&scene);
}

static void test_slow_start(void **state)
{
    struct scene scene;
    struct service service;
    struct check check = tcp();
    (void)state;
    scene_init(&scene);
    service_default(&service);
    service.slow_start_ms = 10000;
    policy(&scene, &service, "web.example.com");
    put_good(&scene, "web.example.com", "a", "192.0.2.1", &check);
    says(&scene, "192.0.2.1", OUTCOME_PASS);
    struct instance_status status;
    struct instance_entry *entry =
        registry_instance(scene.registry, name_of("web.example.com"), "a");
    uint16_t last = 0;
    for (int i = 0; i < 11; i++) {
        instance_status(scene.services, entry, now_of(&scene), &status);
        assert_true(status.ramp >= last);
        assert_int_equal(status.ramp, i < 9 ? (i + 1) * 100 : 1000);
        last = status.ramp;
        pass_time(&scene, 1000);
    }
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
    policy(&scene, &service, "web.example.com");
    put_good(&scene, "web.example.com", "a", "192.0.2.1", NULL);
    struct service_address address = {.view = NULL};
    struct instance instance;
    struct refusal refusal;
    instance_default(&instance);
    address_from_text("192.0.2.2", &address.address);
    instance.service = name_of("web.example.com");
    instance.id = "b";
    instance.owner = "x";
    instance.port = 81;
    instance.addresses = &address;
    instance.address_count = 1;
    instance.tags = own;
    instance.tag_count = 1;
    assert_int_equal(registry_put_instance(scene.registry, &instance, REVISION_ANY, NULL, &refusal),
                     ERR_OK);
    commit(&scene);
    expect(&scene, OUT, "v2.web.example.com A", "NOERROR 192.0.2.2");
    const char *answer = stage_ask(&scene.stage, OUT, "_http._tcp.web.example.com SRV");
    assert_non_null(strstr(answer, "NOERROR"));
    expect(&scene, OUT, "_http._tcp.web.example.com A", "NOERROR");
    service.tag_count = 0;
    policy(&scene, &service, "web.example.com");
    expect(&scene, OUT, "v2.web.example.com A", "NXDOMAIN");
    scene_deinit(&scene);
}

/* Random histories: registrations, removals, outcomes, reloads; each state against what the model
 * of a handful of lines says, and the slab audited. */
static void test_random_histories(void **state)
{
    struct scene scene;
    struct random random;
    struct check check = tcp();
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
                drop(&scene, "web.example.com", id);
                health[i] = 0;
            }
            break;
        case 1:
            put_good(&scene, "web.example.com", id, address, &check);
            health[i] = health[i] ? health[i] : 1;
            break;
        case 2:
            assert_int_equal(stage_load(&scene.stage, 0), ERR_OK);
            stage_publish(&scene.stage);
            break;
        default: {
            bool pass = random_below(&random, 2);
            if (health[i]) {
                says(&scene, address, pass ? OUTCOME_ALIVE : OUTCOME_DEAD);
                health[i] = pass ? 2 : health[i] == 1 ? 4 : health[i] == 4 ? 4 : 3;
            }
            scene.ms += 200000; /* penalties decay */
            pass_time(&scene, 0);
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
        if (registry_service(scene.registry, name_of("web.example.com"))) {
            expect(&scene, OUT, "web.example.com A", wanted);
        }
    }
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_view_gets_its_own),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_health_decides),
        cmocka_unit_test(test_what_is_asked_twice_is_probed_once),
        cmocka_unit_test(test_a_name_after_its_service),
        cmocka_unit_test(test_a_reload_keeps_services),
        cmocka_unit_test(test_leases),
        cmocka_unit_test(test_ttl_checks),
        cmocka_unit_test(test_overrides_end),
        cmocka_unit_test(test_the_last_one_is_kept_where_that_is_asked),
        cmocka_unit_test(test_slow_start),
        cmocka_unit_test(test_srv_and_tags),
        cmocka_unit_test(test_random_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
