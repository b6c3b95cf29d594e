/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Arena and buffer: what they hand out is separate, aligned, and all given back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/error.h"
#include "unit/failing.h"

#include <string.h>

static void test_arena_hands_out_separate_aligned_blocks(void **state)
{
    (void)state;
    struct failing failing;
    struct arena arena;
    failing_init(&failing, SIZE_MAX);
    arena_init(&arena, &failing.alloc);
    uint8_t *blocks[500];
    for (size_t i = 0; i < 500; i++) {
        size_t bytes = i % 97 == 0 ? 40000 : i;
        blocks[i] = arena_new(&arena, bytes + 1);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)i, bytes + 1);
    }
    for (size_t i = 0; i < 500; i++) {
        size_t bytes = i % 97 == 0 ? 40000 : i;
        assert_int_equal(blocks[i][0], (uint8_t)i);
        assert_int_equal(blocks[i][bytes], (uint8_t)i);
    }
    arena_deinit(&arena);
    assert_int_equal(failing.alive, 0);
}

static void test_arena_texts(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, &ALLOC_MALLOC);
    assert_string_equal(arena_text(&arena, ""), "");
    assert_string_equal(arena_text(&arena, "abc"), "abc");
    assert_string_equal(arena_format(&arena, "%s-%d", "x", 5), "x-5");
    char *zero = arena_new_zero(&arena, 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(zero[i], 0);
    }
    assert_memory_equal(arena_copy(&arena, "\0\1\2", 3), "\0\1\2", 3);
    assert_non_null(arena_copy(&arena, NULL, 0));
    char *longest = arena_format(&arena, "%0*d", 50000, 7);
    assert_int_equal(strlen(longest), 50000);
    assert_int_equal(longest[49999], '7');
    arena_deinit(&arena);
}

static void test_arena_without_memory(void **state)
{
    (void)state;
    struct failing failing;
    struct arena arena;
    failing_init(&failing, 2);
    arena_init(&arena, &failing.alloc);
    assert_non_null(arena_new(&arena, 10));
    assert_null(arena_new(&arena, 1 << 20));
    assert_null(arena_format(&arena, "%0*d", 50000, 7));
    assert_non_null(arena_new(&arena, 10)); /* what is left of the block still serves */
    arena_deinit(&arena);
    assert_int_equal(failing.alive, 0);
}

static void test_buf_grows_and_keeps(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, &ALLOC_MALLOC);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(buf_append(&buf, &i, sizeof(i)), ERR_OK);
    }
    assert_int_equal(buf.len, 10000 * sizeof(int));
    for (int i = 0; i < 10000; i++) {
        assert_memory_equal(buf.data + (size_t)i * sizeof(i), &i, sizeof(i));
    }
    assert_int_equal(buf_append(&buf, NULL, 0), ERR_OK);
    buf_deinit(&buf);
    assert_null(buf.data);
}

static void test_buf_without_memory_stays_as_it_was(void **state)
{
    (void)state;
    struct failing failing;
    struct buf buf;
    failing_init(&failing, 2);
    buf_init(&buf, &failing.alloc);
    assert_int_equal(buf_append(&buf, "abc", 3), ERR_OK);
    assert_int_equal(buf_reserve(&buf, 100000), ERR_NOMEM);
    assert_int_equal(buf.len, 3);
    assert_memory_equal(buf.data, "abc", 3);
    buf_deinit(&buf);
    assert_int_equal(failing.alive, 0);
}

static void test_memory_sizes(void **state)
{
    (void)state;
    assert_null(mem_new_zero(&ALLOC_MALLOC, SIZE_MAX / 2, 3)); /* would overflow */
    void *none = mem_new(&ALLOC_MALLOC, 0);
    assert_non_null(none);
    mem_free(&ALLOC_MALLOC, none);
    mem_free(&ALLOC_MALLOC, NULL);
    char *text = mem_copy_text(&ALLOC_MALLOC, "abc");
    assert_string_equal(text, "abc");
    mem_free(&ALLOC_MALLOC, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_hands_out_separate_aligned_blocks),
        cmocka_unit_test(test_arena_texts),
        cmocka_unit_test(test_arena_without_memory),
        cmocka_unit_test(test_buf_grows_and_keeps),
        cmocka_unit_test(test_buf_without_memory_stays_as_it_was),
        cmocka_unit_test(test_memory_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
