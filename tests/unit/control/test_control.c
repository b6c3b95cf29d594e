/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The one writer, seen from outside: what is answered before and after each of its inputs, with the
 * slab audited after each.
 *
 * links: config
 */
#include "unit/control/stage.h"

#include "base/error.h"

#include <stdio.h>

#define IN "10.0.0.9"
#define OUT "192.0.2.9"
#define LAB "10.7.0.9"

#define HEAD "@ 300 SOA ns hostmaster "
#define TAIL " 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"
#define ZONE(serial, more) HEAD serial TAIL more

static const char CONFIG[] = "server: {listen: [127.0.0.1:53]}\n"
                             "views:\n"
                             "  in: {internal: true, match: [10.0.0.0/16]}\n"
                             "  out: {default: true}\n"
                             "zones:\n"
                             "  - zone: example.com\n"
                             "    file: example.zone\n"
                             "    subtrees: [{name: corp.example.com, only: [in]}]\n"
                             "    overlays:\n"
                             "      - {view: in, reason: r, replace: {www: 60 A 10.0.0.80}, "
                             "add: {debug: A 10.0.0.99}, remove: [beta]}\n";

static const char ZONE_1[] =
    ZONE("1", "www A 192.0.2.80\nbeta A 192.0.2.81\napp.corp A 192.0.2.82\n"
              "*.wild A 192.0.2.83\n");

static void stage_example(struct stage *stage)
{
    stage_init(stage);
    stage_file(stage, "example.zone", ZONE_1);
    assert_int_equal(stage_configure(stage, CONFIG, false), ERR_OK);
    assert_int_equal(stage_load(stage, 0), ERR_OK);
    assert_true(stage_publish(stage));
}

static enum zone_state state_of(const struct stage *stage, uint32_t zone)
{
    struct zone_status status;
    assert_int_equal(control_zone_status(stage->control, zone, &status), ERR_OK);
    assert_int_equal(status.state == ZONE_LOADED, status.problem == NULL);
    return status.state;
}

/* --- loading -------------------------------------------------------------------------------------
 */

static void a_zone_is_served_once_it_is_loaded(void **state)
{
    (void)state;
    struct stage stage;
    struct zone_status status;
    stage_init(&stage);
    stage_file(&stage, "example.zone", ZONE_1);
    assert_false(stage_publish(&stage));
    assert_int_equal(stage_configure(&stage, CONFIG, false), ERR_OK);
    assert_true(stage_publish(&stage));
    stage_expect(&stage, OUT, "www.example.com A", "SERVFAIL");
    stage_expect(&stage, OUT, "www.example.org A", "REFUSED");
    assert_int_equal(state_of(&stage, 0), ZONE_UNLOADED);
    assert_int_equal(stage_load(&stage, 0), ERR_OK);
    assert_true(stage_publish(&stage));
    assert_false(stage_publish(&stage));
    stage_expect(&stage, OUT, "www.example.com A", "NOERROR 192.0.2.80");
    stage_expect(&stage, IN, "www.example.com A", "NOERROR 10.0.0.80");
    stage_expect(&stage, OUT, "debug.example.com A", "NXDOMAIN");
    stage_expect(&stage, IN, "debug.example.com A", "NOERROR 10.0.0.99");
    stage_expect(&stage, OUT, "beta.example.com A", "NOERROR 192.0.2.81");
    stage_expect(&stage, IN, "beta.example.com A", "NXDOMAIN");
    stage_expect(&stage, OUT, "app.corp.example.com A", "NXDOMAIN");
    stage_expect(&stage, OUT, "corp.example.com A", "NXDOMAIN");
    stage_expect(&stage, IN, "app.corp.example.com A", "NOERROR 192.0.2.82");
    stage_expect(&stage, OUT, "x.wild.example.com A", "NOERROR 192.0.2.83");
    assert_int_equal(control_zone_status(stage.control, 0, &status), ERR_OK);
    assert_int_equal(status.serial, 1);
    assert_int_equal(status.names, 6);
    assert_int_equal(status.records, 7);
    assert_int_equal(status.overlay_names, 3);
    assert_int_equal(status.loaded_at.ns, 2000);
    assert_string_equal(status.origin, "example.com.");
    assert_int_equal(control_zone_status(stage.control, 1, &status), ERR_NOT_FOUND);
    stage_audit(&stage);
    stage_deinit(&stage);
}

