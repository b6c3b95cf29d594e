/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Values that come back as they went, and data that ends too early at every place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/pack.h"
#include "unit/failing.h"

#include <string.h>

static void pack_all(struct pack *pack)
{
    pack_u8(pack, 200);
    pack_u16(pack, 60000);
    pack_u32(pack, 4000000000u);
    pack_u64(pack, UINT64_C(0xfedcba9876543210));
    pack_text(pack, "text");
    pack_text(pack, "");
    pack_text(pack, NULL);
    pack_bytes(pack, "a\0b", 3);
    pack_bytes(pack, NULL, 0);
    pack_raw(pack, "raw", 3);
}

/* Were all values as they went? */
static bool unpack_all(struct unpack *unpack)
{
    size_t len = 9;
    char raw[3];
    bool good = unpack_u8(unpack) == 200;
    good = unpack_u16(unpack) == 60000 && good;
    good = unpack_u32(unpack) == 4000000000u && good;
    good = unpack_u64(unpack) == UINT64_C(0xfedcba9876543210) && good;
    const char *text = unpack_text(unpack), *empty = unpack_text(unpack);
    good = good && text && strcmp(text, "text") == 0 && empty && !*empty;
    good = good && !unpack_text(unpack);
    const uint8_t *bytes = unpack_bytes(unpack, &len);
    good = good && len == 3 && memcmp(bytes, "a\0b", 3) == 0;
    (void)unpack_bytes(unpack, &len);
    good = good && len == 0;
    unpack_raw(unpack, raw, sizeof(raw));
    return good && memcmp(raw, "raw", 3) == 0;
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    struct pack pack;
    pack_init(&pack, &ALLOC_MALLOC);
    pack_all(&pack);
    assert_int_equal(pack.err, ERR_OK);
    struct unpack unpack = unpack_from(pack.buf.data, pack.buf.len);
    assert_true(unpack_all(&unpack));
    assert_false(unpack.bad);
    assert_ptr_equal(unpack.at, unpack.end);
    assert_int_equal(unpack_u32(&unpack), 0);
    assert_true(unpack.bad);
    for (size_t len = 0; len < pack.buf.len; len++) {
        uint8_t *cut = malloc(len + 1);
        assert_non_null(cut);
        memcpy(cut, pack.buf.data, len);
        unpack = unpack_from(cut, len);
        assert_false(unpack_all(&unpack));
        assert_true(unpack.bad);
        free(cut);
    }
    pack_deinit(&pack);
}

static void a_text_ends_where_it_says(void **state)
{
    (void)state;
    static const char *const bad[] = {"\3\0\0\0abc", "\4\0\0\0a\0c\0"};
    for (size_t i = 0; i < 2; i++) {
        struct unpack unpack = unpack_from(bad[i], i ? 8 : 7);
        assert_null(unpack_text(&unpack));
        assert_true(unpack.bad);
    }
}

static void the_first_failure_sticks(void **state)
{
    (void)state;
    struct failing failing;
    bool felt = true;
    for (size_t n = 1; felt; n++) {
        struct pack pack;
        failing_init(&failing, n);
        pack_init(&pack, &failing.alloc);
        for (unsigned i = 0; i < 2000; i++) {
            pack_all(&pack);
        }
        felt = failing.failed;
        assert_int_equal(pack.err, felt ? ERR_NOMEM : ERR_OK);
        pack_deinit(&pack);
        assert_int_equal(failing.alive, 0);
    }
    struct pack pack;
    pack_init(&pack, &ALLOC_MALLOC);
    pack_bytes(&pack, "x", (size_t)UINT32_MAX + 1);
    assert_int_equal(pack.err, ERR_LIMIT);
    pack_u8(&pack, 1);
    assert_int_equal(pack.buf.len, 0);
    pack_deinit(&pack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(a_text_ends_where_it_says),
        cmocka_unit_test(the_first_failure_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
