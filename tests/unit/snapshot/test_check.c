/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is wrong with a zone, as a person reads it: each finding with its line and its mend.
 */
#include "unit/snapshot/zone_world.h"

#include <stdio.h>

struct check_case {
    const char *text; /* lines 1 to 3 are APEX unless it brings its own */
    const char *findings;
};

static void findings_are(const struct check_case *cases, size_t count)
{
    struct zone_world world;
    for (size_t i = 0; i < count; i++) {
        world_init(&world, "example.com.");
        int err = world_base(&world, cases[i].text);
        assert_string_equal(world_findings(&world), cases[i].findings);
        assert_int_equal(err, strstr(cases[i].findings, ": error: ") ? ERR_INVALID : ERR_OK);
        world_deinit(&world);
    }
}
#define FINDINGS_ARE(cases) findings_are(cases, sizeof(cases) / sizeof((cases)[0]))

static void the_apex_needs_one_soa_and_ns(void **state)
{
    (void)state;
    static const struct check_case cases[] = {
        {APEX, ""},
        {"@ NS ns\nns A 192.0.2.1\n",
         "z:1: error: no SOA at example.com.; every zone starts with one SOA record\n"},
        {"www A 192.0.2.1\n",
         "z: error: no SOA at example.com.; every zone starts with one SOA record\n"},
        {"@ SOA ns h 1 1 1 1 1\nwww A 192.0.2.1\n",
         "z:1: error: no NS at example.com.; add the zone's NS records\n"},
        {APEX "@ SOA ns h 2 1 1 1 1\n",
         "z:4: error: second SOA at example.com.; keep one of them\n"},
        {APEX "www SOA ns h 1 1 1 1 1\n",
         "z:4: error: SOA below the apex at www.example.com.; a zone has one SOA, at its apex\n"},
    };
    FINDINGS_ARE(cases);
}

static void an_alias_stands_alone(void **state)
{
    (void)state;
    static const struct check_case cases[] = {
        {APEX "www CNAME ns\nwww A 192.0.2.1\n",
         "z:5: error: CNAME beside other data at www.example.com.; keep the CNAME or the other "
         "data\n"},
        {APEX "www A 192.0.2.1\nx A 192.0.2.2\nwww CNAME ns\n",
         "z:4: error: CNAME beside other data at www.example.com.; keep the CNAME or the other "
         "data\n"},
        {APEX "www CNAME ns\nwww CNAME other\n",
         "z:5: error: more than one CNAME at www.example.com.; keep one of them\n"},
        {APEX "www CNAME ns\nwww CNAME ns\n", ""},
        {APEX "@ CNAME other.example.\n",
         "z:2: error: CNAME beside other data at example.com.; keep the CNAME or the other data\n"},
        {APEX "d DNAME other.example.\nd DNAME more.example.\n",
         "z:5: error: more than one DNAME at d.example.com.; keep one of them (RFC 6672 2.4)\n"},
        {APEX "d DNAME other.example.\nd A 192.0.2.1\n", ""},
        {APEX "d DNAME other.example.\nd CNAME x\n",
         "z:4: error: CNAME beside other data at d.example.com.; keep the CNAME or the other "
         "data\n"},
        {APEX "d DNAME other.example.\nd NS ns\n",
         "z:4: error: DNAME beside a delegation at d.example.com.; delegate the name or "
         "redirect it "
         "(RFC 6672 2.3)\n"},
    };
    FINDINGS_ARE(cases);
}

static void nothing_lies_below_a_dname(void **state)
{
    (void)state;
    static const struct check_case cases[] = {
        {APEX "d DNAME other.example.\nx.y.d A 192.0.2.1\nd-e A 192.0.2.1\n",
         "z:5: error: data below a DNAME at x.y.d.example.com.; remove the data or the DNAME "
         "(RFC 6672 2.4)\n"},
        {"@ SOA ns.example. h 1 1 1 1 1\n@ NS ns.example.\n@ DNAME other.example.\n", ""},
        {"@ SOA ns.example. h 1 1 1 1 1\n@ NS ns.example.\n@ DNAME other.example.\na TXT x\n",
         "z:4: error: data below a DNAME at a.example.com.; remove the data or the DNAME "
         "(RFC 6672 2.4)\n"},
    };
    FINDINGS_ARE(cases);
}

