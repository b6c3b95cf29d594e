/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The storm brake over registered services: failures in two sites at once hold the answers, a site
 * that fails does not, a checker without a network knows it; and it ends.
 *
 * links: config
 */
#include "unit/control/service_scene.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* Six instances in each of two sites, working. */
static void sites_init(struct scene *scene)
{
    scene_init(scene);
    for (unsigned i = 1; i <= 12; i++) {
        scene_put_site(scene, i, i <= 6 ? "dc1" : "dc2");
    }
}

static void fails(struct scene *scene, unsigned number)
{
    char text[32];
    snprintf(text, sizeof(text), "192.0.2.%u", number);
    scene_says(scene, text, OUTCOME_FAIL);
}

static unsigned answered(struct scene *scene)
{
    unsigned count = 0;
    const char *at = stage_ask(&scene->stage, OUT, "web.example.com A");
    for (; (at = strstr(at, " 192.0.2.")) != NULL; at++) {
        count++;
    }
    return count;
}

static void test_a_storm_is_braked_and_ends(void **state)
{
    struct scene scene;
    (void)state;
    sites_init(&scene);
    fails(&scene, 1);
    fails(&scene, 2);
    fails(&scene, 7);
    assert_int_equal(answered(&scene), 9);
    assert_false(scene.storm);
    fails(&scene, 8); /* 4 of 12 in two sites: the network, not the targets */
    assert_true(scene.storm);
    assert_int_equal(answered(&scene), 12);
    fails(&scene, 9);
    assert_int_equal(answered(&scene), 12);
    scene_pass_time(&scene, 299000);
    assert_int_equal(answered(&scene), 12);
    scene_pass_time(&scene, 2000); /* it ends by itself, whatever goes on */
    assert_false(scene.storm);
    assert_int_equal(answered(&scene), 7);
    fails(&scene, 10);
    assert_int_equal(answered(&scene), 6);
    scene_says(&scene, "192.0.2.1", OUTCOME_PASS);
    assert_int_equal(answered(&scene), 7);
    scene_deinit(&scene);
}

static void test_a_site_that_fails_is_no_storm(void **state)
{
    struct scene scene;
    (void)state;
    sites_init(&scene);
    for (unsigned i = 1; i <= 6; i++) {
        fails(&scene, i);
        assert_int_equal(answered(&scene), 12 - i);
    }
    assert_false(scene.storm);
    scene_deinit(&scene);
}

static void test_a_checker_without_a_network_knows_it(void **state)
{
    static const struct brake_policy brake = {
        .share_percent = 30, .window_ms = 60000, .hold_ms = 300000};
    struct reference_target gateway = {.port = 80};
    struct scene scene;
    (void)state;
    scene_init(&scene);
    address_from_text("198.51.100.1", &gateway.address);
    services_brake_set(scene.services, &brake, &gateway, 1, scene_now(&scene));
    scene_put_site(&scene, 1, "dc1");
    scene_put_site(&scene, 2, "dc1");
    scene_says(&scene, "198.51.100.1", OUTCOME_PASS);
    fails(&scene, 1);
    assert_int_equal(answered(&scene), 1);
    for (unsigned i = 0; i < 3; i++) {
        scene_says(&scene, "198.51.100.1", OUTCOME_FAIL);
    }
    assert_true(scene.storm);
    fails(&scene, 2);
    assert_int_equal(answered(&scene), 2); /* what failed within the window, too */
    scene_says(&scene, "198.51.100.1", OUTCOME_PASS);
    scene_says(&scene, "192.0.2.1", OUTCOME_PASS);
    scene_says(&scene, "192.0.2.2", OUTCOME_PASS);
    assert_false(scene.storm);
    assert_int_equal(answered(&scene), 2);
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_storm_is_braked_and_ends),
        cmocka_unit_test(test_a_site_that_fails_is_no_storm),
        cmocka_unit_test(test_a_checker_without_a_network_knows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