static void a_bad_reload_keeps_the_old_version(void **state)
{
    (void)state;
    struct stage stage;
    struct zone_status status;
    stage_example(&stage);
    stage_file(&stage, "example.zone", ZONE("2", "www CNAME ns\nwww TXT x\nbeta A 192.0.2.1\n"));
    assert_int_equal(stage_load(&stage, 0), ERR_INVALID);
    assert_int_equal(stage.diags.errors, 1);
    assert_int_equal(stage.diags.first->place.line, 5);
    stage_audit(&stage);
    assert_false(stage_publish(&stage));
    assert_int_equal(state_of(&stage, 0), ZONE_STALE);
    assert_int_equal(control_zone_status(stage.control, 0, &status), ERR_OK);
    assert_string_equal(status.problem, stage.diags.first->text);
    stage_expect(&stage, OUT, "example.com SOA", "NOERROR serial=1");
    control_zone_failed(stage.control, 0, "cannot be read");
    assert_int_equal(state_of(&stage, 0), ZONE_STALE);
    stage_file(&stage, "example.zone", ZONE("3", "www A 192.0.2.90\nbeta A 192.0.2.81\n"));
    assert_int_equal(stage_load(&stage, 0), ERR_OK);
    assert_int_equal(state_of(&stage, 0), ZONE_LOADED);
    assert_true(stage_publish(&stage));
    stage_expect(&stage, OUT, "www.example.com A", "NOERROR 192.0.2.90");
    assert_string_equal(stage_ask_old(&stage, 1, OUT, "www.example.com A"), "NOERROR 192.0.2.80");
    stage_audit(&stage);
    stage_deinit(&stage);
}

/* --- the reload guard ----------------------------------------------------------------------------
 */

/* A zone of `names` names besides apex and ns. */
static char *zone_of(unsigned serial, unsigned names, const char *ns)
{
    char *text = malloc(64 * (names + 8)), *at = text;
    assert_non_null(text);
    at += sprintf(at, "@ 300 SOA ns hostmaster %u 3600 600 86400 60\n@ NS %s\n%s A 192.0.2.53\n",
                  serial, ns, ns);
    for (unsigned i = 0; i < names; i++) {
        at += sprintf(at, "host%u A 192.0.2.%u\n", i, i % 250 + 1);
    }
    return text;
}

struct held_case {
    unsigned before, after;
    const char *ns_after;
    bool held;
};

static void reload_guard_case(const struct held_case *held)
{
    struct stage stage;
    char *before = zone_of(1, held->before, "ns"), *after = zone_of(2, held->after, held->ns_after);
    stage_init(&stage);
    stage_file(&stage, "example.zone", before);
    assert_int_equal(stage_configure(&stage, CONFIG, true), ERR_OK);
    assert_true(stage_publish(&stage));
    stage_file(&stage, "example.zone", after);
    assert_int_equal(stage_load(&stage, 0), held->held ? ERR_HELD : ERR_OK);
    assert_int_equal(state_of(&stage, 0), held->held ? ZONE_HELD : ZONE_LOADED);
    assert_int_equal(stage_publish(&stage), !held->held);
    stage_audit(&stage);
    assert_int_equal(control_accept(stage.control, 0, 3, (struct wall){0}, &stage.diags),
                     ERR_NOT_FOUND);
    assert_int_equal(control_accept(stage.control, 0, 2, (struct wall){0}, &stage.diags),
                     held->held ? ERR_OK : ERR_NOT_FOUND);
    assert_int_equal(state_of(&stage, 0), ZONE_LOADED);
    assert_int_equal(stage_publish(&stage), held->held);
    stage_expect(&stage, OUT, "example.com SOA", "NOERROR serial=2");
    stage_audit(&stage);
    stage_deinit(&stage);
    free(before);
    free(after);
}

