/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * zones, subtrees, overlays and exceptions: what they become, and what is said about faults.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "dns/name.h"
#include "dns/type.h"
#include "parsing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_name(const uint8_t *name, const char *expected)
{
    char text[NAME_TEXT_MAX];
    assert_string_equal(name_to_text(name, text), expected);
}

static void assert_edit(const struct desired_edit *edit, enum edit_op op, const char *owner,
                        uint16_t type, const char *text)
{
    assert_int_equal(edit->op, op);
    assert_name(edit->owner, owner);
    assert_int_equal(edit->type, type);
    if (text) {
        assert_string_equal(edit->text, text);
    } else {
        assert_null(edit->text);
    }
}

static void test_zones_are_taken(void **state)
{
    (void)state;
    struct config *config = parse_good(SERVER VIEWS "zones:\n"
                                                    "  - zone: Example.COM.\n"
                                                    "    file: example.com.zone\n"
                                                    "    only: [in, out]\n"
                                                    "    subtrees:\n"
                                                    "      - {name: corp.example.com, only: in}\n"
                                                    "      - {name: lab, only: [in]}\n"
                                                    "  - zone: 2.0.192.in-addr.arpa\n"
                                                    "    file: /etc/zones/rev\n");
    const struct desired *desired = &config->desired;
    assert_int_equal(desired->zone_count, 2);
    const struct desired_zone *zone = &desired->zones[0];
    assert_name(zone->origin, "example.com.");
    assert_string_equal(zone->file, "example.com.zone");
    assert_int_equal(zone->only, 3);
    assert_int_equal(zone->place.line, 6);
    assert_int_equal(zone->place.column, 5);
    assert_int_equal(zone->subtree_count, 2);
    assert_name(zone->subtrees[0].name, "corp.example.com.");
    assert_int_equal(zone->subtrees[0].only, 1);
    assert_name(zone->subtrees[1].name, "lab.example.com.");
    assert_name(desired->zones[1].origin, "2.0.192.in-addr.arpa.");
    assert_string_equal(desired->zones[1].file, "/etc/zones/rev");
    assert_true(desired->zones[1].only == VIEWS_ALL);
    config_free(config);
}

static void test_paths_begin_at_the_folder_of_the_file(void **state)
{
    (void)state;
    struct diag_list diags;
    struct config *config = NULL;
    static const char text[] =
        "server: {listen: [127.0.0.1:53], control: c.sock}\n"
        "zones: [{zone: a.test, file: z/a, overlays: [{view: default, file: ../o}]},\n"
        "        {zone: b.test, file: /b}]\n";
    diag_init(&diags, &ALLOC_MALLOC);
    assert_int_equal(
        config_parse(&ALLOC_MALLOC, "/etc/horizon/h.yaml", text, strlen(text), &diags, &config),
        ERR_OK);
    assert_string_equal(config->control, "/etc/horizon/c.sock");
    assert_string_equal(config->desired.zones[0].file, "/etc/horizon/z/a");
    assert_string_equal(config->desired.zones[0].overlays[0].file, "/etc/horizon/../o");
    assert_string_equal(config->desired.zones[1].file, "/b");
    config_free(config);
    diag_deinit(&diags);
}

