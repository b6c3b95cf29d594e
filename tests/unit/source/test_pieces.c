/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A text parsed in pieces gives what it gives in one go: records, order, lines, and findings; also
 * to a reader who begins before it is parsed.
 *
 * wraps: pthread_create
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "dns/name.h"
#include "source/pieces.h"
#include "unit/failing.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const uint8_t ORIGIN[] = "\7example\3com";

struct result {
    int err;
    struct records records;
    struct diag_list diags;
};

static struct zonetext_source source_of(const char *text)
{
    return (struct zonetext_source){.file = "z",
                                    .text = text,
                                    .len = strlen(text),
                                    .first_line = 1,
                                    .origin = ORIGIN,
                                    .default_ttl = 3600};
}

static void parse(const char *text, size_t least, struct result *out)
{
    struct zonetext_source source = source_of(text);
    records_init(&out->records, &ALLOC_MALLOC);
    diag_init(&out->diags, &ALLOC_MALLOC);
    out->err = least ? zone_pieces_parse(&source, least, &out->records, &out->diags)
                     : zonetext_parse(&source, &out->records, &out->diags);
}

static void result_drop(struct result *result)
{
    records_deinit(&result->records);
    diag_deinit(&result->diags);
}

static void expect_same_records(const struct records *a, const struct records *b)
{
    struct records_iter one, other;
    struct record x, y;
    records_iter_init(&one, a);
    records_iter_init(&other, b);
    while (records_iter_next(&one, &x)) {
        assert_true(records_iter_next(&other, &y));
        assert_true(name_equal(x.owner, y.owner));
        assert_int_equal(x.type, y.type);
        assert_int_equal(x.ttl, y.ttl);
        assert_int_equal(x.line, y.line);
        assert_string_equal(a->files[x.file], b->files[y.file]);
        assert_int_equal(x.rdata_len, y.rdata_len);
        assert_memory_equal(x.rdata, y.rdata, x.rdata_len);
    }
    assert_false(records_iter_next(&other, &y));
    assert_int_equal(one.err, ERR_OK);
    assert_int_equal(a->count, b->count);
}

static void expect_same(const char *text)
{
    struct result whole;
    parse(text, 0, &whole);
    for (size_t least = 1; least < strlen(text) + 2; least += least < 40 ? 1 : 37) {
        struct result pieces;
        parse(text, least, &pieces);
        assert_int_equal(pieces.err, whole.err);
        assert_int_equal(pieces.diags.errors, whole.diags.errors);
        assert_int_equal(pieces.diags.warnings, whole.diags.warnings);
        const struct diag *a = pieces.diags.first, *b = whole.diags.first;
        for (; a && b; a = a->next, b = b->next) {
            assert_string_equal(a->text, b->text);
            assert_int_equal(a->place.line, b->place.line);
        }
        assert_true(!a && !b);
        if (whole.err == ERR_OK) {
            expect_same_records(&pieces.records, &whole.records);
        }
        result_drop(&pieces);
    }
    result_drop(&whole);
}

#define HEAD "@ SOA ns h 1 2 3 4 5\n"

static void pieces_give_what_the_whole_gives(void **state)
{
    (void)state;
    expect_same(HEAD "a A 192.0.2.1\n A 192.0.2.2\nb 60 TXT \"x;(\" ( y\n z )\n\nc AAAA ::1\n"
                     "$TTL 5\nd A 192.0.2.3\n$ORIGIN sub.example.com.\nd A 192.0.2.4\n@ MX 1 d\n"
                     "$ORIGIN example.com.\n$TTL 7\ne.f CNAME d\ne.g 9 A 192.0.2.5\n");
    expect_same("\xef\xbb\xbf" HEAD
                "a A 192.0.2.1\r\nb A 192.0.2.2\r\n$TTL 4\r\nc A 192.0.2.3\r\n");
    expect_same("a A 192.0.2.1\na A 192.0.2.1\nA A 192.0.2.1\nb A 192.0.2.1"); /* as if one owner */
}

static void findings_are_those_of_the_whole(void **state)
{
    (void)state;
    expect_same(HEAD "a A 192.0.2.1\nb A 192.0.2\nc A 192.0.2.3\nd A x\n");
    expect_same(HEAD "a A 192.0.2.1\nb.org. A 192.0.2.1\nc 3000000000 A 192.0.2.3\n");
    expect_same(HEAD "a A 192.0.2.1\n$ORIGIN x..y.\nc A 192.0.2.3\nd A 192.0.2.4\n");
    expect_same(HEAD "a A 192.0.2.1\n$TTL x\nc A 192.0.2.3\nd A 192.0.2.4\n");
    expect_same(HEAD "a A 192.0.2.1\n$INCLUDE f\nc A 192.0.2.3\nd A 192.0.2.4\n");
    expect_same(HEAD "a A ( 192.0.2.1\nb A 192.0.2.2\nc A 192.0.2.3\n");
    expect_same(HEAD "a A 192.0.2.1 )\nb A 192.0.2.2\nc TXT \"x\nd A 192.0.2.3\n");
}

static char *many_hosts(unsigned count)
{
    char *text = malloc(64 * (count + 2)), *at = text;
    assert_non_null(text);
    at += sprintf(at, HEAD);
    for (unsigned i = 0; i < count; i++) {
        at += sprintf(at, "h%u A 192.0.%u.%u\n", i, i >> 8 & 255, i & 255);
    }
    return text;
}

