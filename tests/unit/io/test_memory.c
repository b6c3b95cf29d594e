/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Address space that grows in place, also where the system grants less or nothing.
 *
 * wraps: mmap64 mprotect
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "io/memory.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

void *__real_mmap64(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t len, int prot, int flags, int fd, off_t offset);
int __real_mprotect(void *at, size_t len, int prot);
int __wrap_mprotect(void *at, size_t len, int prot);

static size_t granted_bytes = SIZE_MAX; /* mmap refuses more */
static bool exhausted;                  /* mprotect refuses everything */

void *__wrap_mmap64(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    if (len > granted_bytes) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return __real_mmap64(at, len, prot, flags, fd, offset);
}

int __wrap_mprotect(void *at, size_t len, int prot)
{
    if (exhausted) {
        errno = ENOMEM;
        return -1;
    }
    return __real_mprotect(at, len, prot);
}

enum {
    MIB = 1 << 20
};

static void test_grows_in_place(void **state)
{
    (void)state;
    struct memory memory;
    assert_int_equal(memory_reserve(&memory, (size_t)64 * MIB, MIB), ERR_OK);
    uint8_t *base = memory.base;
    assert_int_equal(memory_commit(&memory, 100), ERR_OK);
    base[99] = 7;
    assert_int_equal(memory_commit(&memory, (size_t)40 * MIB), ERR_OK);
    assert_ptr_equal(memory.base, base);
    assert_int_equal(base[99], 7);
    assert_int_equal(base[(size_t)40 * MIB - 1], 0);
    assert_int_equal(memory_commit(&memory, (size_t)64 * MIB), ERR_OK);
    base[(size_t)64 * MIB - 1] = 1;
    assert_int_equal(memory_commit(&memory, (size_t)64 * MIB + 1), ERR_LIMIT);
    memory_release(&memory);
    memory_release(&memory);
}

static void test_takes_less_when_less_is_granted(void **state)
{
    (void)state;
    struct memory memory;
    granted_bytes = (size_t)10 * MIB;
    assert_int_equal(memory_reserve(&memory, (size_t)64 * MIB, MIB), ERR_OK);
    assert_int_equal(memory.reserved, (size_t)8 * MIB);
    memory_release(&memory);
    assert_int_equal(memory_reserve(&memory, (size_t)64 * MIB, (size_t)16 * MIB), ERR_NOMEM);
    granted_bytes = SIZE_MAX;
}

static void test_exhaustion_leaves_what_there_was(void **state)
{
    (void)state;
    struct memory memory;
    assert_int_equal(memory_reserve(&memory, (size_t)64 * MIB, MIB), ERR_OK);
    assert_int_equal(memory_commit(&memory, 1), ERR_OK);
    size_t before = memory.committed;
    exhausted = true;
    assert_int_equal(memory_commit(&memory, before), ERR_OK);
    assert_int_equal(memory_commit(&memory, before + 1), ERR_NOMEM);
    assert_int_equal(memory.committed, before);
    exhausted = false;
    assert_int_equal(memory_commit(&memory, before + 1), ERR_OK);
    memory_release(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_in_place),
        cmocka_unit_test(test_takes_less_when_less_is_granted),
        cmocka_unit_test(test_exhaustion_leaves_what_there_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