static void test_overlay_is_taken(void **state)
{
    (void)state;
    struct config *config =
        parse_good(SERVER VIEWS "zones:\n"
                                "  - zone: example.com\n"
                                "    file: f\n"
                                "    overlays:\n"
                                "      - view: in\n"
                                "        reason: |\n"
                                "          private addresses,\n"
                                "          no hairpin\n"
                                "        add:\n"
                                "          debug: A 10.0.1.99\n"
                                "        replace:\n"
                                "          mail AAAA: AAAA fd00::25\n"
                                "          api: 60 A 10.0.1.50\n"
                                "          www: [A 10.0.1.51, 1h IN AAAA fd00::51]\n"
                                "          '@ MX': MX 10 mail\n"
                                "          '*.apps': CNAME www\n"
                                "          txt TXT: 'TXT \"a; (b\" c\\;'\n"
                                "          TYPE65280 type65280: TYPE65280 \\# 1 00\n"
                                "        remove: [beta, legacy AAAA]\n"
                                "        file: internal.overlay\n"
                                "      - {views: [in, out], remove: [x.example.com.]}\n");
    const struct desired_zone *zone = &config->desired.zones[0];
    assert_int_equal(zone->overlay_count, 2);
    const struct desired_overlay *overlay = &zone->overlays[0];
    assert_int_equal(overlay->views, 1);
    assert_string_equal(overlay->reason, "private addresses, no hairpin");
    assert_string_equal(overlay->file, "internal.overlay");
    assert_int_equal(overlay->place.line, 9);
    assert_int_equal(overlay->edit_count, 10);
    const struct desired_edit *edit = overlay->edits;
    assert_edit(&edit[0], EDIT_REMOVE, "beta.example.com.", 0, NULL);
    assert_edit(&edit[1], EDIT_REMOVE, "legacy.example.com.", TYPE_AAAA, NULL);
    assert_edit(&edit[2], EDIT_REPLACE, "api.example.com.", 0, "api.example.com. 60 A 10.0.1.50\n");
    assert_int_equal(edit[2].place.line, 17);
    assert_int_equal(edit[2].place.column, 11);
    assert_edit(&edit[3], EDIT_REPLACE, "www.example.com.", 0,
                "www.example.com. A 10.0.1.51\nwww.example.com. 1h AAAA fd00::51\n");
    assert_edit(&edit[4], EDIT_REPLACE, "*.apps.example.com.", 0,
                "*.apps.example.com. CNAME www\n");
    assert_edit(&edit[5], EDIT_REPLACE, "mail.example.com.", TYPE_AAAA,
                "mail.example.com. AAAA fd00::25\n");
    assert_edit(&edit[6], EDIT_REPLACE, "example.com.", TYPE_MX, "example.com. MX 10 mail\n");
    assert_edit(&edit[7], EDIT_REPLACE, "txt.example.com.", TYPE_TXT,
                "txt.example.com. TXT \"a; (b\" c\\;\n");
    assert_edit(&edit[8], EDIT_REPLACE, "type65280.example.com.", 65280,
                "type65280.example.com. TYPE65280 \\# 1 00\n");
    assert_edit(&edit[9], EDIT_ADD, "debug.example.com.", 0, "debug.example.com. A 10.0.1.99\n");
    assert_int_equal(zone->overlays[1].views, 3);
    assert_edit(&zone->overlays[1].edits[0], EDIT_REMOVE, "x.example.com.", 0, NULL);
    config_free(config);
}

static void test_exceptions_are_taken(void **state)
{
    (void)state;
    struct config *config =
        parse_good(SERVER VIEWS "zones: [{zone: example.com, file: f}]\n"
                                "leak-guard:\n"
                                "  exceptions:\n"
                                "    - {name: '*.vpn.example.com', views: [out],\n"
                                "       prefix: 10.9.0.0/16, reason: the VPN needs it}\n");
    assert_int_equal(config->desired.exception_count, 1);
    const struct desired_exception *exception = &config->desired.exceptions[0];
    assert_name(exception->name, "*.vpn.example.com.");
    assert_int_equal(exception->views, 2);
    assert_int_equal(exception->prefix.bits, 112);
    assert_string_equal(exception->reason, "the VPN needs it");
    assert_int_equal(exception->place.line, 8);
    config_free(config);
}

