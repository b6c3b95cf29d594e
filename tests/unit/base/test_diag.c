/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Findings: their text, their count beyond the limit, and what happens without memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/diag.h"
#include "base/limits.h"
#include "unit/failing.h"

#include <string.h>

static void test_text_of_a_finding(void **state)
{
    (void)state;
    static const struct {
        struct place place;
        enum severity severity;
        const char *mend, *text;
    } rows[] = {
        {{"a.zone", 12, 3}, SEVERITY_ERROR, "do this", "a.zone:12:3: error: it broke; do this"},
        {{"a.zone", 12, 0}, SEVERITY_WARNING, NULL, "a.zone:12: warning: it broke"},
        {{"a.zone", 0, 0}, SEVERITY_ERROR, NULL, "a.zone: error: it broke"},
        {{NULL, 0, 0}, SEVERITY_ERROR, NULL, "command line: error: it broke"},
    };
    struct diag_list list;
    diag_init(&list, &ALLOC_MALLOC);
    for (size_t i = 0; i < 4; i++) {
        char out[200];
        diag_add(&list, rows[i].severity, rows[i].place, rows[i].mend, "it %s", "broke");
        const struct diag *last = list.first;
        while (last->next) {
            last = last->next;
        }
        assert_int_equal(diag_format(last, out, sizeof(out)), strlen(rows[i].text));
        assert_string_equal(out, rows[i].text);
        assert_int_equal(diag_format(last, out, 5), strlen(rows[i].text));
        assert_int_equal(strlen(out), 4);
    }
    assert_int_equal(list.errors, 3);
    assert_int_equal(list.warnings, 1);
    diag_deinit(&list);
}

static void test_texts_are_copied(void **state)
{
    (void)state;
    struct diag_list list;
    char file[] = "one", mend[] = "two";
    diag_init(&list, &ALLOC_MALLOC);
    diag_add(&list, SEVERITY_ERROR, (struct place){.file = file}, mend, "%s", file);
    memset(file, 'x', 3);
    memset(mend, 'x', 3);
    assert_string_equal(list.first->place.file, "one");
    assert_string_equal(list.first->text, "one");
    assert_string_equal(list.first->mend, "two");
    diag_deinit(&list);
}

static unsigned kept(const struct diag_list *list)
{
    unsigned count = 0;
    for (const struct diag *diag = list->first; diag; diag = diag->next) {
        count++;
    }
    return count;
}

static void test_beyond_the_limit_they_are_counted(void **state)
{
    (void)state;
    struct diag_list list, all;
    diag_init(&list, &ALLOC_MALLOC);
    diag_init(&all, &ALLOC_MALLOC);
    for (int i = 0; i < LIMIT_DIAGS + 50; i++) {
        diag_add(&list, SEVERITY_ERROR, (struct place){0}, NULL, "error %d", i);
    }
    /* Warnings do not push out errors, nor the other way round. */
    diag_add(&list, SEVERITY_WARNING, (struct place){0}, NULL, "warning");
    assert_int_equal(list.errors, LIMIT_DIAGS + 50);
    assert_int_equal(list.lost, 50);
    assert_int_equal(kept(&list), LIMIT_DIAGS + 1);

    diag_move(&all, &list);
    assert_int_equal(all.errors, LIMIT_DIAGS + 50);
    assert_int_equal(all.warnings, 1);
    assert_int_equal(all.lost, 50);
    assert_string_equal(all.first->text, "error 0");
    diag_deinit(&list);
    diag_deinit(&all);
}

static void test_without_memory_they_are_counted(void **state)
{
    (void)state;
    struct failing failing;
    struct diag_list list;
    failing_init(&failing, 1);
    diag_init(&list, &failing.alloc);
    diag_add(&list, SEVERITY_ERROR, (struct place){.file = "f"}, "mend", "text");
    assert_int_equal(list.errors, 1);
    assert_int_equal(list.lost, 1);
    assert_int_equal(kept(&list), 0);
    diag_deinit(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_of_a_finding),
        cmocka_unit_test(test_texts_are_copied),
        cmocka_unit_test(test_beyond_the_limit_they_are_counted),
        cmocka_unit_test(test_without_memory_they_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
