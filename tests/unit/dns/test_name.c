/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Names: what is one, text and back, order, which lies below which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "dns/name.h"

#include <string.h>

#define LABEL_63 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define WIRE(text) ((const uint8_t *)(text))

static const uint8_t *from_text(const char *text)
{
    static uint8_t names[4][NAME_MAX];
    static unsigned turn;
    uint8_t *name = names[turn++ % 4];
    if (name_from_text(text, NULL, name) != ERR_OK) {
        fail_msg("not a name: %s", text);
    }
    return name;
}

static void test_check_takes_names_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(name_check(WIRE("\0"), 1), 1);
    assert_int_equal(name_check(WIRE("\0x"), 2), 1); /* what follows is not its business */
    assert_int_equal(name_check(WIRE("\3www\7example\0"), 13), 13);
    assert_int_equal(name_check(WIRE(""), 0), 0);
    for (size_t cut = 0; cut < 13; cut++) {
        assert_int_equal(name_check(WIRE("\3www\7example\0"), cut), 0);
    }
    assert_int_equal(name_check(WIRE("\300\14"), 2), 0); /* a pointer */
    assert_int_equal(name_check(WIRE("\1a\300\14"), 4), 0);
    assert_int_equal(name_check(WIRE("\100"), 1), 0); /* 64 */
    assert_int_equal(name_check(WIRE("\200\0"), 2), 0);
}

static void test_check_at_the_limits(void **state)
{
    (void)state;
    uint8_t wire[300];
    memset(wire, 'a', sizeof(wire));
    for (unsigned i = 0; i < 4; i++) {
        wire[i * 64] = 63;
    }
    /* 3 * 64 + 62 + 1 is 255: the last label may have 61 bytes, not 62. */
    wire[192] = 61;
    wire[254] = 0;
    assert_int_equal(name_check(wire, sizeof(wire)), 255);
    assert_int_equal(name_check(wire, 255), 255);
    assert_int_equal(name_check(wire, 254), 0);
    wire[192] = 62;
    wire[254] = 'a';
    wire[255] = 0;
    assert_int_equal(name_check(wire, sizeof(wire)), 0);
    for (unsigned i = 0; i < 254; i += 2) { /* 127 labels of one byte */
        wire[i] = 1;
    }
    wire[254] = 0;
    assert_int_equal(name_check(wire, sizeof(wire)), 255);
    assert_int_equal(name_labels(wire), 127);
    wire[254] = 1;
    wire[256] = 0;
    assert_int_equal(name_check(wire, sizeof(wire)), 0);
}

static void test_text_and_back(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wire;
        const char *again; /* NULL: the same text */
    } rows[] = {
        {".", "", NULL},
        {"a.", "\1a", NULL},
        {"a", "\1a", "a."},
        {"WWW.Example.COM", "\3www\7example\3com", "www.example.com."},
        {"\\065.", "\1a", "a."},
        {"a\\.b.c.", "\3a.b\1c", NULL},
        {"a\\\\b.", "\3a\\b", NULL},
        {"\\@.", "\1@", NULL},
        {"@", "\1@", "\\@."},
        {"\\032x.", "\2 x", NULL},
        {"\\ x.", "\2 x", "\\032x."},
        {"a b.", "\3a b", "a\\032b."},
        {"\\;\\(\\)\\\"\\$.", "\5;()\"$", NULL},
        {"\\255\\127\\031.", "\3\377\177\37", NULL},
        {"\\q.", "\1q", "q."},
        {"*._tcp.", "\1*\4_tcp", NULL},
        {"\\195\\164.", "\2\303\244", NULL},
        {"\303\204.", "\2\303\204", "\\195\\132."}, /* only ASCII letters are folded */
        {LABEL_63 ".", "\77" LABEL_63, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char text[NAME_TEXT_MAX];
        const uint8_t *name = from_text(rows[i].text);
        size_t len = strlen(rows[i].wire) + 1;
        assert_int_equal(name_len(name), len);
        assert_memory_equal(name, rows[i].wire, len);
        const char *expected = rows[i].again ? rows[i].again : rows[i].text;
        assert_string_equal(name_to_text(name, text), expected);
        assert_true(name_equal(from_text(text), name));
    }
    char text[NAME_TEXT_MAX];
    assert_string_equal(name_to_text(WIRE("\2\0a\1B"), text), "\\000a.B."); /* case is kept */
    assert_memory_equal(from_text("\\000a.b"), "\2\0a\1b", 6);
}