static void test_zone_findings(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {SERVER VIEWS "zones: [{zone: a.test}]\n",
         "c.yaml:5:9: error: zones[].file is missing; add 'file: ...'\n"},
        {SERVER VIEWS "zones: [{file: a.test}]\n",
         "c.yaml:5:9: error: zones[].zone is missing; add 'zone: ...'\n"},
        {SERVER VIEWS "zones: [{zone: a..test, file: f}]\n",
         "c.yaml:5:16: error: zones[].zone: 'a..test' is not a domain name; write labels of at "
         "most 63 bytes with dots between, 255 in all\n"},
        {SERVER VIEWS "zones: [{zone: a.test, file: ''}]\n",
         "c.yaml:5:30: error: zones[].file is empty\n"},
        {SERVER VIEWS "zones: [{zone: a.test, file: f, only: []}]\n",
         "c.yaml:5:39: error: zones[].only names no view; name a view, or leave the key out\n"},
        {SERVER VIEWS "zones: [{zone: a.test, file: f, only: [inn]}]\n",
         "c.yaml:5:40: error: there is no view 'inn'; did you mean 'in'?\n"},
        {SERVER VIEWS "zones: [{zone: a.test, file: f, only: [elsewhere]}]\n",
         "c.yaml:5:40: error: there is no view 'elsewhere'; define it in views, or name one of "
         "those\n"},
        {SERVER VIEWS "zones: [{zone: a.test, file: f, only: [in, in]}]\n",
         "c.yaml:5:44: error: view 'in' is named twice; remove one\n"},
        {SERVER VIEWS "zones: [{zone: a.test, file: f}, {zone: A.test., file: g, only: in}]\n",
         "c.yaml:5:34: error: zone a.test. is there twice for the same view; the other is in line "
         "5; give each entry views of its own with `only`\n"},
        {SERVER VIEWS "zones: [a.test]\n",
         "c.yaml:5:9: error: an item of zones takes a map, this is plain text; write its keys "
         "below it, indented\n"},
        {SERVER VIEWS "zone: []\n",
         "c.yaml:1:1: warning: no zones: every query is refused; add 'zones:'\n"
         "c.yaml:5:1: error: unknown key 'zone'; did you mean 'zones'?\n"},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
}

static void test_one_zone_may_differ_wholly_by_view(void **state)
{
    (void)state;
    struct config *config =
        parse_good(SERVER VIEWS "zones:\n  - {zone: a.test, file: f, only: in}\n"
                                "  - {zone: sub.a.test, file: s}\n"
                                "  - {zone: a.test, file: g, only: out}\n");
    assert_int_equal(config->desired.zone_count, 3);
    config_free(config);
}