static void a_reload_that_removes_much_waits_for_a_person(void **state)
{
    (void)state;
    static const struct held_case cases[] = {
        {98, 88, "ns", false},   /* 10 names of 100: not more than 10 */
        {98, 87, "ns", true},    /* 11 names, 11 % */
        {398, 378, "ns", false}, /* 20 names of 400: just 5 % */
        {398, 377, "ns", true},  /* 21 names */
        {8, 0, "ns", false},     /* 8 names of 10; ns itself stays */
        {50, 50, "other", true}, /* every NS of the apex */
        {50, 60, "ns", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reload_guard_case(&cases[i]);
    }
}

static void a_reload_to_soa_and_ns_alone_waits_for_a_person(void **state)
{
    (void)state;
    struct stage stage;
    stage_example(&stage);
    stage_file(&stage, "example.zone", "@ SOA ns h 2 1 1 1 1\n@ NS ns\n");
    assert_int_equal(stage_load(&stage, 0), ERR_HELD);
    assert_false(stage_publish(&stage));
    stage_expect(&stage, OUT, "www.example.com A", "NOERROR 192.0.2.80");
    stage_audit(&stage);
    stage_deinit(&stage);
}

/* A held version shares nodes with what was served when it came. When a newer one passes, it must
 * wait for readers of that, although it was never served itself. */
static void a_held_version_goes_without_hurting_readers(void **state)
{
    (void)state;
    struct stage stage;
    char *many = zone_of(1, 100, "ns"), *few = zone_of(2, 50, "ns"), *new = zone_of(3, 120, "ns");
    stage_init(&stage);
    stage_file(&stage, "example.zone", many);
    assert_int_equal(stage_configure(&stage, CONFIG, true), ERR_OK);
    assert_true(stage_publish(&stage));
    stage_file(&stage, "example.zone", few);
    assert_int_equal(stage_load(&stage, 0), ERR_HELD);
    assert_int_equal(stage_change(&stage, 0, "host3", ""), ERR_OK);
    assert_true(stage_publish(&stage));
    assert_int_equal(stage_change(&stage, 0, "host4", "host4 A 192.0.2.200\n"), ERR_OK);
    stage_file(&stage, "example.zone", new);
    assert_int_equal(stage_load(&stage, 0), ERR_OK);
    assert_true(stage_publish(&stage));
    assert_string_equal(stage_ask_old(&stage, 2, OUT, "host3.example.com A"), "NOERROR 192.0.2.4");
    assert_string_equal(stage_ask_old(&stage, 1, OUT, "host4.example.com A"), "NOERROR 192.0.2.5");
    stage_file(&stage, "example.zone", few); /* and one held after the other */
    assert_int_equal(stage_load(&stage, 0), ERR_HELD);
    assert_int_equal(stage_change(&stage, 0, "host5", ""), ERR_OK);
    assert_int_equal(stage_load(&stage, 0), ERR_HELD);
    stage_audit(&stage);
    stage_deinit(&stage);
    free(many);
    free(few);
    free(new);
}

/* --- configurations ------------------------------------------------------------------------------
 */

static void a_new_configuration_carries_the_zones(void **state)
{
    (void)state;
    static const char config[] = "server: {listen: [127.0.0.1:53]}\n"
                                 "views:\n"
                                 "  lab: {internal: true, match: [10.7.0.0/24]}\n"
                                 "  in: {internal: true, match: [10.0.0.0/16]}\n"
                                 "  out: {default: true}\n"
                                 "zones:\n"
                                 "  - {zone: other.example, file: other.zone}\n"
                                 "  - zone: example.com\n"
                                 "    file: example.zone\n"
                                 "    only: [lab, out]\n"
                                 "    overlays:\n"
                                 "      - {view: lab, replace: {www: A 10.7.0.80}}\n";
    struct stage stage;
    stage_example(&stage);
    stage_file(&stage, "other.zone", ZONE("7", ""));
    assert_int_equal(stage_configure(&stage, config, false), ERR_OK);
    assert_true(stage_publish(&stage));
    stage_expect(&stage, LAB, "www.example.com A", "NOERROR 10.7.0.80");
    stage_expect(&stage, OUT, "www.example.com A", "NOERROR 192.0.2.80");
    stage_expect(&stage, OUT, "app.corp.example.com A", "NOERROR 192.0.2.82");
    stage_expect(&stage, IN, "www.example.com A", "REFUSED");
    stage_expect(&stage, OUT, "other.example SOA", "SERVFAIL");
    assert_int_equal(state_of(&stage, 1), ZONE_LOADED);
    assert_string_equal(stage_ask_old(&stage, 1, IN, "www.example.com A"), "NOERROR 10.0.0.80");
    assert_int_equal(stage_configure(&stage, CONFIG, false), ERR_OK);
    assert_true(stage_publish(&stage));
    stage_expect(&stage, IN, "www.example.com A", "NOERROR 10.0.0.80");
    stage_expect(&stage, OUT, "other.example SOA", "REFUSED");
    stage_audit(&stage);
    stage_deinit(&stage);
}

#define FILE_CONFIG(first)                            \
    "server: {listen: [127.0.0.1:53]}\n"              \
    "views:\n"                                        \
    "  in: {internal: true, match: [10.0.0.0/16]}\n"  \
    "  lab: {internal: true, match: [10.7.0.0/24]}\n" \
    "  out: {default: true}\n"                        \
    "zones:\n"                                        \
    "  - zone: example.com\n"                         \
    "    file: example.zone\n"                        \
    "    overlays:\n" first "      - {view: in, reason: r, file: in.overlay}\n"

/* The records of an overlay's file belong to that overlay, wherever a reload moves it in the list.
 */
static void an_overlay_file_stays_with_its_overlay(void **state)
{
    (void)state;
    static const char more[] = FILE_CONFIG("      - {view: lab, replace: {www: A 10.7.0.80}}\n");
    static const char missing[] = FILE_CONFIG("      - {view: lab, file: lab.overlay}\n");
    struct stage stage;
    stage_init(&stage);
    stage_file(&stage, "example.zone", ZONE_1);
    stage_file(&stage, "in.overlay", "www A 10.0.0.1\nbeta A 10.0.0.2\nwww A 10.0.0.3\n");
    assert_int_equal(stage_configure(&stage, FILE_CONFIG(""), true), ERR_OK);
    assert_true(stage_publish(&stage));
    stage_expect(&stage, IN, "www.example.com A", "NOERROR 10.0.0.1 10.0.0.3");
    stage_expect(&stage, LAB, "beta.example.com A", "NOERROR 192.0.2.81");
    assert_int_equal(stage_configure(&stage, more, false), ERR_OK);
    assert_true(stage_publish(&stage));
    stage_expect(&stage, LAB, "www.example.com A", "NOERROR 10.7.0.80");
    stage_expect(&stage, LAB, "beta.example.com A", "NOERROR 192.0.2.81");
    stage_expect(&stage, IN, "beta.example.com A", "NOERROR 10.0.0.2");
    stage_expect(&stage, IN, "www.example.com A", "NOERROR 10.0.0.1 10.0.0.3");
    assert_int_equal(stage_configure(&stage, FILE_CONFIG(""), false), ERR_OK);
    assert_true(stage_publish(&stage));
    stage_expect(&stage, IN, "www.example.com A", "NOERROR 10.0.0.1 10.0.0.3");
    stage_expect(&stage, LAB, "www.example.com A", "NOERROR 192.0.2.80");
    assert_int_equal(stage_configure(&stage, missing, false), ERR_INVALID);
    assert_int_equal(stage.diags.errors, 1);
    assert_int_equal(stage.diags.first->place.line, 10);
    assert_false(stage_publish(&stage));
    stage_expect(&stage, IN, "beta.example.com A", "NOERROR 10.0.0.2");
    stage_audit(&stage);
    stage_deinit(&stage);
}

/* A version that waits is judged by the overlays of the day it is accepted. */
static void a_held_version_follows_the_configuration(void **state)
{
    (void)state;
    static const char config[] = "server: {listen: [127.0.0.1:53]}\n"
                                 "views:\n"
                                 "  out: {default: true}\n"
                                 "  in: {internal: true, match: [10.0.0.0/16]}\n"
                                 "zones:\n"
                                 "  - zone: example.com\n"
                                 "    file: example.zone\n"
                                 "    overlays:\n"
                                 "      - {view: in, reason: r, replace: {host1: A 10.0.0.1}}\n";
    struct stage stage;
    char *many = zone_of(1, 100, "ns"), *few = zone_of(2, 50, "ns");
    stage_init(&stage);
    stage_file(&stage, "example.zone", many);
    assert_int_equal(stage_configure(&stage, CONFIG, true), ERR_OK);
    assert_true(stage_publish(&stage));
    stage_file(&stage, "example.zone", few);
    assert_int_equal(stage_load(&stage, 0), ERR_HELD);
    assert_int_equal(stage_configure(&stage, config, false), ERR_OK);
    assert_int_equal(state_of(&stage, 0), ZONE_HELD);
    assert_true(stage_publish(&stage));
    while (stage.reader_count > 1) {
        stage_reader_leave(&stage); /* the first configuration is gone now */
    }
    stage_expect(&stage, IN, "host1.example.com A", "NOERROR 10.0.0.1");
    assert_int_equal(control_accept(stage.control, 0, 2, (struct wall){5}, &stage.diags), ERR_OK);
    assert_true(stage_publish(&stage));
    stage_expect(&stage, IN, "host1.example.com A", "NOERROR 10.0.0.1");
    stage_expect(&stage, OUT, "host1.example.com A", "NOERROR 192.0.2.2");
    stage_expect(&stage, IN, "www.example.com A", "NXDOMAIN");
    stage_expect(&stage, OUT, "host70.example.com A", "NXDOMAIN");
    stage_audit(&stage);
    stage_deinit(&stage);
    free(many);
    free(few);
}

static void a_reload_with_held_content_serves_the_old_one_anew(void **state)
{
    (void)state;
    struct stage stage;
    char *many = zone_of(1, 100, "ns"), *few = zone_of(2, 50, "ns");
    stage_init(&stage);
    stage_file(&stage, "example.zone", many);
    stage_file(&stage, "in.overlay", "host1 A 10.0.0.1\n");
    assert_int_equal(stage_configure(&stage, CONFIG, true), ERR_OK);
    assert_true(stage_publish(&stage));
    stage_file(&stage, "example.zone", few);
    assert_int_equal(stage_configure(&stage, FILE_CONFIG(""), true), ERR_OK);
    assert_int_equal(state_of(&stage, 0), ZONE_HELD);
    assert_true(stage_publish(&stage));
    stage_expect(&stage, IN, "example.com SOA", "NOERROR serial=1");
    stage_expect(&stage, IN, "host1.example.com A", "NOERROR 10.0.0.1");
    stage_expect(&stage, IN, "host70.example.com A", "NOERROR 192.0.2.71");
    assert_int_equal(stage_configure(&stage, FILE_CONFIG(""), false), ERR_OK);
    assert_int_equal(control_accept(stage.control, 0, 2, (struct wall){5}, &stage.diags), ERR_OK);
    assert_true(stage_publish(&stage));
    stage_expect(&stage, IN, "host1.example.com A", "NOERROR 10.0.0.1");
    stage_expect(&stage, IN, "host70.example.com A", "NXDOMAIN");
    stage_audit(&stage);
    stage_deinit(&stage);
    free(many);
    free(few);
}

static void a_refused_configuration_changes_nothing(void **state)
{
    (void)state;
    static const char leaks[] = "server: {listen: [127.0.0.1:53]}\n"
                                "views:\n"
                                "  in: {match: [10.0.0.0/16]}\n"
                                "  out: {default: true}\n"
                                "zones:\n"
                                "  - {zone: other.example, file: other.zone}\n"
                                "  - zone: example.com\n"
                                "    file: example.zone\n"
                                "    overlays:\n"
                                "      - {view: in, replace: {www: 60 A 10.0.0.80}}\n";
    struct stage stage;
    stage_example(&stage);
    stage_file(&stage, "other.zone", ZONE("7", ""));
    for (unsigned load = 0; load < 2; load++) {
        assert_int_equal(stage_configure(&stage, leaks, load), ERR_INVALID);
        assert_true(stage.diags.errors > 0);
        stage_audit(&stage);
        assert_false(stage_publish(&stage));
        assert_int_equal(control_zone_count(stage.control), 1);
        stage_expect(&stage, IN, "www.example.com A", "NOERROR 10.0.0.80");
        stage_expect(&stage, OUT, "other.example SOA", "REFUSED");
    }
    assert_int_equal(stage_change(&stage, 0, "new", "new A 192.0.2.1\n"), ERR_OK);
    assert_true(stage_publish(&stage));
    stage_expect(&stage, IN, "new.example.com A", "NOERROR 192.0.2.1");
    stage_deinit(&stage);
}

/* A reload is one plan, but a zone whose new content is bad only keeps its old version. */
static void a_reload_with_one_bad_zone_serves_the_others(void **state)
{
    (void)state;
    static const char two[] = "server: {listen: [127.0.0.1:53]}\n"
                              "views:\n"
                              "  in: {internal: true, match: [10.0.0.0/16]}\n"
                              "  out: {default: true}\n"
                              "zones:\n"
                              "  - {zone: other.example, file: other.zone}\n"
                              "  - {zone: third.example, file: third.zone}\n"
                              "  - zone: example.com\n"
                              "    file: example.zone\n"
                              "    overlays:\n"
                              "      - {view: in, replace: {www: 60 A 10.0.0.80}}\n";
    struct stage stage;
    stage_example(&stage);
    stage_file(&stage, "other.zone", ZONE("7", "a A 192.0.2.1\n"));
    stage_file(&stage, "third.zone", ZONE("8", "a CNAME b\na A 192.0.2.1\n"));
    stage_file(&stage, "example.zone", ZONE("2", "www A 10.0.0.1\n")); /* leaks to out */
    assert_int_equal(stage_configure(&stage, two, true), ERR_OK);
    assert_true(stage_publish(&stage));
    assert_int_equal(state_of(&stage, 0), ZONE_LOADED);
    assert_int_equal(state_of(&stage, 1), ZONE_UNLOADED);
    assert_int_equal(state_of(&stage, 2), ZONE_STALE);
    stage_expect(&stage, OUT, "a.other.example A", "NOERROR 192.0.2.1");
    stage_expect(&stage, OUT, "a.third.example A", "SERVFAIL");
    stage_expect(&stage, OUT, "www.example.com A", "NOERROR 192.0.2.80");
    stage_expect(&stage, IN, "www.example.com A", "NOERROR 10.0.0.80");
    stage_audit(&stage);
    stage_deinit(&stage);
}

/* --- one name ------------------------------------------------------------------------------------
 */

static void one_name_changes_in_every_view_that_sees_it(void **state)
{
    (void)state;
    struct stage stage;
    stage_example(&stage);
    assert_int_equal(stage_change(&stage, 0, "www", "www A 192.0.2.7\nwww TXT x\n"), ERR_OK);
    assert_int_equal(stage_change(&stage, 0, "beta", "beta A 192.0.2.8\n"), ERR_OK);
    assert_int_equal(stage_change(&stage, 0, "deep.new", "deep.new A 192.0.2.9\n"), ERR_OK);
    assert_int_equal(stage_change(&stage, 0, "b.corp", "b.corp A 192.0.2.10\n"), ERR_OK);
    assert_int_equal(stage_change(&stage, 0, "*", "* A 192.0.2.11\n"), ERR_OK);
    assert_true(stage_publish(&stage));
    stage_audit(&stage);
    stage_expect(&stage, OUT, "www.example.com A", "NOERROR 192.0.2.7");
    stage_expect(&stage, IN, "www.example.com A", "NOERROR 10.0.0.80");
    stage_expect(&stage, IN, "www.example.com TXT", "NOERROR TXT");
    stage_expect(&stage, OUT, "beta.example.com A", "NOERROR 192.0.2.8");
    stage_expect(&stage, IN, "beta.example.com A",
                 "NOERROR 192.0.2.11"); /* gone, so the wildcard */
    stage_expect(&stage, OUT, "new.example.com A", "NOERROR");
    stage_expect(&stage, OUT, "deep.new.example.com A", "NOERROR 192.0.2.9");
    stage_expect(&stage, OUT, "b.corp.example.com A", "NOERROR 192.0.2.11");
    stage_expect(&stage, IN, "b.corp.example.com A", "NOERROR 192.0.2.10");
    assert_int_equal(stage_change(&stage, 0, "deep.new", ""), ERR_OK);
    assert_int_equal(stage_change(&stage, 0, "*", ""), ERR_OK);
    assert_int_equal(stage_change(&stage, 0, "www", ""), ERR_OK);
    assert_true(stage_publish(&stage));
    struct zone_status status;
    assert_int_equal(stage_change(&stage, 0, "@", "@ SOA ns h 77 1 1 1 1\n@ NS ns\n"), ERR_OK);
    assert_int_equal(control_zone_status(stage.control, 0, &status), ERR_OK);
    assert_int_equal(status.serial, 77);
    stage_expect(&stage, OUT, "deep.new.example.com A", "NXDOMAIN");
    stage_expect(&stage, OUT, "new.example.com A", "NXDOMAIN");
    stage_expect(&stage, OUT, "www.example.com A", "NXDOMAIN");
    stage_expect(&stage, IN, "www.example.com A", "NOERROR 10.0.0.80");
    stage_audit(&stage);
    stage_deinit(&stage);
}

static void a_change_that_leaks_is_refused(void **state)
{
    (void)state;
    struct stage stage;
    struct zone_status status;
    stage_example(&stage);
    uint64_t before = stage.readers[0].content;
    assert_int_equal(stage_change(&stage, 0, "new", "new A 192.168.0.1\n"), ERR_REFUSED);
    assert_int_equal(stage_change(&stage, 0, "new", "new HTTPS 1 . ipv4hint=10.0.0.1\n"),
                     ERR_REFUSED);
    assert_int_equal(stage.diags.errors, 1);
    assert_int_equal(stage_change(&stage, 0, "gone", ""), ERR_NOT_FOUND);
    assert_int_equal(stage_change(&stage, 0, "www.example.org.", ""), ERR_NOT_FOUND);
    assert_false(stage_publish(&stage));
    assert_int_equal(stage_content(&stage.control->slab, stage.control->views, 2), before);
    stage_audit(&stage);
    assert_int_equal(stage_change(&stage, 0, "b.corp", "b.corp A 10.0.0.1\n"), ERR_OK);
    assert_int_equal(control_zone_status(stage.control, 0, &status), ERR_OK);
    assert_int_equal(status.names, 7);
    stage_audit(&stage);
    stage_deinit(&stage);
}

/* --- snapshots -----------------------------------------------------------------------------------
 */

static void snapshots_stay_as_they_were_until_they_come_back(void **state)
{
    (void)state;
    struct stage stage;
    stage_example(&stage);
    for (unsigned i = 0; i < 400; i++) {
        char owner[64], text[128];
        unsigned host = i * 7919 % 101;
        snprintf(owner, sizeof(owner), "h%u.rack%u", host, host % 5);
        snprintf(text, sizeof(text), "%s A 192.0.2.%u\n", owner, i % 250 + 1);
        int err = stage_change(&stage, 0, owner, i % 3 == 2 ? "" : text);
        assert_true(err == ERR_OK || (i % 3 == 2 && err == ERR_NOT_FOUND));
        if (i % 4) {
            stage_publish(&stage);
        }
        if (i % 50 == 0) {
            assert_int_equal(stage_load(&stage, 0), i >= 50 ? ERR_HELD : ERR_OK);
        }
        stage_audit(&stage);
    }
    struct control_memory memory;
    control_memory(stage.control, &memory);
    assert_true(memory.live_bytes > 0 && memory.retired_bytes > 0);
    while (stage.reader_count > 1) {
        stage_reader_leave(&stage);
    }
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_is_served_once_it_is_loaded),
        cmocka_unit_test(a_bad_reload_keeps_the_old_version),
        cmocka_unit_test(a_reload_that_removes_much_waits_for_a_person),
        cmocka_unit_test(a_reload_to_soa_and_ns_alone_waits_for_a_person),
        cmocka_unit_test(a_held_version_goes_without_hurting_readers),
        cmocka_unit_test(a_new_configuration_carries_the_zones),
        cmocka_unit_test(an_overlay_file_stays_with_its_overlay),
        cmocka_unit_test(a_held_version_follows_the_configuration),
        cmocka_unit_test(a_reload_with_held_content_serves_the_old_one_anew),
        cmocka_unit_test(a_refused_configuration_changes_nothing),
        cmocka_unit_test(a_reload_with_one_bad_zone_serves_the_others),
        cmocka_unit_test(one_name_changes_in_every_view_that_sees_it),
        cmocka_unit_test(a_change_that_leaks_is_refused),
        cmocka_unit_test(snapshots_stay_as_they_were_until_they_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