static void a_long_text_is_the_same(void **state)
{
    (void)state;
    struct result whole, pieces;
    char *text = many_hosts(60000);
    parse(text, 0, &whole);
    parse(text, 4096, &pieces);
    assert_int_equal(pieces.err, ERR_OK);
    expect_same_records(&pieces.records, &whole.records);
    struct record more = {
        .owner = ORIGIN, .type = 16, .rdata = (const uint8_t *)"\1x", .rdata_len = 2};
    assert_int_equal(records_append(&pieces.records, &more), ERR_OK); /* goes on like any list */
    assert_int_equal(records_append(&whole.records, &more), ERR_OK);
    expect_same_records(&pieces.records, &whole.records);
    result_drop(&whole);
    result_drop(&pieces);
    free(text);
}

/* --- a list that is read while it is made -------------------------------------------------------
 */

static bool no_threads;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg)
{
    return no_threads ? EAGAIN : __real_pthread_create(thread, how, run, arg);
}

/* The list takes the text over. */
static int begin(const char *text, size_t least, struct records *out)
{
    char *own = strdup(text);
    assert_non_null(own);
    struct zonetext_source source = source_of(own);
    records_init(out, &ALLOC_MALLOC);
    int err = zone_pieces_begin(&source, least, out);
    if (err != ERR_OK) {
        free(own);
    }
    return err;
}

static void a_reader_may_begin_at_once(void **state)
{
    (void)state;
    char *text = many_hosts(20000);
    struct result whole;
    parse(text, 0, &whole);
    for (no_threads = false;; no_threads = true) {
        struct records early;
        assert_int_equal(begin(text, 10000, &early), ERR_OK);
        assert_non_null(early.source);
        expect_same_records(&early, &whole.records); /* reads it to its end */
        assert_null(early.source);
        expect_same_records(&early, &whole.records); /* and once more */
        records_deinit(&early);
        if (no_threads) {
            break;
        }
    }
    no_threads = false;
    struct records none;
    assert_int_equal(begin(text, strlen(text), &none), ERR_UNSUPPORTED);
    assert_int_equal(begin(HEAD "a A 192.0.2.1\n$INCLUDE f\nb A 192.0.2.1\n", 1, &none),
                     ERR_UNSUPPORTED);
    result_drop(&whole);
    free(text);
}

static void a_list_may_be_dropped_at_any_time(void **state)
{
    (void)state;
    char *text = many_hosts(20000);
    for (unsigned read = 0; read < 20001; read += 1117) {
        struct records early;
        struct records_iter iter;
        struct record record;
        assert_int_equal(begin(text, 10000, &early), ERR_OK);
        records_iter_init(&iter, &early);
        for (unsigned i = 0; i < read; i++) {
            assert_true(records_iter_next(&iter, &record));
        }
        records_deinit(&early);
    }
    free(text);
}

static void a_finding_ends_the_list(void **state)
{
    (void)state;
    static const char *const faults[] = {"x A 192.0.2\n", "x 3000000000 A 192.0.2.1\n"};
    char *hosts = many_hosts(2000), *text = malloc(2 * strlen(hosts) + 100);
    assert_non_null(text);
    for (size_t i = 0; i < 2; i++) {
        struct records early;
        struct records_iter iter;
        struct record record;
        unsigned count = 0;
        sprintf(text, "%s%s%s", hosts, faults[i], hosts + strlen(HEAD));
        assert_int_equal(begin(text, 1000, &early), ERR_OK);
        records_iter_init(&iter, &early);
        while (records_iter_next(&iter, &record)) {
            count++;
        }
        assert_int_equal(iter.err, ERR_AGAIN);
        assert_in_range(count, 1, 2001);
        records_iter_init(&iter, &early);
        while (records_iter_next(&iter, &record)) {
        }
        assert_int_equal(iter.err, ERR_AGAIN); /* for everybody who reads it */
        records_deinit(&early);
    }
    free(text);
    free(hosts);
}

/* A failing allocator for several threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *locked_resize(void *ctx, void *mem, size_t bytes)
{
    pthread_mutex_lock(&lock);
    void *moved = failing_resize(ctx, mem, bytes);
    pthread_mutex_unlock(&lock);
    return moved;
}

static void locked_release(void *ctx, void *mem)
{
    pthread_mutex_lock(&lock);
    failing_release(ctx, mem);
    pthread_mutex_unlock(&lock);
}

static void without_memory_nothing_is_left(void **state)
{
    (void)state;
    struct failing failing;
    struct alloc locked = {locked_resize, locked_release, &failing};
    char *text = many_hosts(200);
    struct zonetext_source source = source_of(text);
    bool felt = true;
    for (size_t n = 1; felt; n++) {
        struct records records;
        struct diag_list diags;
        failing_init(&failing, n);
        records_init(&records, &locked);
        diag_init(&diags, &locked);
        int err = zone_pieces_parse(&source, 500, &records, &diags);
        felt = failing.failed;
        assert_int_equal(err, felt ? ERR_NOMEM : ERR_OK);
        records_deinit(&records);
        diag_deinit(&diags);
        assert_int_equal(failing.alive, 0);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_give_what_the_whole_gives),
        cmocka_unit_test(findings_are_those_of_the_whole),
        cmocka_unit_test(a_long_text_is_the_same),
        cmocka_unit_test(a_reader_may_begin_at_once),
        cmocka_unit_test(a_list_may_be_dropped_at_any_time),
        cmocka_unit_test(a_finding_ends_the_list),
        cmocka_unit_test(without_memory_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
