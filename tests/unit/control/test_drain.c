/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The steps of a drain in virtual time, over random facts: a wait is never shortened, nothing is
 * done before what comes before is over, and it ends when nobody is led there.
 *
 * links: config
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "control/drain.h"

#include <string.h>

#define SECOND INT64_C(1000000000)

struct world {
    struct drain_facts facts;
    struct drain_reach reach;
    unsigned looked;
};

static void reach_look(void *ctx, struct drain_reach *out)
{
    struct world *world = ctx;
    world->looked++;
    *out = world->reach;
}

static void world_init(struct world *world, struct drain *drain)
{
    *world = (struct world){.facts = {.wall = {SECOND * 1000000}, .reach = reach_look}};
    world->facts.ctx = world;
    *drain = (struct drain){.number = 1, .ttl_s = 5, .ttl_before_s = 60};
}

static void at(struct world *world, int64_t s)
{
    world->facts.now.ns = s * SECOND;
    world->facts.wall.ns = (s + 1000000) * SECOND;
}

static void told_until(struct world *world, int64_t s)
{
    world->reach.until_mono.ns = s * SECOND;
    world->reach.until.ns = (s + 1000000) * SECOND;
}

static void test_the_steps(void **state)
{
    struct world world;
    struct drain drain;
    (void)state;
    world_init(&world, &drain);
    assert_int_equal(drain_advance(&drain, &world.facts), DRAIN_ACT_LOWER);
    assert_int_equal(drain_advance(&drain, &world.facts), DRAIN_ACT_NONE); /* not settled */
    assert_int_equal(drain.step, DRAIN_LOWER);
    world.facts.settled = true;
    told_until(&world, 61);
    assert_int_equal(drain_advance(&drain, &world.facts), DRAIN_ACT_NONE);
    assert_int_equal(drain.step, DRAIN_WAIT_OLD);
    at(&world, 60);
    drain_advance(&drain, &world.facts);
    assert_int_equal(drain.step, DRAIN_WAIT_OLD);
    at(&world, 61);
    drain_advance(&drain, &world.facts);
    assert_int_equal(drain.step, DRAIN_MOVE);
    world.facts.refused = "the other site has failed";
    assert_int_equal(drain_advance(&drain, &world.facts), DRAIN_ACT_NONE);
    assert_string_equal(drain.problem, "the other site has failed");
    world.facts.refused = NULL;
    world.facts.settled = false;
    assert_int_equal(drain_advance(&drain, &world.facts), DRAIN_ACT_MOVE);
    assert_string_equal(drain.problem, "");
    world.facts.settled = true;
    told_until(&world, 67);
    drain_advance(&drain, &world.facts);
    assert_int_equal(drain.step, DRAIN_WAIT_NEW);
    at(&world, 67);
    told_until(&world, 70); /* somebody was told again */
    drain_advance(&drain, &world.facts);
    assert_int_equal(drain.step, DRAIN_WAIT_NEW);
    assert_true(drain.problem[0] != 0);
    at(&world, 70);
    drain_advance(&drain, &world.facts);
    assert_int_equal(drain.step, DRAIN_VERIFY);
    world.reach.answered = 2;
    assert_int_equal(drain_advance(&drain, &world.facts), DRAIN_ACT_NONE);
    assert_non_null(strstr(drain.problem, "2 names are still answered"));
    world.reach.answered = 0;
    assert_int_equal(drain_advance(&drain, &world.facts), DRAIN_ACT_RESTORE);
    assert_int_equal(drain.step, DRAIN_DONE);
    assert_int_equal(drain.compliant.ns, world.reach.until.ns);
    assert_int_equal(drain_advance(&drain, &world.facts), DRAIN_ACT_NONE);
}

static void test_low_ttls_are_not_lowered(void **state)
{
    struct world world;
    struct drain drain;
    (void)state;
    world_init(&world, &drain);
    drain.ttl_before_s = 5;
    assert_int_equal(drain_advance(&drain, &world.facts), DRAIN_ACT_NONE);
    assert_int_equal(drain.step, DRAIN_MOVE);
    assert_int_equal(drain.entered[DRAIN_WAIT_OLD].ns, 0);
}

static void test_a_restart_shortens_nothing(void **state)
{
    struct world world;
    struct drain drain;
    (void)state;
    for (unsigned step = DRAIN_LOWER; step <= DRAIN_VERIFY; step++) {
        world_init(&world, &drain);
        at(&world, 0);
        drain.step = (enum drain_step)step;
        drain.acted = true;
        drain.until.ns = world.facts.wall.ns + 20 * SECOND;
        drain_resume(&drain, world.facts.now, world.facts.wall);
        assert_false(drain.acted);
        int64_t least = step <= DRAIN_WAIT_OLD ? 120 : 20; /* an SRV, then its target */
        assert_true(drain.until_mono.ns >= least * SECOND);
        assert_int_equal(drain.until.ns - world.facts.wall.ns, drain.until_mono.ns);
        drain.until.ns = 0; /* an instant in the past is no wait */
        if (step > DRAIN_MOVE) {
            drain_resume(&drain, world.facts.now, world.facts.wall);
            assert_int_equal(drain.until_mono.ns, 0);
        }
    }
}

/* Facts at random, in order of time. What was told last before a look must be over at the end. */
static void random_history(struct random *random)
{
    struct world world;
    struct drain drain;
    int64_t latest = 0, now = 0;
    unsigned looks = 0;
    world_init(&world, &drain);
    drain.ttl_before_s = (uint32_t)random_below(random, 10);
    while (!drain_is_over(&drain) && looks++ < 10000) {
        now += (int64_t)random_below(random, 3);
        at(&world, now);
        world.facts.settled = random_below(random, 3) > 0;
        world.facts.refused = random_below(random, 8) == 0 ? "no" : NULL;
        world.reach.answered = drain.step <= DRAIN_MOVE || random_below(random, 20) == 0;
        if (world.reach.answered) {
            int64_t until = now + 1 + (int64_t)random_below(random, 8);
            latest = until > latest ? until : latest;
            told_until(&world, latest);
        }
        if (random_below(random, 50) == 0) {
            drain_resume(&drain, world.facts.now, world.facts.wall);
        }
        enum drain_step before = drain.step;
        int64_t wait = drain.until_mono.ns;
        enum drain_act act = drain_advance(&drain, &world.facts);
        assert_true(act != DRAIN_ACT_MOVE || before == DRAIN_MOVE);
        assert_true(before != DRAIN_WAIT_OLD || drain.step == before || now * SECOND >= wait);
        assert_true(before != DRAIN_WAIT_NEW || drain.step == before || now * SECOND >= wait);
    }
    assert_int_equal(drain.step, DRAIN_DONE);
    assert_true(now >= latest); /* nobody holds anything */
    assert_int_equal(world.reach.answered, 0);
}

static void test_random_histories(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 11);
    for (int i = 0; i < 2000; i++) {
        random_history(&random);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_steps),
        cmocka_unit_test(test_low_ttls_are_not_lowered),
        cmocka_unit_test(test_a_restart_shortens_nothing),
        cmocka_unit_test(test_random_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
