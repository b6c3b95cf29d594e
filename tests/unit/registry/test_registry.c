/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The registry: what is staged shows only to later changes, is committed or undone as a whole, and
 * belongs to its owner. Against a plain model over random histories, memory faults included.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/random.h"
#include "registry/registry.h"
#include "unit/failing.h"

#include <stdio.h>
#include <string.h>

static const uint8_t WEB[] = "\3web\4prod\10internal";
static const uint8_t API[] = "\3api\4prod\10internal";

struct wish {
    struct instance instance;
    struct service_address address;
};

static const struct instance *wish_make(struct wish *wish, const uint8_t *service, const char *id,
                                        const char *owner, const char *address)
{
    instance_default(&wish->instance);
    wish->instance.service = service;
    wish->instance.id = id;
    wish->instance.owner = owner;
    wish->instance.port = 80;
    wish->instance.addresses = &wish->address;
    wish->instance.address_count = 1;
    wish->address.view = NULL;
    assert_int_equal(address_from_text(address, &wish->address.address), ERR_OK);
    return &wish->instance;
}

static int put(struct registry *registry, const uint8_t *service, const char *id, const char *owner,
               const char *address, uint64_t expect)
{
    struct wish wish;
    struct refusal refusal;
    registry_next(registry);
    return registry_put_instance(registry, wish_make(&wish, service, id, owner, address), expect,
                                 NULL, &refusal);
}

static const struct instance *now(struct registry *registry, const uint8_t *service, const char *id)
{
    struct instance_entry *entry = registry_instance(registry, service, id);
    return entry ? instance_now(entry) : NULL;
}

static void test_staged_is_not_served(void **state)
{
    struct registry *registry;
    struct refusal refusal;
    (void)state;
    assert_int_equal(registry_new(&ALLOC_MALLOC, &registry), ERR_OK);
    assert_int_equal(put(registry, WEB, "a", "x", "10.0.0.1", REVISION_ANY), ERR_OK);
    assert_int_equal(registry_staged(registry), 2); /* the service, too */
    assert_null(now(registry, WEB, "a"));
    assert_int_equal(put(registry, WEB, "a", "y", "10.0.0.2", REVISION_ANY), ERR_REFUSED);
    assert_int_equal(put(registry, WEB, "a", "x", "10.0.0.2", 0), ERR_EXISTS);
    assert_int_equal(registry_staged(registry), 2);
    registry_undo(registry, 0);
    assert_null(registry_service(registry, WEB));
    assert_int_equal(registry_revision(registry), 0);

    assert_int_equal(put(registry, WEB, "a", "x", "10.0.0.1", 0), ERR_OK);
    assert_int_equal(put(registry, WEB, "b", "y", "10.0.0.2", 0), ERR_OK);
    registry_commit(registry, NULL, NULL);
    assert_int_equal(registry_revision(registry), 2);
    assert_int_equal(now(registry, WEB, "a")->revision, 1);
    assert_int_equal(now(registry, WEB, "b")->revision, 2);

    /* Two changes of one object in one batch; the first never shows. */
    assert_int_equal(put(registry, WEB, "a", "x", "10.0.0.7", 1), ERR_OK);
    assert_int_equal(put(registry, WEB, "a", "x", "10.0.0.8", 1), ERR_EXISTS);
    assert_int_equal(put(registry, WEB, "a", "x", "10.0.0.8", 3), ERR_OK);
    size_t mark = registry_staged(registry);
    assert_int_equal(put(registry, WEB, "a", "x", "10.0.0.9", REVISION_ANY), ERR_OK);
    registry_undo(registry, mark);
    assert_int_equal(now(registry, WEB, "a")->addresses[0].address.bytes[15], 1);
    registry_commit(registry, NULL, NULL);
    assert_int_equal(now(registry, WEB, "a")->addresses[0].address.bytes[15], 8);

    /* Whose it is. */
    assert_int_equal(registry_drop_instance(registry, WEB, "a", "y", REVISION_ANY, &refusal),
                     ERR_REFUSED);
    assert_int_equal(registry_drop_service(registry, WEB, "x", REVISION_ANY, &refusal),
                     ERR_REFUSED); /* "b" is another's */
    assert_int_equal(registry_staged(registry), 0);
    assert_int_equal(registry_drop_instance(registry, WEB, "b", "y", 2, &refusal), ERR_OK);
    assert_int_equal(registry_drop_service(registry, WEB, "x", REVISION_ANY, &refusal), ERR_OK);
    assert_non_null(now(registry, WEB, "a"));
    registry_commit(registry, NULL, NULL);
    assert_null(registry_service(registry, WEB));
    assert_int_equal(registry_service_count(registry), 0);
    assert_int_equal(registry_instance_count(registry), 0);
    registry_free(registry);
}

