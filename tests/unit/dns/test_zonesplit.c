/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where a zone text is cut, and where it must not be. Pieces are shown as "LINE[ORIGIN|TTL]TEXT".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dns/zonesplit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST = 8
};

/* Cuts wherever it is possible, and sees that nothing is lost between the pieces. */
static const char *cut_all(const char *text, size_t least)
{
    static char shown[1024];
    struct zone_piece pieces[MOST];
    size_t len = strlen(text), at = 0, used = 0;
    char *copy = malloc(len + 1); /* exact, so that a sanitizer sees a step too far */
    assert_non_null(copy);
    memcpy(copy, text, len);
    unsigned count = zone_text_split(copy, len, 1, least, pieces, MOST);
    assert_in_range(count, 1, MOST);
    shown[0] = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct zone_piece *piece = &pieces[i];
        assert_ptr_equal(piece->text, copy + at);
        at += piece->len;
        used += (size_t)snprintf(shown + used, sizeof(shown) - used, "%s%u[%.*s|%.*s]%.*s",
                                 i ? " / " : "", piece->first_line, (int)piece->origin_len,
                                 piece->origin ? piece->origin : "", (int)piece->ttl_len,
                                 piece->ttl ? piece->ttl : "", (int)piece->len, piece->text);
    }
    assert_int_equal(at, len);
    free(copy);
    return shown;
}

static void expect(const char *text, const char *shown)
{
    assert_string_equal(cut_all(text, 1), shown);
}

static void expect_whole(const char *text)
{
    char shown[600];
    snprintf(shown, sizeof(shown), "1[|]%s", text);
    expect(text, shown);
}

static void records_with_an_owner_begin_a_piece(void **state)
{
    (void)state;
    expect("a A 1\nb A 2\n", "1[|]a A 1\n / 2[|]b A 2\n");
    expect("a A 1\n A 2\n\tA 3\n\n;x\nb A 4", "1[|]a A 1\n A 2\n\tA 3\n\n;x\n / 6[|]b A 4");
    expect("@ A 1\n*.x A 2\n_s A 3\n\\097 A 4\n1 A 5\n-x A 6\n",
           "1[|]@ A 1\n / 2[|]*.x A 2\n / 3[|]_s A 3\n / 4[|]\\097 A 4\n / 5[|]1 A 5\n / "
           "6[|]-x A 6\n");
    expect("a A 1\r\nb A 2\r\n", "1[|]a A 1\r\n / 2[|]b A 2\r\n");
    expect("\n\na A 1\n)b\nc A 2\n", "1[|]\n\n / 3[|]a A 1\n)b\n / 5[|]c A 2\n");
    expect_whole("a A 1\n");
    expect_whole("");
}

static void pieces_have_a_least_size(void **state)
{
    (void)state;
    assert_string_equal(cut_all("a A 1\nb A 2\nc A 3\nd A 4\n", 12),
                        "1[|]a A 1\nb A 2\n / 3[|]c A 3\nd A 4\n");
    assert_string_equal(cut_all("a A 1\nb A 2\n", 7), "1[|]a A 1\nb A 2\n"); /* too short for two */
    const char *many = "a A\na A\na A\na A\na A\na A\na A\na A\na A\na A\n";
    assert_non_null(
        strstr(cut_all(many, 1), "8[|]a A\na A\na A\n")); /* never more than asked for */
}

static void directives_go_with_what_follows_them(void **state)
{
    (void)state;
    expect("$ORIGIN x.\n$TTL 5\na A 1\n$TTL 6 ; c\nb A 2\n$origin\ty.z. ; c\nc A 3\n",
           "1[|]$ORIGIN x.\n$TTL 5\n / 3[$ORIGIN x.|$TTL 5]a A 1\n$TTL 6 ; c\n / "
           "5[$ORIGIN x.|$TTL 6 ; c]b A 2\n$origin\ty.z. ; c\n / "
           "7[$origin\ty.z. ; c|$TTL 6 ; c]c A 3\n");
    expect("$TTL 5\r\na A 1\r\nb A 2\r\n",
           "1[|]$TTL 5\r\n / 2[|$TTL 5]a A 1\r\n / 3[|$TTL 5]b A 2\r\n");
    expect("\xef\xbb\xbf$TTL 5\na A 1\nb A 2\n",
           "1[|]\xef\xbb\xbf$TTL 5\n / 2[|$TTL 5]a A 1\n / 3[|$TTL 5]b A 2\n");
}

static void what_is_uncertain_is_not_cut(void **state)
{
    (void)state;
    expect_whole("a A 1\nb A 2\n$INCLUDE f\nc A 3\n");
    expect_whole("a A 1\nb A 2\n$include f\nc A 3\n");
    expect_whole("a A 1\nb A 2\n$ORIGIN sub\nc A 3\n");
    expect_whole("a A 1\nb A 2\n$ORIGIN x\\.\nc A 3\n");
    expect_whole("a A 1\nb A 2\n$ORIGIN ; x.\nc A 3\n");
    expect_whole("a A 1\nb A 2\n$ORIGIN ( x. )\nc A 3\n");
    expect_whole("a A 1\nb A 2\n$ORIGINAL x.\nc A 3\n");
    expect_whole("a A 1\nb A 2\n$TTL\nc A 3\n");
    expect_whole("a A 1\nb TXT \"x\ny\"\nc A 3\n");
    expect_whole("a A 1\nb A ( 2\nc A 3\n");
    expect_whole("a A 1\nb A ( ( 2 ) )\nc A 3\n");
    expect_whole("a A 1\nb TXT \"x\nc A 3\n");
    expect_whole("a A 1\nb TXT (\\\n)\nc A 3\n");
}

static void parentheses_quotes_and_comments_are_followed(void **state)
{
    (void)state;
    expect("a A (\nb\nc )\nd A 2\n", "1[|]a A (\nb\nc )\n / 4[|]d A 2\n");
    expect("a A ( ; ) \"\nb\n)\nd A 2\n", "1[|]a A ( ; ) \"\nb\n)\n / 4[|]d A 2\n");
    expect("a TXT \"(\"\nb A 2\n", "1[|]a TXT \"(\"\n / 2[|]b A 2\n");
    expect("a TXT \"\\\"(\"\nb A 2\n", "1[|]a TXT \"\\\"(\"\n / 2[|]b A 2\n");
    expect("a TXT \"\\\\\" (\n\"x\" )\nb A 2\n", "1[|]a TXT \"\\\\\" (\n\"x\" )\n / 3[|]b A 2\n");
    expect("a TXT \\( \\\" ; \"\nb A 2\n", "1[|]a TXT \\( \\\" ; \"\n / 2[|]b A 2\n");
    expect("a TXT \";\" ; x (\nb A 2\n", "1[|]a TXT \";\" ; x (\n / 2[|]b A 2\n");
    expect("; ( \"\na A 1\nb A 2\n", "1[|]; ( \"\n / 2[|]a A 1\n / 3[|]b A 2\n");
    expect("a A (\n$TTL 5\n)\nb A 2\n", "1[|]a A (\n$TTL 5\n)\n / 4[|]b A 2\n");
    expect("a A 1 ; (", "1[|]a A 1 ; (");
    expect("a A (1)\nb TXT \"x\"", "1[|]a A (1)\n / 2[|]b TXT \"x\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_with_an_owner_begin_a_piece),
        cmocka_unit_test(pieces_have_a_least_size),
        cmocka_unit_test(directives_go_with_what_follows_them),
        cmocka_unit_test(what_is_uncertain_is_not_cut),
        cmocka_unit_test(parentheses_quotes_and_comments_are_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
