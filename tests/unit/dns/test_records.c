/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The list of records: what goes in comes out, whatever repeats or changes, and no failed
 * allocation loses or leaks anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/random.h"
#include "dns/name.h"
#include "dns/records.h"
#include "unit/failing.h"

#include <stdio.h>
#include <string.h>

/* Record number i of a sequence in which owners, types, TTLs, lines and files repeat and jump. */
struct sample {
    uint8_t owner[64], rdata[70000];
    struct record record;
};

static void sample_make(struct sample *sample, struct random *random)
{
    struct record *record = &sample->record;
    if (random_below(random, 3) == 0 || !record->owner) {
        size_t len = 1 + random_below(random, 60);
        sample->owner[0] = (uint8_t)len;
        for (size_t i = 1; i <= len; i++) {
            sample->owner[i] = (uint8_t)('a' + random_below(random, 26));
        }
        sample->owner[len + 1] = 0;
    }
    record->owner = sample->owner;
    record->line = random_below(random, 2) ? record->line + 1 : (uint32_t)random_next(random);
    if (random_below(random, 2)) {
        record->ttl = (uint32_t)random_next(random);
    }
    if (random_below(random, 2)) {
        record->type = (uint16_t)random_next(random);
    }
    record->file = (uint16_t)random_below(random, 2);
    record->rdata_len = (uint16_t)random_below(random, random_below(random, 50) ? 300 : 65536);
    for (size_t i = 0; i < record->rdata_len; i += 64) {
        sample->rdata[i] = (uint8_t)random_next(random);
    }
    record->rdata = sample->rdata;
}

static void assert_same(const struct record *a, const struct record *b)
{
    assert_true(name_equal(a->owner, b->owner));
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->ttl, b->ttl);
    assert_int_equal(a->line, b->line);
    assert_int_equal(a->file, b->file);
    assert_int_equal(a->rdata_len, b->rdata_len);
    assert_memory_equal(a->rdata, b->rdata, a->rdata_len);
}

static void test_what_goes_in_comes_out(void **state)
{
    (void)state;
    enum {
        COUNT = 20000
    };
    static struct sample sample;
    struct random random;
    struct records list;
    records_init(&list, &ALLOC_MALLOC);
    random_seed(&random, 7);
    for (int i = 0; i < COUNT; i++) {
        sample_make(&sample, &random);
        assert_int_equal(records_append(&list, &sample.record), ERR_OK);
    }
    assert_int_equal(list.count, COUNT);
    assert_true(list.bytes > 0);

    memset(&sample, 0, sizeof(sample));
    random_seed(&random, 7);
    struct records_iter iter;
    struct record got;
    records_iter_init(&iter, &list);
    for (int i = 0; i < COUNT; i++) {
        sample_make(&sample, &random);
        assert_true(records_iter_next(&iter, &got));
        assert_same(&got, &sample.record);
    }
    assert_false(records_iter_next(&iter, &got));
    assert_false(records_iter_next(&iter, &got));
    records_deinit(&list);
    assert_int_equal(list.count, 0);
}

static void test_no_owner_means_the_same(void **state)
{
    (void)state;
    struct records list;
    struct records_iter iter;
    struct record got, record = {.owner = (const uint8_t *)"\1a",
                                 .type = 1,
                                 .rdata_len = 4,
                                 .rdata = (const uint8_t *)"\1\2\3\4",
                                 .line = 1};
    records_init(&list, &ALLOC_MALLOC);
    records_iter_init(&iter, &list);
    assert_false(records_iter_next(&iter, &got));
    assert_int_equal(records_append(&list, &record), ERR_OK);
    record.owner = NULL;
    record.line = 2;
    assert_int_equal(records_append(&list, &record), ERR_OK);
    record.owner = (const uint8_t *)"\1b";
    record.rdata_len = 0;
    record.rdata = NULL;
    assert_int_equal(records_append(&list, &record), ERR_OK);
    records_iter_init(&iter, &list);
    assert_true(records_iter_next(&iter, &got) && name_equal(got.owner, (const uint8_t *)"\1a"));
    assert_true(records_iter_next(&iter, &got) && name_equal(got.owner, (const uint8_t *)"\1a"));
    assert_int_equal(got.line, 2);
    assert_true(records_iter_next(&iter, &got) && name_equal(got.owner, (const uint8_t *)"\1b"));
    assert_int_equal(got.rdata_len, 0);
    assert_false(records_iter_next(&iter, &got));
    records_deinit(&list);
}

static void test_addresses_are_small(void **state)
{
    (void)state;
    struct records list;
    records_init(&list, &ALLOC_MALLOC);
    struct record record = {.owner = (const uint8_t *)"\1a",
                            .type = 1,
                            .rdata_len = 4,
                            .rdata = (const uint8_t *)"\1\2\3\4"};
    for (record.line = 1; record.line <= 1000000; record.line++) {
        assert_int_equal(records_append(&list, &record), ERR_OK);
        record.owner = NULL;
    }
    assert_true(list.bytes < 8 * 1000000);
    records_deinit(&list);
}

static void test_files(void **state)
{
    (void)state;
    struct records list;
    records_init(&list, &ALLOC_MALLOC);
    for (int i = 0; i < UINT16_MAX; i++) {
        char name[16];
        snprintf(name, sizeof(name), "f%d", i);
        assert_int_equal(records_add_file(&list, name), i);
    }
    assert_int_equal(records_add_file(&list, "one more"), ERR_LIMIT);
    assert_string_equal(list.files[4711], "f4711");
    records_deinit(&list);
}

static void test_failing_allocations(void **state)
{
    (void)state;
    static struct sample sample;
    for (size_t n = 1;; n++) {
        struct failing failing;
        struct random random;
        struct records list;
        uint64_t written = 0;
        failing_init(&failing, n);
        random_seed(&random, 3);
        memset(&sample, 0, sizeof(sample));
        records_init(&list, &failing.alloc);
        int err = records_add_file(&list, "example.zone");
        for (int i = 0; i < 3000 && err >= 0; i++) {
            sample_make(&sample, &random);
            err = records_append(&list, &sample.record);
            written += err == ERR_OK;
        }
        assert_int_equal(list.count, written);
        struct records_iter iter;
        struct record got;
        uint64_t read = 0;
        for (records_iter_init(&iter, &list); records_iter_next(&iter, &got);) {
            read++;
        }
        assert_int_equal(read, written);
        assert_int_equal(err, failing.failed ? ERR_NOMEM : ERR_OK);
        records_deinit(&list);
        assert_int_equal(failing.alive, 0);
        if (!failing.failed) {
            assert_true(n > 8);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes_in_comes_out),
        cmocka_unit_test(test_no_owner_means_the_same),
        cmocka_unit_test(test_addresses_are_small),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
