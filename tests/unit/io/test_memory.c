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
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* A file of 5 large pages and a bit, each byte with a value of its own place. */
static int file_make(size_t bytes)
{
    char path[] = "/tmp/horizon-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    uint8_t *page = malloc(4096);
    assert_non_null(page);
    for (size_t at = 0; at < bytes; at += 4096) {
        memset(page, (int)(at / 4096 % 251), 4096);
        assert_int_equal(pwrite(fd, page, 4096, (off_t)(at + 4096)), 4096);
    }
    free(page);
    return fd;
}

static void pages_check(const struct memory *memory, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += 4096) {
        assert_int_equal(memory->base[at + 1], at / 4096 % 251);
        assert_int_equal(memory->base[at + 4095], at / 4096 % 251);
    }
}

static void test_begins_with_a_file_and_leaves_it(void **state)
{
    (void)state;
    struct memory memory;
    size_t bytes = (size_t)10 * MIB + 3 * 4096;
    int fd = file_make(bytes);
    bool more = true;
    assert_int_equal(memory_reserve(&memory, (size_t)64 * MIB, MIB), ERR_OK);
    assert_int_equal(memory_map(&memory, fd, 4096, (size_t)65 * MIB), ERR_LIMIT);
    assert_int_equal(memory_map(&memory, fd, 4096, bytes - 100), ERR_OK);
    assert_int_equal(memory.committed, bytes);
    assert_int_equal(memory_map(&memory, fd, 4096, bytes), ERR_LIMIT); /* only once, at first */
    pages_check(&memory, bytes);
    memory.base[0] = 99; /* ours, not the file's */
    assert_int_equal(memory_commit(&memory, bytes + 5), ERR_OK);
    memory.base[bytes + 4] = 42;
    unsigned steps = 0;
    for (; more; steps++) {
        assert_int_equal(memory_settle(&memory, &more), ERR_OK);
        assert_int_equal(memory.base[0], 99);
        memory.base[0] = 0;
        pages_check(&memory, bytes);
        memory.base[0] = 99;
    }
    assert_int_equal(steps, 6);
    assert_int_equal(memory.base[bytes + 4], 42);
    assert_int_equal(ftruncate(fd, 0), 0); /* nothing lies in the file any more */
    memory.base[0] = 0;
    pages_check(&memory, bytes);
    assert_int_equal(memory_settle(&memory, &more), ERR_OK);
    assert_false(more);
    assert_int_equal(memory_commit(&memory, (size_t)40 * MIB), ERR_OK);
    memory.base[(size_t)40 * MIB - 1] = 1;
    pages_check(&memory, bytes);
    close(fd);
    memory_release(&memory);
}

static void test_settles_later_without_memory(void **state)
{
    (void)state;
    struct memory memory;
    int fd = file_make(3 * MIB);
    bool more = false;
    assert_int_equal(memory_reserve(&memory, (size_t)64 * MIB, MIB), ERR_OK);
    assert_int_equal(memory_map(&memory, fd, 4096, 3 * MIB), ERR_OK);
    granted_bytes = MIB;
    assert_int_equal(memory_settle(&memory, &more), ERR_NOMEM);
    pages_check(&memory, 3 * MIB);
    granted_bytes = SIZE_MAX;
    assert_int_equal(memory_settle(&memory, &more), ERR_OK);
    assert_true(more);
    assert_int_equal(memory_settle(&memory, &more), ERR_OK);
    assert_false(more);
    pages_check(&memory, 3 * MIB);
    close(fd);
    memory_release(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_in_place),
        cmocka_unit_test(test_takes_less_when_less_is_granted),
        cmocka_unit_test(test_exhaustion_leaves_what_there_was),
        cmocka_unit_test(test_begins_with_a_file_and_leaves_it),
        cmocka_unit_test(test_settles_later_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