static void test_subtree_findings(void **state)
{
    (void)state;
    static const struct {
        const char *rest, *expected;
    } cases[] = {
        {"subtrees: [{name: x.b.test., only: in}]",
         "c.yaml:5:51: error: 'x.b.test.' is outside the zone a.test.; without the final dot it "
         "is relative to the zone; or move it to its zone\n"},
        {"subtrees: [{name: a.test, only: in}]",
         "c.yaml:5:51: error: the subtree is the whole zone; write `only` beside `zone`\n"},
        {"subtrees: [{name: x}]",
         "c.yaml:5:44: error: zones[].subtrees[].only is missing; add 'only: ...'\n"},
        {"subtrees: [{name: x, only: in}, {name: x.a.test, only: out}]",
         "c.yaml:5:65: error: the subtree is written twice; the other is in line 5; join the "
         "two\n"},
        {"only: in, subtrees: [{name: x, only: out}]",
         "c.yaml:5:54: error: the subtree is for a view that does not see the zone; add the view "
         "to the zone's `only`\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[512];
        snprintf(text, sizeof(text), SERVER VIEWS "zones: [{zone: a.test, file: f, %s}]\n",
                 cases[i].rest);
        expect_findings(text, cases[i].expected);
    }
}

#define OVERLAY(rest) \
    SERVER VIEWS "zones:\n  - zone: a.test\n    file: f\n    overlays:\n      - " rest "\n"

static void test_overlay_findings(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {OVERLAY("{remove: [x]}"),
         "c.yaml:9:9: error: the overlay names no view; add 'view: NAME'\n"},
        {OVERLAY("{view: in, views: [out], remove: [x]}"),
         "c.yaml:9:20: error: the overlay has both `view` and `views`; write one list in "
         "`views`\n"},
        {OVERLAY("{view: in}"), "c.yaml:9:9: error: the overlay changes nothing; add `replace`, "
                                "`add`, `remove` or `file`\n"},
        {OVERLAY("{view: in, replace: [x]}"),
         "c.yaml:9:29: error: zones[].overlays[].replace takes a map, this is a list; write its "
         "keys below it, indented\n"},
        {OVERLAY("{view: in, remove: [x.b.test.]}"),
         "c.yaml:9:29: error: 'x.b.test.' is outside the zone a.test.; without the final dot it "
         "is relative to the zone; or move it to its zone\n"},
        {OVERLAY("{view: in, remove: [x A AAAA]}"),
         "c.yaml:9:29: error: 'A AAAA' is not a record type; write NAME, or NAME TYPE, such as "
         "\"www AAAA\"\n"},
        {OVERLAY("{view: in, remove: [x ANY]}"),
         "c.yaml:9:29: error: 'ANY' is a question, not a type of record; name the types one by "
         "one\n"},
        {OVERLAY("{view: in, remove: [x, X.a.test]}"),
         "c.yaml:9:32: error: x.a.test. is removed twice for the same view; the other is in line "
         "9; join the two\n"},
        {OVERLAY(
             "{view: in, replace: {x: A 10.0.0.1}}\n      - {view: in, replace: {x: A 10.0.0.2}}"),
         "c.yaml:10:30: error: x.a.test. is replaced twice for the same view; the other is in line "
         "9; join the two\n"},
        {OVERLAY(
             "{view: in, replace: {x: A 10.0.0.1}}\n      - {view: out, replace: {x: A 1.0.0.2}}"),
         ""},
        {OVERLAY("{view: in, replace: {x: A 10.0.0.1, x AAAA: 'AAAA ::1'}, add: {x: TXT a}}"), ""},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
    expect_findings(
        SERVER VIEWS "zones: [{zone: a.test, file: f, only: in, overlays: [{view: out, remove: "
                     "[x]}]}]\n",
        "c.yaml:5:61: error: the overlay is for a view that does not see the zone; add the view "
        "to the zone's `only`\n");
    expect_findings(
        SERVER VIEWS "zones:\n  - zone: a.test\n    file: f\n    subtrees: [{name: s, only: in}]\n"
                     "    overlays:\n      - {views: [in, out], remove: [x.s]}\n",
        "c.yaml:10:37: warning: x.s.a.test. does not exist in every view of this overlay: subtree "
        "in line 8; leave that view out of the overlay\n");
}

static void test_record_findings(void **state)
{
    (void)state;
    static const struct {
        const char *key, *record, *expected;
    } cases[] = {
        {"x", "10.0.1.50", "'10.0.1.50' is not a record type; write A 10.0.1.50"},
        {"x", "fd00::1", "'fd00::1' is not a record type; write AAAA fd00::1"},
        {"x", "60 10.0.1.50",
         "'10.0.1.50' is not a record type; write [TTL] TYPE RDATA, such as '60 A 10.0.1.50'"},
        {"x", "6x A 10.0.1.50",
         "'6x' is not a TTL; write [TTL] TYPE RDATA, such as '60 A 10.0.1.50'"},
        {"x", "AA 10.0.0.1",
         "'AA' is not a record type; write [TTL] TYPE RDATA, such as '60 A 10.0.1.50'"},
        {"x", "A", "'A' has no data; write [TTL] TYPE RDATA, such as '60 A 10.0.1.50'"},
        {"x", "ANY x", "ANY is a question, not a record"},
        {"x TXT", "TXT a; b",
         "a bare ';' ends or continues a record; put the text in double quotes"},
        {"x MX", "MX 10 (mail",
         "a bare '(' ends or continues a record; put the text in double quotes"},
        {"x TXT", "TXT \"a",
         "a double quote is not closed; close it, or write \\\" for the character"},
        {"x AAAA", "A 10.0.0.1",
         "the key names AAAA, the record is A; write the A below a key of its own"},
        {"x", "TXT a",
         "TXT is not an address: a key without a type replaces addresses only; write "
         "the key as \"x.a.test. TXT\", or use `add`"},
        {"x", "", "x.a.test. has no record; write a record, or use `remove`"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[512], expected[512];
        unsigned column = 12 + (unsigned)strlen(cases[i].key) + (*cases[i].record ? 1 : 0);
        snprintf(text, sizeof(text), OVERLAY("view: in\n        replace:\n          %s: %s"),
                 cases[i].key, cases[i].record);
        snprintf(expected, sizeof(expected), "c.yaml:11:%u: error: %s\n", column,
                 cases[i].expected);
        expect_findings(text, expected);
    }
    expect_findings(OVERLAY("view: in\n        replace:\n          x: |\n            A 10.0.0.1\n"
                            "            A 10.0.0.2"),
                    "c.yaml:11:14: error: a record has one line; write a list\n");
    expect_findings(OVERLAY("view: in\n        add:\n          x: [[A 10.0.0.1], A 10.0.0.2]"),
                    "c.yaml:11:15: error: an item of zones[].overlays[].add takes one value, this "
                    "is a list; write one value\n");
}

static void test_exception_findings(void **state)
{
    (void)state;
#define GUARD(exception) \
    SERVER VIEWS "zones: [{zone: a.test, file: f}]\nleak-guard: {exceptions: [{" exception "}]}\n"
    static const struct finding_case cases[] = {
        {GUARD("name: x.a.test, views: [out], prefix: 10.9.0.0/16"),
         "c.yaml:6:27: error: leak-guard.exceptions[].reason is missing; add 'reason: ...'\n"},
        {GUARD("name: x.a.test, views: [out], prefix: 10.9.0.0/16, reason: ''"),
         "c.yaml:6:87: error: leak-guard.exceptions[].reason is empty\n"},
        {GUARD("name: x.a.test, views: [out], prefix: 10.9.0.1/16, reason: r"),
         "c.yaml:6:66: error: leak-guard.exceptions[].prefix: 10.9.0.1/16 has address bits beyond "
         "its length; write 10.9.0.0/16\n"},
        {GUARD("name: x.b.test, views: [out], prefix: 10.9.0.0/16, reason: r"),
         "c.yaml:6:27: warning: no zone here holds x.b.test.; check the name\n"},
        {GUARD("name: x.a.test, views: [in], prefix: 10.9.0.0/16, reason: r"),
         "c.yaml:6:27: warning: the exception names an internal view, which needs none; leave it "
         "out\n"},
        {GUARD("name: x.a.test, views: [out], prefix: 192.0.2.0/24, reason: r"),
         "c.yaml:6:27: warning: the exception names public addresses, which need none; name the "
         "private prefix\n"},
        {GUARD("name: '*.a.test', views: [out], prefix: 10.9.0.0/16, reason: r"), ""},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
}

static bool only_present(void *ctx, const char *path)
{
    return strcmp(path, ctx) == 0;
}

static void test_missing_files_have_a_place(void **state)
{
    (void)state;
    struct diag_list diags;
    struct config *config =
        parse_good(SERVER "zones:\n  - {zone: a.test, file: there}\n  - zone: b.test\n"
                          "    file: gone\n    overlays:\n      - {view: default, file: away}\n");
    diag_init(&diags, &ALLOC_MALLOC);
    config_check_files(config, only_present, (void *)"there", &diags);
    char *found = findings_text(&diags);
    assert_string_equal(
        found, "c.yaml:4:5: error: zone file gone cannot be read; create it, or correct the path\n"
               "c.yaml:7:9: error: overlay file away cannot be read; create it, or correct the "
               "path\n");
    free(found);
    diag_deinit(&diags);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zones_are_taken),
        cmocka_unit_test(test_paths_begin_at_the_folder_of_the_file),
        cmocka_unit_test(test_overlay_is_taken),
        cmocka_unit_test(test_exceptions_are_taken),
        cmocka_unit_test(test_zone_findings),
        cmocka_unit_test(test_one_zone_may_differ_wholly_by_view),
        cmocka_unit_test(test_subtree_findings),
        cmocka_unit_test(test_overlay_findings),
        cmocka_unit_test(test_record_findings),
        cmocka_unit_test(test_exception_findings),
        cmocka_unit_test(test_missing_files_have_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
