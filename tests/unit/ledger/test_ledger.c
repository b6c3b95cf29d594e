/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The account of what is told: words that never meet, the latest second of each, and what was
 * replaced; against plain models.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/random.h"
#include "dns/name.h"
#include "ledger/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORDS = 4096
};

static struct ledger ledger_make(void)
{
    struct ledger ledger = {.until = calloc(WORDS, sizeof(*ledger.until)), .born = {5000}};
    assert_non_null(ledger.until);
    kept_init(&ledger.kept, &ALLOC_MALLOC, 100);
    return ledger;
}

static void ledger_drop(struct ledger *ledger)
{
    kept_free(&ledger->kept);
    free(ledger->until);
}

static void test_the_latest_second_counts(void **state)
{
    struct ledger ledger = ledger_make();
    struct told_list list = {.count = 2, .at = {{7, 60}, {8, 5}}};
    (void)state;
    assert_int_equal(ledger_second(&ledger, (struct mono){5000}), 1);
    assert_int_equal(ledger_second(&ledger, (struct mono){5000 + INT64_C(999999999)}), 1);
    assert_int_equal(ledger_second(&ledger, (struct mono){5000 + INT64_C(1000000000)}), 2);
    assert_int_equal(ledger_until(&ledger, 7, 60), 0);
    ledger_note(&ledger, &list, 10);
    assert_int_equal(list.count, 0);
    assert_int_equal(ledger_until(&ledger, 7, 60), 70);
    assert_int_equal(ledger_until(&ledger, 8, 5), 15);
    list = (struct told_list){.count = 1, .at = {{7, 5}}}; /* a shorter one ends no sooner */
    ledger_note(&ledger, &list, 11);
    assert_int_equal(ledger_until(&ledger, 7, 5), 70);
    ledger.restored_s = 100;
    assert_int_equal(ledger_until(&ledger, 9, 30), 130);
    ledger_drop(&ledger);
}

static void test_what_does_not_fit_holds_back_all(void **state)
{
    struct ledger ledger = ledger_make();
    struct told_list list = {0};
    uint8_t block[256] = {0};
    struct slab slab = {.base = block};
    struct node *node = (struct node *)(void *)(block + SLAB_UNIT);
    (void)state;
    node->bytes_and_name_len = 40u << 8;
    for (unsigned i = 0; i < TOLD_MOST; i++) {
        told_denied(&list, &slab, node, 3);
    }
    assert_int_equal(list.lost_ttl_s, 0);
    told_denied(&list, &slab, node, 7);
    told_denied(&list, &slab, node, 4);
    told_add(NULL, &slab, node, 1, 9); /* nobody keeps account */
    assert_int_equal(list.count, TOLD_MOST);
    assert_int_equal(list.lost_ttl_s, 7);
    ledger_note(&ledger, &list, 10);
    assert_int_equal(list.lost_ttl_s, 0);
    assert_int_equal(ledger_until(&ledger, 4000, 1), 17);
    ledger_drop(&ledger);
}

/* Nodes side by side, of every size and beginning: each has words of its own. */
static void test_words_never_meet(void **state)
{
    static uint8_t area[WORDS * TOLD_BYTES];
    struct slab slab = {.base = area};
    struct ledger ledger = ledger_make();
    struct random random;
    (void)state;
    random_seed(&random, 20261127);
    for (unsigned round = 0; round < 50; round++) {
        size_t at = SLAB_UNIT;
        uint32_t last = 0;
        bool first = true;
        while (at + 1024 < sizeof(area)) {
            struct node *node = (struct node *)(void *)(area + at);
            unsigned sets = (unsigned)random_below(&random, 8);
            size_t least = sizeof(struct node) + 4 + (size_t)sets * (sizeof(struct rrset) + 4);
            size_t bytes = (sets ? least : 36) + random_below(&random, 200);
            *node = (struct node){.head = {.count = (uint16_t)sets},
                                  .bytes_and_name_len = (uint32_t)bytes << 8};
            struct told_words words = told_words(&slab, node);
            assert_true(words.count >= 1 && (first || words.first > last));
            for (int i = -1; i < (int)sets; i++) {
                uint32_t word = told_word(&slab, node, i);
                assert_in_range(word, words.first, words.first + words.count - 1);
                assert_true((size_t)word * 32 >= at && (size_t)word * 32 < at + bytes);
            }
            struct told_list list = {0};
            told_add(&list, &slab, node, 1, 9);
            ledger_note(&ledger, &list, round + 1);
            first = false;
            last = words.first + words.count - 1;
            at += (bytes + SLAB_UNIT - 1) / SLAB_UNIT * SLAB_UNIT;
        }
        for (at = SLAB_UNIT; at + 1024 < sizeof(area);) { /* forgetting one leaves the others */
            const struct node *node = (const struct node *)(const void *)(area + at);
            uint32_t word = told_word(&slab, node, 0);
            assert_int_equal(ledger_until(&ledger, word, 9), round + 10);
            ledger_forget(&ledger, &slab, node);
            assert_int_equal(ledger_until(&ledger, word, 9), 0);
            at += ((size_t)node_bytes(node) + SLAB_UNIT - 1) / SLAB_UNIT * SLAB_UNIT;
        }
    }
    ledger_drop(&ledger);
}

