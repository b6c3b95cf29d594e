/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What explain is told: the steps of each answer, and that telling them changes nothing.
 *
 * links: control
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/answer/scene.h"
#include "unit/failing.h"

#include <stdio.h>

struct row {
    const char *from, *name;
    uint16_t type;
    const char *steps;
};

/* "view: 10.1.2.3 is in view internal\nzone: example.com.\n..." */
static void steps_text(const struct trace *trace, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (const struct trace_entry *entry = trace->first; entry; entry = entry->next) {
        int len =
            snprintf(out + at, size - at, "%s: %s\n", trace_step_name(entry->step), entry->detail);
        assert_true(len > 0 && at + (size_t)len < size);
        at += (size_t)len;
    }
}

#define OUTSIDE "view: 192.0.2.1 is in view external\n"
#define COM "zone: example.com.\n"

static void test_steps(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, "www.example.com", TYPE_A,
         OUTSIDE COM "match: www.example.com.\ndata: www.example.com. A, 2 records, TTL 60\n"},
        {"10.1.2.3", "www.example.com", TYPE_A,
         "view: 10.1.2.3 is in view internal\n" COM
         "match: www.example.com.\ndata: www.example.com. A, 1 record, TTL 20\n"},
        {NULL, "www.example.com", TYPE_MX,
         OUTSIDE COM "match: www.example.com.\nnodata: www.example.com. MX\n"},
        {NULL, "ent.example.com", TYPE_A,
         OUTSIDE COM "empty-non-terminal: ent.example.com.\nnodata: ent.example.com. A\n"},
        {NULL, "a.b.example.com", TYPE_A,
         OUTSIDE COM "closest-encloser: example.com.\nnxdomain: a.b.example.com. A\n"},
        {NULL, "x.wild.example.com", TYPE_A,
         OUTSIDE COM "closest-encloser: wild.example.com.\nwildcard: *.wild.example.com.\n"
                     "data: x.wild.example.com. A, 1 record, TTL 300\n"},
        {NULL, "far.example.com", TYPE_A,
         OUTSIDE COM "match: far.example.com.\ncname: far.example.com. CNAME, 1 record, TTL 300\n"
                     "zone: example.org.\nmatch: www.example.org.\n"
                     "data: www.example.org. A, 1 record, TTL 300\n"},
        {NULL, "www.dn.example.com", TYPE_A,
         OUTSIDE COM "dname: dn.example.com.\nzone: example.org.\nmatch: www.example.org.\n"
                     "data: www.example.org. A, 1 record, TTL 300\n"},
        {NULL, "x.sub.example.com", TYPE_A,
         OUTSIDE COM "delegation: sub.example.com.\nadditional: ns.sub.example.com.\n"
                     "additional: ns.sib.example.com.\n"},
        {NULL, "sub.example.com", TYPE_DS,
         OUTSIDE COM "match: sub.example.com.\nds: sub.example.com.\n"
                     "data: sub.example.com. DS, 1 record, TTL 300\n"},
        {NULL, "example.net", TYPE_A, OUTSIDE "refused: example.net.\n"},
        {NULL, "broken.test", TYPE_A, OUTSIDE "zone: broken.test.\nservfail: broken.test.\n"},
        {NULL, "example.com", TYPE_AXFR, OUTSIDE "refused: zone transfer is not allowed\n"},
    };
    struct scene *scene = scene_new();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct trace trace;
        char text[4096];
        static uint8_t untraced[LIMIT_MESSAGE_BYTES];
        struct ask ask = {.name = rows[i].name, .type = rows[i].type, .from = rows[i].from};
        scene_ask(scene, &ask);
        size_t len = scene->len;
        memcpy(untraced, scene->wire, len);
        trace_init(&trace, &ALLOC_MALLOC);
        ask.trace = &trace;
        scene_ask(scene, &ask);
        assert_int_equal(scene->len, len);
        assert_memory_equal(scene->wire, untraced, len);
        steps_text(&trace, text, sizeof(text));
        trace_deinit(&trace);
        if (strcmp(text, rows[i].steps) != 0) {
            fail_msg("%s type %u:\n%s--- expected\n%s", rows[i].name, rows[i].type, text,
                     rows[i].steps);
        }
    }
    scene_free(scene);
}

static void test_truncation_and_scope_are_told(void **state)
{
    (void)state;
    struct scene *scene = scene_new_empty(4 << 20);
    struct trace trace;
    char text[4096], zone[8192];
    int len = snprintf(zone, sizeof(zone), "@ SOA a b 1 2 3 4 5\n@ NS ns1\n");
    for (int i = 0; i < 40; i++) {
        len += snprintf(zone + len, sizeof(zone) - (size_t)len, "m A 198.51.100.%d\n", i);
    }
    world_view(&scene->world, "all", NULL);
    world_subnet_from(&scene->world, "192.0.2.1");
    world_zone(&scene->world, "example.com.", VIEWS_ALL, zone);
    scene_serve(scene);
    trace_init(&trace, &ALLOC_MALLOC);
    scene_ask(scene, &(struct ask){.name = "m.example.com",
                                   .type = TYPE_A,
                                   .edns = true,
                                   .options = (const uint8_t *)"\0\10\0\7\0\1\30\0\12\1\2",
                                   .options_len = 11,
                                   .trace = &trace});
    steps_text(&trace, text, sizeof(text));
    assert_non_null(strstr(text, "view: 10.1.2.0 is in view all\n"));
    assert_non_null(strstr(text, "truncated: TC set\n"));
    assert_non_null(strstr(text, "client-subnet: from a listed resolver; scope /0\n"));
    trace_deinit(&trace);
    scene_free(scene);
}

static void test_every_step_has_its_words(void **state)
{
    (void)state;
    for (unsigned step = 0; step < TRACE_STEP_COUNT; step++) {
        assert_true(strlen(trace_step_name((enum trace_step)step)) > 1);
        assert_true(strlen(trace_step_text((enum trace_step)step)) > 5);
        for (unsigned other = 0; other < step; other++) {
            assert_string_not_equal(trace_step_name((enum trace_step)step),
                                    trace_step_name((enum trace_step)other));
        }
    }
    for (unsigned kind = 0; kind < ANSWER_KIND_COUNT; kind++) {
        assert_true(strlen(answer_kind_name(kind)) > 2);
    }
    assert_string_equal(answer_kind_name(ANSWER_KIND_COUNT), "?");
}

/* Without memory an explanation lacks steps; the answer does not suffer and nothing leaks. */
static void test_trace_without_memory(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    for (size_t n = 1;; n++) {
        struct failing failing;
        struct trace trace;
        failing_init(&failing, n);
        trace_init(&trace, &failing.alloc);
        scene_ask(scene, &(struct ask){.name = "far.example.com", .type = TYPE_A, .trace = &trace});
        assert_int_equal(scene->reply.counts[1], 2);
        trace_deinit(&trace);
        assert_int_equal(failing.alive, 0);
        if (!failing.failed) {
            break;
        }
    }
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_truncation_and_scope_are_told),
        cmocka_unit_test(test_every_step_has_its_words),
        cmocka_unit_test(test_trace_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
