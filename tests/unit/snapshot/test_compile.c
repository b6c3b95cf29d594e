/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Overlays and `only`: what each view sees of a zone, and what the checks say of the merged result.
 *
 * links: config
 */
#include "unit/snapshot/zone_world.h"

#include <stdio.h>

enum {
    IN,
    LAB,
    OUT
};

#define CONFIG(zone)                                  \
    "server: {listen: [127.0.0.1:53]}\n"              \
    "views:\n"                                        \
    "  in: {internal: true, match: [10.0.0.0/16]}\n"  \
    "  lab: {internal: true, match: [10.7.0.0/24]}\n" \
    "  out: {default: true}\n"                        \
    "zones:\n"                                        \
    "  - zone: example.com\n"                         \
    "    file: z\n" zone

/* From line 9 on. */
#define OVERLAY(view, edits)   \
    "    overlays:\n"          \
    "      - view: " view "\n" \
    "        reason: r\n" edits

static const char BASE[] = "@ 60 SOA ns h 1 1 1 1 1\n"
                           "@ 60 NS ns\n"
                           "ns 60 A 192.0.2.53\n"
                           "www 60 A 192.0.2.80\n"
                           "www 60 AAAA 2001:db8::80\n"
                           "www 60 TXT web\n";

struct compile_case {
    const char *edits, *wanted; /* the view `in`, without the apex and ns */
};

static void view_is(struct zone_world *world, unsigned view, const char *wanted)
{
    static const char head[] = "@ 60 NS ns.example.com.\n"
                               "@ 60 SOA ns.example.com. h.example.com. 1 1 1 1 1\n";
    static const char ns[] = "ns 60 A 192.0.2.53\n";
    world_dump(world, world->trees[view].root);
    assert_memory_equal(world->text, head, strlen(head));
    char *at = strstr(world->text, ns);
    assert_non_null(at);
    memmove(at, at + strlen(ns), strlen(at + strlen(ns)) + 1);
    assert_string_equal(world->text + strlen(head), wanted);
}

static const char WWW[] = "www 60 A 192.0.2.80\nwww 60 TXT \"web\"\nwww 60 AAAA 2001:db8::80\n";

static void compile_good(struct zone_world *world, const char *yaml, const char *overlay)
{
    int err = world_compile(world, yaml, BASE, overlay);
    assert_int_equal(err, ERR_OK); /* test_leak.c looks at what the guards warn of */
    world_audit(world);
}

