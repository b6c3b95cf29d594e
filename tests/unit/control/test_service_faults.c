/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Registered services without memory: every allocation of a history fails once. Nothing crashes,
 * nothing leaks, what was answered goes on; and once there is memory, a change of the service
 * brings all of it back.
 *
 * links: config
 */
#include "unit/control/service_scene.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* One change as discovery makes it; errors are what they are. */
static int put(struct scene *scene, const char *service, const char *id, const char *address,
               const struct check *check)
{
    struct service_address list = {.view = NULL};
    struct instance instance;
    struct refusal refusal;
    instance_default(&instance);
    assert_int_equal(address_from_text(address, &list.address), ERR_OK);
    instance.service = scene_name(service);
    instance.id = id;
    instance.owner = "x";
    instance.port = 80;
    instance.lease_ms = 30000;
    instance.addresses = &list;
    instance.address_count = 1;
    instance.checks = (struct check *)(uintptr_t)check;
    instance.check_count = check != NULL;
    registry_next(scene->registry);
    int err = registry_put_instance(scene->registry, &instance, REVISION_ANY, NULL, &refusal);
    err = err == ERR_OK ? services_judge(scene->services, 0, &refusal) : err;
    if (err == ERR_OK) {
        services_commit(scene->services, scene_now(scene), scene_wall(scene));
    } else {
        registry_undo(scene->registry, 0);
    }
    return err;
}

static void drop(struct scene *scene, const char *service)
{
    struct refusal refusal;
    registry_next(scene->registry);
    if (registry_drop_service(scene->registry, scene_name(service), "x", REVISION_ANY, &refusal) ==
        ERR_OK) {
        services_commit(scene->services, scene_now(scene), scene_wall(scene));
    } else {
        registry_undo(scene->registry, 0);
    }
}

static void outcomes(struct scene *scene, enum outcome_kind outcome)
{
    for (unsigned i = 0; i < PROBES; i++) {
        const struct probe_order *order = scene->probes[i].order;
        if (order) {
            services_outcome(scene->services, order->probe, outcome, "said", scene_now(scene));
        }
    }
}

static void try_flush(struct scene *scene)
{
    if (services_flush(scene->services, scene_now(scene)) == ERR_OK) {
        stage_publish(&scene->stage);
    }
    stage_audit(&scene->stage);
}

/* A history in which everything happens once. */
static void history(struct scene *scene)
{
    struct check check = scene_tcp();
    put(scene, "web.example.com", "a", "192.0.2.1", &check);
    try_flush(scene);
    outcomes(scene, OUTCOME_PASS);
    try_flush(scene);
    put(scene, "web.example.com", "b", "192.0.2.2", NULL);
    put(scene, "api.example.com", "a", "192.0.2.1", &check);
    try_flush(scene);
    outcomes(scene, OUTCOME_FAIL);
    try_flush(scene);
    drop(scene, "api.example.com");
    try_flush(scene);
    scene->ms += 31000;
    services_step(scene->services, scene_now(scene), scene_wall(scene));
    try_flush(scene);
}

static void test_every_allocation_fails_once(void **state)
{
    (void)state;
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        struct scene scene;
        struct check check = scene_tcp();
        scene_init(&scene);
        scene_put_good(&scene, "old.example.com", "a", "192.0.2.9", NULL);
        scene.stage.failing.left = n - 1;
        scene.stage.failing.failed = false;
        history(&scene);
        failed = scene.stage.failing.failed;
        scene_expect(&scene, OUT, "old.example.com A", "NOERROR 192.0.2.9");
        scene.stage.failing.left = SIZE_MAX;
        try_flush(&scene);
        /* With memory, a change of the service brings all of it back. */
        drop(&scene, "web.example.com");
        scene_put_good(&scene, "web.example.com", "z", "192.0.2.3", &check);
        scene_says(&scene, "192.0.2.3", OUTCOME_PASS);
        scene_expect(&scene, OUT, "web.example.com A", "NOERROR 192.0.2.3");
        scene_expect(&scene, OUT, "z.web.example.com A", "NOERROR 192.0.2.3");
        scene_deinit(&scene);
        assert_true(n < 5000);
    }
}

/* The same, and after the first failure there is no more memory at all for a while. */
static void test_memory_stays_away(void **state)
{
    (void)state;
    for (size_t n = 1; n < 200; n++) {
        struct scene scene;
        scene_init(&scene);
        scene_put_good(&scene, "old.example.com", "a", "192.0.2.9", NULL);
        scene.stage.failing.left = n;
        history(&scene);
        history(&scene);
        scene_expect(&scene, OUT, "old.example.com A", "NOERROR 192.0.2.9");
        scene.stage.failing.left = SIZE_MAX;
        try_flush(&scene);
        scene_deinit(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_fails_once),
        cmocka_unit_test(test_memory_stays_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