static void test_same_is_no_change(void **state)
{
    struct registry *registry;
    struct refusal refusal;
    struct wish wish;
    bool same = false;
    (void)state;
    assert_int_equal(registry_new(&ALLOC_MALLOC, &registry), ERR_OK);
    assert_int_equal(put(registry, WEB, "a", "x", "10.0.0.1", 0), ERR_OK);
    registry_commit(registry, NULL, NULL);
    wish_make(&wish, WEB, "a", "x", "10.0.0.1");
    assert_int_equal(registry_put_instance(registry, &wish.instance, REVISION_ANY, &same, &refusal),
                     ERR_OK);
    assert_true(same);
    assert_int_equal(registry_staged(registry), 0);
    wish.instance.weight = 2;
    assert_int_equal(registry_put_instance(registry, &wish.instance, REVISION_ANY, &same, &refusal),
                     ERR_OK);
    assert_false(same);
    registry_free(registry);
}

/* A model: owner and last byte of the address of each of 2 x 4 instances; 0 is none. */
struct model {
    char owner[2][4];
    uint8_t address[2][4];
};

static void model_step(struct registry *registry, struct model *model, struct random *random)
{
    static const uint8_t *const services[] = {WEB, API};
    static const char *const ids[] = {"a", "b", "c", "d"};
    static const char *const owners[] = {"x", "y"};
    unsigned s = (unsigned)random_below(random, 2), i = (unsigned)random_below(random, 4);
    unsigned o = (unsigned)random_below(random, 2);
    uint8_t last = (uint8_t)(1 + random_below(random, 200));
    char address[32];
    struct refusal refusal;
    bool mine = !model->owner[s][i] || model->owner[s][i] == owners[o][0];
    snprintf(address, sizeof(address), "10.0.0.%u", last);
    if (random_below(random, 3) == 0) {
        int err = registry_drop_instance(registry, services[s], ids[i], owners[o], REVISION_ANY,
                                         &refusal);
        int wanted = !model->owner[s][i] ? ERR_NOT_FOUND : mine ? ERR_OK : ERR_REFUSED;
        assert_true(err == wanted || err == ERR_NOMEM);
        if (err == ERR_OK) {
            model->owner[s][i] = 0;
            model->address[s][i] = 0;
        }
        return;
    }
    int err = put(registry, services[s], ids[i], owners[o], address, REVISION_ANY);
    assert_true(err == (mine ? ERR_OK : ERR_REFUSED) || err == ERR_NOMEM);
    if (err == ERR_OK) {
        model->owner[s][i] = owners[o][0];
        model->address[s][i] = last;
    }
}

static void model_compare(struct registry *registry, const struct model *model)
{
    static const char *const ids[] = {"a", "b", "c", "d"};
    for (unsigned s = 0; s < 2; s++) {
        for (unsigned i = 0; i < 4; i++) {
            const struct instance *have = now(registry, s ? API : WEB, ids[i]);
            assert_int_equal(have ? have->owner[0] : 0, model->owner[s][i]);
            assert_int_equal(have ? have->addresses[0].address.bytes[15] : 0, model->address[s][i]);
        }
    }
}