static void test_text_that_is_no_name(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "..",
        ".a",
        "a..",
        "a..b",
        "\\",
        "a\\",
        "a.\\",
        "\\25",
        "\\2",
        "\\256.",
        "\\999",
        "\\25x",
        "x" LABEL_63,
        LABEL_63 "x.a",
        LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63,
        LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63,
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        uint8_t name[NAME_MAX], fresh[NAME_MAX];
        memset(name, 0xee, sizeof(name));
        memset(fresh, 0xee, sizeof(fresh));
        assert_int_equal(name_from_text(texts[i], NULL, name), ERR_INVALID);
        assert_int_equal(name_from_text(texts[i], WIRE("\3com"), name), ERR_INVALID);
        assert_memory_equal(name, fresh, sizeof(name));
    }
}

static void test_origin(void **state)
{
    (void)state;
    uint8_t name[NAME_MAX];
    const uint8_t *origin = WIRE("\7example\3com");
    assert_int_equal(name_from_text("www", origin, name), ERR_OK);
    assert_memory_equal(name, "\3www\7example\3com", 17);
    assert_int_equal(name_from_text("www.", origin, name), ERR_OK);
    assert_memory_equal(name, "\3www", 5);
    assert_int_equal(name_from_text("@", origin, name), ERR_OK);
    assert_memory_equal(name, origin, 13);
    assert_int_equal(name_from_text("\\@", origin, name), ERR_OK);
    assert_memory_equal(name, "\1@\7example", 10);
    assert_int_equal(name_from_text("a.@", origin, name), ERR_OK); /* only alone is it the origin */
    assert_memory_equal(name, "\1a\1@\7example", 12);
    assert_int_equal(name_from_text("a\\.", origin, name), ERR_OK); /* that dot is not the end */
    assert_memory_equal(name, "\2a.\7example", 11);
    assert_int_equal(name_from_text(".", origin, name), ERR_OK);
    assert_int_equal(name[0], 0);
    /* 241 bytes of labels fit in front of 13, one more does not. */
    char text[256];
    memset(text, 'a', sizeof(text));
    text[63] = text[127] = text[191] = '.';
    text[241] = '\0';
    assert_int_equal(name_from_text(text, origin, name), ERR_OK);
    assert_int_equal(name_len(name), 255);
    text[241] = 'a';
    text[242] = '\0';
    assert_int_equal(name_from_text(text, origin, name), ERR_INVALID);
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(name_equal(WIRE("\3WwW\7eXample"), WIRE("\3wWw\7Example")));
    assert_false(name_equal(WIRE("\3www"), WIRE("\3www\1a")));
    assert_false(name_equal(WIRE("\3www\1a"), WIRE("\3www")));
    assert_false(name_equal(WIRE("\1a\1b"), WIRE("\3a\1b")));
    assert_true(name_equal(WIRE(""), WIRE("")));
    assert_false(name_equal(WIRE("\1@"), WIRE("\1`"))); /* differ in the bit of the case */
    assert_false(name_equal(WIRE("\1["), WIRE("\1{")));
}

/* RFC 4034 6.1's own example, and bytes at the edges. */
static void test_canonical_order(void **state)
{
    (void)state;
    static const char *const sorted[] = {
        ".",
        "\\000.",
        "*.",
        "example.",
        "a.example.",
        "yljkjljk.a.example.",
        "Z.a.example.",
        "zABC.a.EXAMPLE.",
        "z.example.",
        "\\001.z.example.",
        "*.z.example.",
        "\\200.z.example.",
        "z\\000.example.",
        "zz.example.",
        "example\\000.",
        "example2.",
        "\\255.",
    };
    enum {
        COUNT = sizeof(sorted) / sizeof(*sorted)
    };
    for (int i = 0; i < COUNT; i++) {
        for (int k = 0; k < COUNT; k++) {
            int diff = name_compare(from_text(sorted[i]), from_text(sorted[k]));
            if ((diff > 0) - (diff < 0) != (i > k) - (i < k)) {
                fail_msg("%s and %s: %d", sorted[i], sorted[k], diff);
            }
        }
    }
}