static void edits_change_one_view(void **state)
{
    (void)state;
    static const struct compile_case cases[] = {
        {"        replace: {www: 5 A 10.0.0.1}\n", "www 5 A 10.0.0.1\nwww 60 TXT \"web\"\n"},
        {"        replace: {www: [5 A 10.0.0.1, 5 AAAA fd00::1]}\n",
         "www 5 A 10.0.0.1\nwww 60 TXT \"web\"\nwww 5 AAAA fd00::1\n"},
        {"        replace: {www AAAA: 5 AAAA fd00::1}\n",
         "www 60 A 192.0.2.80\nwww 60 TXT \"web\"\nwww 5 AAAA fd00::1\n"},
        {"        replace: {www: 5 HTTPS 1 . ipv4hint=10.0.0.1}\n",
         "www 60 TXT \"web\"\nwww 5 HTTPS 1 . ipv4hint=10.0.0.1\n"},
        {"        replace: {www TXT: 5 TXT other}\n",
         "www 60 A 192.0.2.80\nwww 5 TXT \"other\"\nwww 60 AAAA 2001:db8::80\n"},
        {"        replace: {www: A 10.0.0.1}\n", "www 3600 A 10.0.0.1\nwww 60 TXT \"web\"\n"},
        {"        replace: {new: 5 A 10.0.0.1}\n",
         "new 5 A 10.0.0.1\nwww 60 A 192.0.2.80\nwww 60 TXT \"web\"\nwww 60 AAAA 2001:db8::80\n"},
        {"        add: {www: 60 A 10.0.0.1}\n",
         "www 60 A 10.0.0.1\nwww 60 A 192.0.2.80\nwww 60 TXT \"web\"\nwww 60 AAAA 2001:db8::80\n"},
        {"        add: {a.b: 5 A 10.0.0.1}\n",
         "a.b 5 A 10.0.0.1\nwww 60 A 192.0.2.80\nwww 60 TXT \"web\"\nwww 60 AAAA 2001:db8::80\n"},
        {"        remove: [www]\n", ""},
        {"        remove: [www A]\n", "www 60 TXT \"web\"\nwww 60 AAAA 2001:db8::80\n"},
        {"        remove: [www A, www AAAA, www TXT]\n", ""},
        {"        remove: [www MX, nothing, nothing A]\n", WWW},
        {"        replace: {www: 5 CNAME ns}\n        remove: [www TXT]\n",
         "www 5 CNAME ns.example.com.\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zone_world world;
        char yaml[2048];
        snprintf(yaml, sizeof(yaml), "%s%s", CONFIG(OVERLAY("in", "")), cases[i].edits);
        world_init(&world, "example.com.");
        compile_good(&world, yaml, NULL);
        view_is(&world, IN, cases[i].wanted);
        view_is(&world, LAB, WWW);
        view_is(&world, OUT, WWW);
        assert_memory_equal(&world.trees[OUT].root, &world.base.root, sizeof(struct twig));
        world_deinit(&world);
    }
}

static void overlays_apply_in_their_order(void **state)
{
    (void)state;
    struct zone_world world;
    world_init(&world, "example.com.");
    compile_good(&world,
                 CONFIG("    overlays:\n"
                        "      - {views: [in, lab], reason: r, file: o}\n"
                        "      - {view: lab, reason: r, add: {www: 5 A 10.0.0.9}, remove: [x]}\n"),
                 "www 5 A 10.0.0.1\nx 5 A 10.0.0.2\nwww 5 A 10.0.0.3\nx 5 MX 1 www\n");
    view_is(&world, IN,
            "www 5 A 10.0.0.1\nwww 5 A 10.0.0.3\nwww 60 TXT \"web\"\n"
            "x 5 A 10.0.0.2\nx 5 MX 1 www.example.com.\n");
    view_is(&world, LAB,
            "www 5 A 10.0.0.1\nwww 5 A 10.0.0.3\nwww 5 A 10.0.0.9\nwww 60 TXT \"web\"\n");
    view_is(&world, OUT, WWW);
    assert_int_equal(world.edits.names, 2);
    world_deinit(&world);
}

/* The empty non-terminal above a removed name stays while something is below it. */
static void an_empty_non_terminal_stays(void **state)
{
    (void)state;
    struct zone_world world;
    struct qp_space space;
    struct qp_name name;
    struct qp_found found;
    world_init(&world, "example.com.");
    assert_int_equal(world_compile(&world, CONFIG(OVERLAY("in", "        remove: [b, d.e]\n")),
                                   APEX "b TXT x\na.b TXT x\nd.e TXT x\n", NULL),
                     ERR_OK);
    qp_name_init(&name, &space, (const uint8_t *)"\1b", 2);
    qp_find(&world.slab, world.trees[IN].root, &name, &found);
    assert_true(found.exists);
    assert_int_equal(found.exact, 0);
    qp_name_init(&name, &space, (const uint8_t *)"\1e", 2);
    qp_find(&world.slab, world.trees[IN].root, &name, &found);
    assert_false(found.exists);
    world_deinit(&world);
}

static void only_hides_zones_and_subtrees(void **state)
{
    (void)state;
    struct zone_world world;
    world_init(&world, "example.com.");
    assert_int_equal(world_compile(&world,
                                   CONFIG("    only: [in, out]\n"
                                          "    subtrees:\n"
                                          "      - {name: corp.example.com, only: [in]}\n"
                                          "      - {name: deep.corp.example.com, only: [out]}\n"),
                                   APEX "corp TXT a\nx.corp TXT b\ndeep.corp TXT c\ncorpse TXT d\n",
                                   NULL),
                     ERR_OK);
    assert_true(twig_empty(world.trees[LAB].root));
    const char *dump = world_dump(&world, world.trees[IN].root);
    assert_non_null(strstr(dump, "x.corp 3600"));
    assert_non_null(strstr(dump, "\ncorp 3600"));
    assert_null(strstr(dump, "deep"));
    dump = world_dump(&world, world.trees[OUT].root);
    assert_null(strstr(dump, "corp 3600"));
    assert_null(strstr(dump, "deep"));
    assert_non_null(strstr(dump, "corpse 3600"));
    world_deinit(&world);
}

struct finding_case {
    const char *edits, *text, *findings;
};

/* The merged zone passes the same checks; a finding stands where the overlay is written. */
static void the_merged_zone_is_checked(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {"        add: {www: CNAME ns}\n", "www TXT x\n",
         "c:12:15: error: CNAME beside other data at www.example.com.; keep the CNAME or the other "
         "data\n"},
        {"        replace: {www: CNAME ns}\n", "www A 192.0.2.1\n", ""},
        {"        remove: [\"@ NS\"]\n", "",
         "c:12:18: error: no NS at example.com.; add the zone's NS records\n"},
        {"        remove: [\"@\"]\n", "",
         "c:12:18: error: no SOA at example.com.; leave the apex its SOA\n"},
        {"        remove: [\"@ SOA\"]\n", "",
         "c:12:18: error: no SOA at example.com.; leave the apex its SOA\n"},
        {"        add: {\"@\": SOA ns h 9 1 1 1 1}\n", "",
         "c:12:15: error: second SOA at example.com.; keep one of them\n"},
        {"        add: {www: SOA ns h 9 1 1 1 1}\n", "",
         "c:12:15: error: SOA below the apex at www.example.com.; a zone has one SOA, at its "
         "apex\n"},
        {"        add: {d: DNAME other.example.}\n", "x.d TXT x\n",
         "c:12:15: error: data below a DNAME at x.d.example.com.; remove the data or the DNAME "
         "(RFC 6672 2.4)\n"},
        {"        add: {x.d: TXT x}\n", "d DNAME other.example.\n",
         "c:12:15: error: data below a DNAME at x.d.example.com.; remove the data or the DNAME "
         "(RFC 6672 2.4)\n"},
        {"        add: {x.d: TXT x}\n", "d NS ns\n",
         "c:12:15: warning: occluded data, never answered, at x.d.example.com.; remove it, or the "
         "delegation above it\n"},
        {"        add: {d: NS ns}\n", "x.d TXT x\n",
         "c:12:15: warning: occluded data, never answered, at x.d.example.com.; remove it, or the "
         "delegation above it\n"},
        {"        remove: [ns.d]\n", "d NS ns.d\nns.d A 192.0.2.1\n",
         "c:12:18: warning: missing glue: no address of ns.d.example.com. at d.example.com.; add "
         "its A or AAAA record\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zone_world world;
        char yaml[2048], text[2048];
        snprintf(yaml, sizeof(yaml), "%s%s", CONFIG(OVERLAY("in", "")), cases[i].edits);
        snprintf(text, sizeof(text), "%s%s", APEX, cases[i].text);
        world_init(&world, "example.com.");
        int err = world_compile(&world, yaml, text, NULL);
        assert_string_equal(world_findings(&world), cases[i].findings);
        assert_int_equal(err, strstr(cases[i].findings, " error: ") ? ERR_INVALID : ERR_OK);
        world_deinit(&world);
    }
}

static void a_bad_edit_names_its_line(void **state)
{
    (void)state;
    struct zone_world world;
    world_init(&world, "example.com.");
    assert_int_equal(world_compile(&world,
                                   CONFIG(OVERLAY("in", "        add:\n"
                                                        "          a: A 10.0.0.1\n"
                                                        "          b: A 10.0.0.256\n"
                                                        "          c: MX ten www\n")),
                                   APEX, NULL),
                     ERR_INVALID);
    assert_int_equal(world.diags.errors, 2);
    assert_string_equal(world.diags.first->place.file, "c");
    assert_int_equal(world.diags.first->place.line, 14);
    assert_int_equal(world.diags.first->next->place.line, 15);
    world_deinit(&world);
}

static void a_change_reaches_the_views_through_their_edits(void **state)
{
    (void)state;
    struct zone_world world;
    world_init(&world, "example.com.");
    compile_good(&world,
                 CONFIG("    subtrees: [{name: corp.example.com, only: [lab]}]\n" OVERLAY(
                     "in", "        replace: {www: 5 A 10.0.0.1}\n        remove: [gone]\n")),
                 NULL);
    assert_int_equal(world_change(&world, "www", "www 60 A 192.0.2.1\nwww 60 TXT new\n"), ERR_OK);
    assert_int_equal(world_change(&world, "gone", "gone 60 A 192.0.2.2\n"), ERR_OK);
    assert_int_equal(world_change(&world, "a.corp", "a.corp 60 A 192.0.2.3\n"), ERR_OK);
    world_audit(&world);
    view_is(&world, IN, "www 5 A 10.0.0.1\nwww 60 TXT \"new\"\n");
    view_is(&world, LAB,
            "a.corp 60 A 192.0.2.3\ngone 60 A 192.0.2.2\nwww 60 A 192.0.2.1\nwww 60 TXT \"new\"\n");
    view_is(&world, OUT, "gone 60 A 192.0.2.2\nwww 60 A 192.0.2.1\nwww 60 TXT \"new\"\n");
    assert_int_equal(world_change(&world, "www", ""), ERR_OK);
    assert_int_equal(world_change(&world, "gone", ""), ERR_OK);
    assert_int_equal(world_change(&world, "gone", ""), ERR_NOT_FOUND);
    world_audit(&world);
    view_is(&world, IN, "www 5 A 10.0.0.1\n");
    view_is(&world, LAB, "a.corp 60 A 192.0.2.3\n");
    view_is(&world, OUT, "");
    world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_change_one_view),
        cmocka_unit_test(overlays_apply_in_their_order),
        cmocka_unit_test(an_empty_non_terminal_stays),
        cmocka_unit_test(only_hides_zones_and_subtrees),
        cmocka_unit_test(the_merged_zone_is_checked),
        cmocka_unit_test(a_bad_edit_names_its_line),
        cmocka_unit_test(a_change_reaches_the_views_through_their_edits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