static void random_histories(bool failing)
{
    struct random random;
    random_seed(&random, 11);
    for (int run = 0; run < 300; run++) {
        struct failing faults;
        struct model model = {.owner = {{0}}}, staged;
        struct registry *registry;
        failing_init(&faults, SIZE_MAX);
        assert_int_equal(registry_new(&faults.alloc, &registry), ERR_OK);
        for (int batch = 0; batch < 12; batch++) {
            staged = model;
            faults.left = failing ? random_below(&random, 60) : SIZE_MAX;
            for (unsigned n = (unsigned)random_below(&random, 8); n > 0; n--) {
                model_step(registry, &staged, &random);
            }
            faults.left = SIZE_MAX;
            model_compare(registry, &model);
            if (random_below(&random, 3) == 0) {
                registry_undo(registry, 0);
            } else {
                registry_commit(registry, NULL, NULL);
                model = staged;
            }
            model_compare(registry, &model);
        }
        registry_free(registry);
        assert_int_equal(faults.alive, 0);
    }
}

static void test_random_histories(void **state)
{
    (void)state;
    random_histories(false);
}

static void test_random_histories_without_memory(void **state)
{
    (void)state;
    random_histories(true);
}

static void test_labels(void **state)
{
    static const struct {
        const char *id, *label;
    } rows[] = {
        {"web-1", "web-1"}, {"Web-1", NULL}, {"v2", NULL}, {"a.b", NULL}, {"-x", NULL}, {"x", "x"},
    };
    const char *tags[] = {"V2"};
    struct service service;
    (void)state;
    service_default(&service);
    service.tags = tags;
    service.tag_count = 1;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint8_t label[64];
        instance_label(&service, rows[i].id, label);
        if (rows[i].label) {
            assert_int_equal(label[0], strlen(rows[i].label));
            assert_memory_equal(label + 1, rows[i].label, label[0]);
        } else {
            assert_int_equal(label[0], 17);
            assert_int_equal(label[1], 'i');
        }
    }
}

static void test_globs(void **state)
{
    (void)state;
    assert_true(glob_match("*", ""));
    assert_true(glob_match("*.prod.internal", "web.PROD.internal"));
    assert_false(glob_match("*.prod.internal", "prod.internal"));
    assert_true(glob_match("w?b*", "web-1"));
    assert_false(glob_match("w?b", "web-1"));
    assert_true(glob_match("*a*a*b", "aaaaab"));
    assert_false(glob_match("", "x"));
}

static void test_overrides_have_a_limit(void **state)
{
    struct registry *registry;
    struct refusal refusal = {.field = ""};
    (void)state;
    assert_int_equal(registry_new(&ALLOC_MALLOC, &registry), ERR_OK);
    for (unsigned i = 0; i <= LIMIT_OVERRIDES; i++) {
        char name[32];
        snprintf(name, sizeof(name), "n%u.prod.internal", i);
        const struct override wanted = {.name = name,
                                        .instance = "*",
                                        .reason = "a test",
                                        .owner = "x",
                                        .set_at = {1},
                                        .expires_at = {2}};
        assert_int_equal(registry_put_override(registry, &wanted, &refusal),
                         i < LIMIT_OVERRIDES ? ERR_OK : ERR_LIMIT);
    }
    assert_non_null(strstr(refusal.reason, "1000 overrides already"));
    registry_commit(registry, NULL, NULL);
    assert_int_equal(registry_drop_override(registry, "n7.prod.internal/*", &refusal), ERR_OK);
    const struct override again = {.name = "n7.prod.internal",
                                   .instance = "*",
                                   .reason = "dropped and set in one change",
                                   .owner = "x",
                                   .set_at = {1},
                                   .expires_at = {3}};
    assert_int_equal(registry_put_override(registry, &again, &refusal), ERR_OK);
    registry_commit(registry, NULL, NULL);
    assert_int_equal(registry_override_count(registry), LIMIT_OVERRIDES);
    registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_staged_is_not_served),
        cmocka_unit_test(test_same_is_no_change),
        cmocka_unit_test(test_random_histories),
        cmocka_unit_test(test_random_histories_without_memory),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_globs),
        cmocka_unit_test(test_overrides_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