static void test_in_zone(void **state)
{
    (void)state;
    static const struct {
        const char *name, *zone;
        bool inside;
    } rows[] = {
        {"www.example.com", "example.com", true},
        {"example.com", "example.com", true},
        {"EXAMPLE.com", "example.COM", true},
        {"com", "example.com", false},
        {"wwwexample.com", "example.com", false},
        {"www.example.org", "example.com", false},
        {"a.b.c", ".", true},
        {".", ".", true},
        {".", "com", false},
        {"a\\.example.com", "example.com", false},
        {"x.a\\007example.com", "example.com", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_int_equal(name_in_zone(from_text(rows[i].name), from_text(rows[i].zone)),
                         rows[i].inside);
    }
    assert_true(name_relative_below(WIRE("\1a\1b"), 4, WIRE("\1b"), 2));
    assert_true(name_relative_below(WIRE("\1a"), 2, WIRE(""), 0));
    assert_false(name_relative_below(WIRE("\1b"), 2, WIRE("\1b"), 2));
    assert_false(name_relative_below(WIRE(""), 0, WIRE(""), 0));
    assert_false(name_relative_below(WIRE("\3a\1b"), 4, WIRE("\1b"), 2));
    assert_false(name_relative_below(WIRE("\1b"), 2, WIRE("\1a\1b"), 4));
}

static void test_longest_text_fits(void **state)
{
    (void)state;
    uint8_t name[NAME_MAX];
    char text[NAME_TEXT_MAX];
    memset(name, 1, sizeof(name)); /* every byte needs an escape */
    name[0] = name[64] = name[128] = 63;
    name[192] = 61;
    name[254] = 0;
    assert_int_equal(strlen(name_to_text(name, text)), (3 * 63 + 61) * 4 + 4);
    uint8_t again[NAME_MAX];
    assert_int_equal(name_from_text(text, NULL, again), ERR_OK);
    assert_memory_equal(name, again, sizeof(name));
}

static void test_relative_to_text(void **state)
{
    (void)state;
    char text[NAME_TEXT_MAX];
    assert_string_equal(name_relative_to_text(WIRE("\3www"), 4, WIRE("\3com"), text), "www.com.");
    assert_string_equal(name_relative_to_text(WIRE(""), 0, WIRE("\3com"), text), "com.");
    assert_string_equal(name_relative_to_text(WIRE(""), 0, WIRE(""), text), ".");
}

/* All lengths and all bytes, since letters are folded several at once. */
static void test_lower(void **state)
{
    (void)state;
    uint8_t name[64], expected[64];
    for (unsigned len = 0; len <= sizeof(name); len++) {
        for (unsigned from = 0; from < 256; from += 5) {
            for (unsigned i = 0; i < sizeof(name); i++) {
                name[i] = (uint8_t)(from + i);
                bool upper = i < len && name[i] >= 'A' && name[i] <= 'Z';
                expected[i] = (uint8_t)(name[i] + (upper ? 'a' - 'A' : 0));
            }
            name_lower(name, len);
            assert_memory_equal(name, expected, sizeof(name));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_takes_names_and_nothing_else),
        cmocka_unit_test(test_check_at_the_limits),
        cmocka_unit_test(test_text_and_back),
        cmocka_unit_test(test_text_that_is_no_name),
        cmocka_unit_test(test_origin),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_canonical_order),
        cmocka_unit_test(test_in_zone),
        cmocka_unit_test(test_longest_text_fits),
        cmocka_unit_test(test_relative_to_text),
        cmocka_unit_test(test_lower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
