/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The outage of 2025-10-20, in small: three writers make plans for one name, apply them, and clean
 * up what is older than theirs, each slow at any point. Every interleaving is tried. With plans
 * that carry the revision they were made from, and deletions that carry the revision they saw, the
 * name is never empty and never older than it was. Without, it is: so the test can fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "registry/registry.h"

#include <stdio.h>
#include <string.h>

enum {
    WRITERS = 3,
    STEPS = 4, /* plan, apply, look for what is older, delete it */
    TURNS = WRITERS * STEPS
};

struct writer {
    unsigned step, version; /* of its plan; as an address 10.0.0.VERSION */
    uint64_t made_at;       /* the registry's revision then */
    bool applied, found_older;
    uint64_t older_revision;
};

struct world {
    struct registry *registry;
    struct writer writers[WRITERS];
    unsigned planned; /* plans made */
    unsigned newest;  /* version that was applied last, the greatest */
    bool fenced;
    bool empty, old; /* it was, at some moment after the first plan */
};

static uint8_t NAME[] = "\003api\004prod\010internal";

static const struct instance *current(const struct world *world)
{
    const struct instance_entry *entry = registry_instance(world->registry, NAME, "current");
    return entry ? instance_now(entry) : NULL;
}

static unsigned version_of(const struct instance *instance)
{
    return instance->addresses[0].address.bytes[15];
}

/* As a plan with `expect` is staged: refused when anything has changed since it was made. */
static void plan_apply(struct world *world, struct writer *writer)
{
    struct service_address address = {.view = NULL};
    struct instance instance;
    struct refusal refusal;
    char text[32];
    if (world->fenced && registry_revision(world->registry) != writer->made_at) {
        return;
    }
    snprintf(text, sizeof(text), "10.0.0.%u", writer->version);
    assert_int_equal(address_from_text(text, &address.address), ERR_OK);
    instance_default(&instance);
    instance.service = NAME;
    instance.id = "current";
    instance.owner = "api:planner";
    instance.addresses = &address;
    instance.address_count = 1;
    registry_next(world->registry);
    assert_int_equal(
        registry_put_instance(world->registry, &instance, REVISION_ANY, NULL, &refusal), ERR_OK);
    registry_commit(world->registry, NULL, NULL);
    writer->applied = true;
}

static void older_delete(struct world *world, const struct writer *writer)
{
    struct refusal refusal;
    uint64_t expect = world->fenced ? writer->older_revision : REVISION_ANY;
    registry_next(world->registry);
    int err =
        registry_drop_instance(world->registry, NAME, "current", "api:planner", expect, &refusal);
    if (err == ERR_OK) {
        registry_commit(world->registry, NULL, NULL);
    } else {
        registry_undo(world->registry, 0);
    }
}

static void turn(struct world *world, struct writer *writer)
{
    const struct instance *now = current(world);
    switch (writer->step++) {
    case 0:
        writer->version = ++world->planned;
        writer->made_at = registry_revision(world->registry);
        break;
    case 1:
        plan_apply(world, writer);
        break;
    case 2:
        writer->found_older = writer->applied && now && version_of(now) < writer->version;
        writer->older_revision = now ? now->revision : 0;
        break;
    default:
        if (writer->found_older) {
            older_delete(world, writer);
        }
    }
    now = current(world);
    world->empty = world->empty || (world->newest > 0 && !now);
    world->old = world->old || (now && version_of(now) < world->newest);
    world->newest = now && version_of(now) > world->newest ? version_of(now) : world->newest;
}

static void world_run(struct world *world, const uint8_t turns[TURNS], bool fenced)
{
    *world = (struct world){.fenced = fenced};
    assert_int_equal(registry_new(&ALLOC_MALLOC, &world->registry), ERR_OK);
    for (unsigned i = 0; i < TURNS; i++) {
        turn(world, &world->writers[turns[i]]);
    }
    registry_free(world->registry);
}

/* The next order of the turns; false: that was the last one. */
static bool next_order(uint8_t turns[TURNS])
{
    unsigned i = TURNS - 1, k = TURNS - 1;
    while (i > 0 && turns[i - 1] >= turns[i]) {
        i--;
    }
    if (i == 0) {
        return false;
    }
    while (turns[k] <= turns[i - 1]) {
        k--;
    }
    uint8_t one = turns[i - 1];
    turns[i - 1] = turns[k];
    turns[k] = one;
    for (unsigned a = i, b = TURNS - 1; a < b; a++, b--) {
        one = turns[a];
        turns[a] = turns[b];
        turns[b] = one;
    }
    return true;
}

static void test_every_interleaving(void **state)
{
    uint8_t turns[TURNS];
    unsigned orders = 0, applied = 0, unfenced_empty = 0, unfenced_old = 0;
    struct world world;
    (void)state;
    for (unsigned i = 0; i < TURNS; i++) {
        turns[i] = (uint8_t)(i / STEPS);
    }
    do {
        world_run(&world, turns, true);
        assert_false(world.empty);
        assert_false(world.old);
        assert_true(world.newest > 0);
        for (unsigned i = 0; i < WRITERS; i++) {
            applied += world.writers[i].applied;
        }
        world_run(&world, turns, false);
        unfenced_empty += world.empty;
        unfenced_old += world.old;
        orders++;
    } while (next_order(turns));
    assert_int_equal(orders, 34650); /* 12! / (4! 4! 4!) */
    assert_true(applied > orders);   /* often more than one of the three */
    assert_true(unfenced_empty > 0 && unfenced_old > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_interleaving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