static void delegations_want_glue_and_hide_the_rest(void **state)
{
    (void)state;
    static const struct check_case cases[] = {
        {APEX "sub NS ns.sub\nns.sub A 192.0.2.1\n", ""},
        {APEX "sub NS ns.other.example.\nsub NS ns\n", ""},
        {APEX "sub NS NS.Sub\nns.sub TXT x\n",
         "z:4: warning: missing glue: no address of NS.Sub.example.com. at sub.example.com.; "
         "add its "
         "A or AAAA record\n"
         "z:5: warning: occluded data, never answered, at ns.sub.example.com.; remove it, or the "
         "delegation above it\n"},
        {APEX "sub NS ns\na.sub A 192.0.2.1\na.sub TXT x\nb.a.sub CNAME x\nsubb TXT x\n",
         "z:6: warning: occluded data, never answered, at a.sub.example.com.; remove it, or the "
         "delegation above it\n"
         "z:7: warning: occluded data, never answered, at b.a.sub.example.com.; remove it, or the "
         "delegation above it\n"},
        {APEX "sub NS sub\n", "z:4: warning: missing glue: no address of sub.example.com. at "
                              "sub.example.com.; add its A or AAAA record\n"},
        {APEX "sub NS sub\nsub AAAA 2001:db8::1\n", ""},
    };
    FINDINGS_ARE(cases);
}

static void a_forgotten_dot_is_seen(void **state)
{
    (void)state;
    static const struct check_case cases[] = {
        {APEX "www CNAME web.example.com\n",
         "z:4: warning: the target web.example.com.example.com. repeats the origin at "
         "www.example.com.; end the name with a dot\n"},
        {APEX "@ MX 10 mail.Example.com\n",
         "z:4: warning: the target mail.Example.com.example.com. repeats the origin at "
         "example.com.; end the name with a dot\n"},
        {APEX "_x._tcp SRV 0 0 1 a.example.com\n",
         "z:4: warning: the target a.example.com.example.com. repeats the origin at "
         "_x._tcp.example.com.; end the name with a dot\n"},
        {APEX "www.example.com A 192.0.2.1\n",
         "z:4: warning: the name repeats the origin at www.example.com.example.com.; end the name "
         "with a dot\n"},
        {APEX "com A 192.0.2.1\nexample A 192.0.2.1\nexample.com.x A 192.0.2.1\n", ""},
    };
    FINDINGS_ARE(cases);
}

static void unequal_ttls_are_told(void **state)
{
    (void)state;
    struct zone_world world;
    world_init(&world, "example.com.");
    assert_int_equal(world_base(&world, APEX "www 300 A 192.0.2.2\nx A 192.0.2.3\n"
                                             "www 60 A 192.0.2.1\nwww 5 TXT a\nwww 9 TXT b\n"),
                     ERR_OK);
    assert_string_equal(
        world_findings(&world),
        "z:6: warning: unequal TTLs, the lowest is used, for A at "
        "www.example.com.; give all records of a set the same TTL (RFC 2181 5.2)\n"
        "z:8: warning: unequal TTLs, the lowest is used, for TXT at "
        "www.example.com.; give all records of a set the same TTL (RFC 2181 5.2)\n");
    assert_non_null(strstr(world_dump(&world, world.base.root),
                           "www 60 A 192.0.2.1\nwww 60 A 192.0.2.2\nwww 5 TXT \"a\"\n"
                           "www 5 TXT \"b\"\n"));
    world_deinit(&world);
}

/* The first mistake does not hide the others. */
static void every_mistake_is_told_at_once(void **state)
{
    (void)state;
    static const struct check_case cases[] = {
        {APEX "a CNAME b\na TXT x\nc DNAME d.example.\nx.c TXT x\n@ SOA ns h 2 1 1 1 1\n",
         "z:5: error: CNAME beside other data at a.example.com.; keep the CNAME or the other data\n"
         "z:7: error: data below a DNAME at x.c.example.com.; remove the data or the DNAME "
         "(RFC 6672 2.4)\n"
         "z:8: error: second SOA at example.com.; keep one of them\n"},
    };
    FINDINGS_ARE(cases);
}

/* Far more findings than are kept: all are counted, errors are not crowded out by warnings. */
static void many_findings_are_counted(void **state)
{
    (void)state;
    struct zone_world world;
    size_t size = 64 * 600, at = 0;
    char *text = malloc(size);
    assert_non_null(text);
    at += (size_t)snprintf(text, size, "%ssub NS ns\n", APEX);
    for (unsigned i = 0; i < 300; i++) {
        at += (size_t)snprintf(text + at, size - at, "a%u.sub TXT x\n", i);
    }
    snprintf(text + at, size - at, "zz CNAME ns\nzz TXT x\n");
    world_init(&world, "example.com.");
    assert_int_equal(world_base(&world, text), ERR_INVALID);
    assert_int_equal(world.diags.errors, 1);
    assert_int_equal(world.diags.warnings, 300);
    free(text);
    world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_apex_needs_one_soa_and_ns),
        cmocka_unit_test(an_alias_stands_alone),
        cmocka_unit_test(nothing_lies_below_a_dname),
        cmocka_unit_test(delegations_want_glue_and_hide_the_rest),
        cmocka_unit_test(a_forgotten_dot_is_seen),
        cmocka_unit_test(unequal_ttls_are_told),
        cmocka_unit_test(every_mistake_is_told_at_once),
        cmocka_unit_test(many_findings_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
