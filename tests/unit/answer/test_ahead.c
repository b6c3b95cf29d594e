/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Looking ahead: it ends at the nodes that the answers need, and bytes from outside cannot hurt it.
 *
 * links: control
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "answer/ahead.h"
#include "base/random.h"
#include "dns/message.h"
#include "unit/answer/scene.h"

#include <stdlib.h>

static struct client outside(void)
{
    static const uint8_t v4[4] = {192, 0, 2, 1};
    return (struct client){.address = address_from_v4(v4), .transport = TRANSPORT_UDP};
}

static void test_ends_at_the_nodes_asked_for(void **state)
{
    (void)state;
    static const char *const names[] = {"www.example.com", "WWW.Example.COM", "txt.example.com",
                                        "example.com"};
    struct scene *scene = scene_new();
    struct client client = outside();
    struct ahead ahead;
    ahead_init(&ahead, scene->world.snapshot);
    for (unsigned i = 0; i < 4; i++) {
        uint8_t query[512];
        size_t len = scene_query(&(struct ask){.name = names[i], .type = TYPE_A}, query);
        ahead_add(&ahead, &client, query, len);
    }
    assert_int_equal(ahead.count, 4);
    ahead_run(&ahead);
    for (unsigned i = 0; i < 4; i++) {
        assert_null(ahead.query[i].search.at);
        ref_t leaf = ahead.query[i].search.leaf;
        assert_true(leaf != 0);
        struct qp_leaf_name found = qp_leaf_name(scene->world.snapshot->slab, leaf);
        assert_int_equal(found.len, ahead.query[i].name.len);
        assert_memory_equal(found.wire, ahead.query[i].name.wire, found.len);
    }
    scene_free(scene);
}

static void test_passes_over_what_it_cannot_read(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct client client = outside();
    struct ahead ahead;
    ahead_init(&ahead, scene->world.snapshot);
    uint8_t query[512];
    size_t len = scene_query(&(struct ask){.name = "www.example.com", .type = TYPE_A}, query);
    ahead_add(&ahead, &client, query, 0);
    ahead_add(&ahead, &client, query, HEADER_BYTES);
    ahead_add(&ahead, &client, query, HEADER_BYTES + 5); /* within the name */
    query[HEADER_BYTES] = 0xc0;                          /* a pointer */
    ahead_add(&ahead, &client, query, len);
    len = scene_query(&(struct ask){.name = "www.elsewhere.test", .type = TYPE_A}, query);
    ahead_add(&ahead, &client, query, len);
    assert_int_equal(ahead.count, 0);
    ahead_run(&ahead);
    scene_free(scene);
}

/* Each message in a block of its own size, so that the sanitizer sees a read behind its end. */
static void test_mutated_messages_do_no_harm(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct client client = outside();
    struct random random;
    random_seed(&random, 7);
    unsigned read = 0;
    for (unsigned round = 0; round < 2000; round++) {
        struct ahead ahead;
        uint8_t *messages[AHEAD_QUERIES];
        ahead_init(&ahead, scene->world.snapshot);
        for (unsigned i = 0; i < AHEAD_QUERIES; i++) {
            uint8_t query[512];
            size_t len = scene_query(
                &(struct ask){.name = "a.b.sub.example.com", .type = TYPE_A, .edns = true}, query);
            for (unsigned changes = (unsigned)random_below(&random, 4); changes-- > 0;) {
                query[random_below(&random, len)] = (uint8_t)random_below(&random, 256);
            }
            len = random_below(&random, 4) ? len : random_below(&random, len + 1);
            messages[i] = malloc(len + 1); /* malloc(0) may be NULL */
            assert_non_null(messages[i]);
            memcpy(messages[i] + 1, query, len);
            ahead_add(&ahead, &client, messages[i] + 1, len);
        }
        ahead_run(&ahead);
        for (unsigned i = 0; i < AHEAD_QUERIES; i++) {
            free(messages[i]);
        }
        read += ahead.count;
    }
    assert_in_range(read, 2000, 2000 * AHEAD_QUERIES - 1); /* many were read, not all */
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_at_the_nodes_asked_for),
        cmocka_unit_test(test_passes_over_what_it_cannot_read),
        cmocka_unit_test(test_mutated_messages_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