struct found {
    unsigned count;
    uint32_t until;
    char text[64];
};

static void find(void *ctx, const struct kept_record *record)
{
    struct found *found = ctx;
    found->count++;
    found->until = record->until;
    snprintf(found->text, sizeof(found->text), "%.*s", (int)record->len,
             (const char *)record->rdata);
}

static struct found look(const struct kept_table *table, const char *view, const char *text)
{
    struct found found = {0};
    uint8_t name[NAME_MAX];
    assert_int_equal(name_from_text(text, NULL, name), ERR_OK);
    kept_each(table, view, name, find, &found);
    return found;
}

static void add(struct kept_table *table, const char *view, const char *text, const char *data,
                uint32_t until, uint32_t now_s)
{
    uint8_t name[NAME_MAX];
    assert_int_equal(name_from_text(text, NULL, name), ERR_OK);
    const struct kept_record record = {.view = view,
                                       .name = name,
                                       .type = TYPE_TXT,
                                       .len = (uint16_t)strlen(data),
                                       .rdata = (const uint8_t *)data,
                                       .ttl_s = 5,
                                       .until = until};
    kept_add(table, &record, now_s);
}

static void test_replaced_records_are_found_by_view_and_name(void **state)
{
    struct ledger ledger = ledger_make();
    struct kept_table *table = &ledger.kept;
    (void)state;
    assert_int_equal(look(table, "in", "a.example").count, 0);
    add(table, "in", "a.example", "one", 50, 1);
    add(table, "in", "a.example", "one", 40, 1); /* the latest end counts */
    add(table, "out", "a.example", "two", 60, 1);
    assert_int_equal(look(table, "in", "a.example").count, 1);
    assert_int_equal(look(table, "in", "a.example").until, 50);
    assert_string_equal(look(table, "out", "a.example").text, "two");
    add(table, "in", "a.example", "one", 70, 1);
    assert_int_equal(look(table, "in", "a.example").until, 70);
    const struct kept_record denial = {
        .view = "in", .name = (const uint8_t *)"\1b\7example", .until = 9};
    kept_add(table, &denial, 1);
    kept_add(table, &denial, 1);
    assert_int_equal(look(table, "in", "b.example").count, 1);
    add(table, "in", "a.example", "three", 70, 1);
    assert_int_equal(look(table, "in", "a.example").count, 2);
    assert_int_equal(look(table, "in", "c.example").count, 0);
    ledger_drop(&ledger);
}

/* At the limit what is long over makes room; what finds none is remembered by its end. */
static void test_a_full_table_says_until_when_it_knows_nothing(void **state)
{
    struct ledger ledger = ledger_make();
    struct kept_table *table = &ledger.kept;
    char name[32];
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "n%u.example", i);
        add(table, "in", name, "x", i < 50 ? 10 : 5000, 1);
    }
    assert_int_equal(table->lost_until, 0);
    add(table, "in", "late.example", "x", 70, 1);
    add(table, "in", "later.example", "x", 90, 1);
    assert_int_equal(table->count, 100);
    assert_int_equal(table->lost_until, 90);
    assert_int_equal(look(table, "in", "late.example").count, 0);
    for (unsigned i = 0; i < 100; i++) { /* ten minutes after the first half was over */
        snprintf(name, sizeof(name), "m%u.example", i);
        add(table, "in", name, "x", 6000, 700);
    }
    assert_int_equal(table->count, 100);
    assert_int_equal(look(table, "in", "n7.example").count, 0);
    assert_int_equal(look(table, "in", "n77.example").count, 1);
    assert_int_equal(look(table, "in", "m7.example").count, 1);
    assert_int_equal(table->lost_until, 6000);
    ledger_drop(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_latest_second_counts),
        cmocka_unit_test(test_what_does_not_fit_holds_back_all),
        cmocka_unit_test(test_words_never_meet),
        cmocka_unit_test(test_replaced_records_are_found_by_view_and_name),
        cmocka_unit_test(test_a_full_table_says_until_when_it_knows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
