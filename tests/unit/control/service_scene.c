/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit/control/service_scene.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

const char SCENE_CONFIG[] = "server: {listen: [127.0.0.1:53]}\n"
                            "views:\n"
                            "  in: {internal: true, match: [10.0.0.0/16]}\n"
                            "  in2: {internal: true, match: [10.9.0.0/16]}\n"
                            "  out: {default: true}\n"
                            "zones:\n"
                            "  - {zone: example.com, file: example.zone}\n";

static const char ZONE[] = "@ 300 SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\n"
                           "ns A 192.0.2.53\nwww A 192.0.2.80\n*.wild A 192.0.2.83\n"
                           "sub NS ns.elsewhere.\n";

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

static void on_lease(void *ctx, const struct instance_entry *instance, bool expired)
{
    (void)instance;
    ((struct scene *)ctx)->leases += expired ? 1 : -1;
}

static void on_choice(void *ctx, const struct service_entry *service, enum choice_kind before,
                      enum choice_kind after)
{
    (void)ctx;
    (void)service;
    assert_int_not_equal(before, after);
}

static void on_failover(void *ctx, const struct service_entry *service, const struct failover *what)
{
    struct scene *scene = ctx;
    assert_true(what->back || service_now(service));
    assert_non_null(what->site);
    assert_true(what->failed_at.ns <= scene_now(scene).ns);
    scene->failed_over += what->back ? -1 : 1;
    scene->cause = what->cause;
}

static void on_site(void *ctx, const char *site, bool failed, const char *detail)
{
    (void)detail;
    assert_non_null(site);
    ((struct scene *)ctx)->sites_failed += failed ? 1 : -1;
}

static void on_held(void *ctx, const char *site)
{
    (void)site;
    ((struct scene *)ctx)->alarms++;
}

static void on_storm(void *ctx, bool on, const char *why)
{
    struct scene *scene = ctx;
    assert_non_null(why);
    assert_int_not_equal(scene->storm, on);
    scene->storm = on;
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

struct mono scene_now(const struct scene *scene)
{
    return (struct mono){scene->ms * 1000000};
}

struct wall scene_wall(const struct scene *scene)
{
    return (struct wall){(scene->ms + 1000000) * 1000000};
}

void scene_init(struct scene *scene)
{
    memset(scene, 0, sizeof(*scene));
    stage_init(&scene->stage);
    stage_file(&scene->stage, "example.zone", ZONE);
    scene->port = (struct probe_port){scene, port_start, port_stop};
    scene->events = (struct services_events){.ctx = scene,
                                             .verdict = on_verdict,
                                             .lease = on_lease,
                                             .choice = on_choice,
                                             .failover = on_failover,
                                             .site = on_site,
                                             .held = on_held,
                                             .storm = on_storm,
                                             .remove = on_remove};
    assert_int_equal(
        services_new(scene->stage.control, &scene->port, &scene->events, &scene->services), ERR_OK);
    scene->registry = services_registry(scene->services);
    assert_int_equal(stage_configure(&scene->stage, SCENE_CONFIG, true), ERR_OK);
    assert_true(stage_publish(&scene->stage));
}

void scene_deinit(struct scene *scene)
{
    services_free(scene->services);
    assert_int_equal(scene->running, 0);
    stage_deinit(&scene->stage);
}

void scene_flush(struct scene *scene)
{
    assert_int_equal(services_flush(scene->services, scene_now(scene)), ERR_OK);
    stage_publish(&scene->stage);
    stage_audit(&scene->stage);
}

void scene_commit(struct scene *scene)
{
    services_commit(scene->services, scene_now(scene), scene_wall(scene));
    scene_flush(scene);
}

void scene_pass_time(struct scene *scene, int64_t ms)
{
    int64_t end = scene->ms + ms;
    struct mono at;
    while (services_next(scene->services, &at) && at.ns / 1000000 <= end) {
        scene->ms = at.ns / 1000000 > scene->ms ? at.ns / 1000000 : scene->ms;
        services_step(scene->services, (struct mono){at.ns}, scene_wall(scene));
        scene_commit(scene);
    }
    scene->ms = end;
}

const uint8_t *scene_name(const char *text)
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
int scene_put(struct scene *scene, const char *service, const char *id, const char *addresses,
              const struct check *check, struct refusal *refusal)
{
    struct service_address list[8];
    char room[256];
    struct instance instance;
    instance_default(&instance);
    instance.service = scene_name(service);
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
        scene_commit(scene);
    } else {
        registry_undo(scene->registry, 0);
    }
    return err;
}

void scene_put_good(struct scene *scene, const char *service, const char *id, const char *addresses,
                    const struct check *check)
{
    struct refusal refusal;
    if (scene_put(scene, service, id, addresses, check, &refusal) != ERR_OK) {
        fail_msg("%s: %s", refusal.field, refusal.reason);
    }
}

void scene_drop(struct scene *scene, const char *service, const char *id)
{
    struct refusal refusal;
    registry_next(scene->registry);
    assert_int_equal(id ? registry_drop_instance(scene->registry, scene_name(service), id, "x",
                                                 REVISION_ANY, &refusal)
                        : registry_drop_service(scene->registry, scene_name(service), "x",
                                                REVISION_ANY, &refusal),
                     ERR_OK);
    scene_commit(scene);
}

void scene_policy(struct scene *scene, struct service *service, const char *name)
{
    struct refusal refusal;
    service->name = (uint8_t *)(uintptr_t)scene_name(name);
    service->owner = "x";
    registry_next(scene->registry);
    assert_int_equal(registry_put_service(scene->registry, service, REVISION_ANY, NULL, &refusal),
                     ERR_OK);
    assert_int_equal(services_judge(scene->services, 0, &refusal), ERR_OK);
    scene_commit(scene);
}

/* The probe of an address says something. */
void scene_says(struct scene *scene, const char *address, enum outcome_kind outcome)
{
    struct address wanted;
    unsigned found = 0;
    assert_int_equal(address_from_text(address, &wanted), ERR_OK);
    for (unsigned i = 0; i < PROBES; i++) {
        const struct probe_order *order = scene->probes[i].order;
        if (order && memcmp(&order->address, &wanted, sizeof(wanted)) == 0) {
            services_outcome(scene->services, order->probe, outcome, "said", scene_now(scene));
            found++;
        }
    }
    assert_true(found > 0);
    scene_flush(scene);
}

void scene_expect(struct scene *scene, const char *from, const char *question, const char *answer)
{
    stage_expect(&scene->stage, from, question, answer);
}

struct check scene_tcp(void)
{
    struct check check;
    check_default(&check, CHECK_TCP);
    check.fall = 1;
    check.rise = 1;
    return check;
}

void scene_put_site(struct scene *scene, unsigned number, const char *site)
{
    struct service_address address = {.view = NULL};
    struct check check = scene_tcp();
    struct instance instance;
    struct refusal refusal;
    char id[16], text[32];
    snprintf(id, sizeof(id), "i%u", number);
    snprintf(text, sizeof(text), "192.0.2.%u", number);
    address_from_text(text, &address.address);
    instance_default(&instance);
    instance.service = scene_name("web.example.com");
    instance.id = id;
    instance.owner = "x";
    instance.site = site;
    instance.addresses = &address;
    instance.address_count = 1;
    instance.checks = &check;
    instance.check_count = 1;
    assert_int_equal(
        registry_put_instance(scene->registry, &instance, REVISION_ANY, NULL, &refusal), ERR_OK);
    scene_commit(scene);
    scene_says(scene, text, OUTCOME_PASS);
}
