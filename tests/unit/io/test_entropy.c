/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Seeds differ from each other, also where the kernel gives none.
 *
 *     wraps: getrandom
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/entropy.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

static int interrupted;
static bool missing;

ssize_t __real_getrandom(void *buffer, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *buffer, size_t len, unsigned flags);

ssize_t __wrap_getrandom(void *buffer, size_t len, unsigned flags)
{
    if (interrupted > 0 || missing) {
        errno = missing ? ENOSYS : EINTR;
        interrupted--;
        return -1;
    }
    return __real_getrandom(buffer, len, flags);
}

static void seeds_differ(void **state)
{
    (void)state;
    assert_true(entropy_seed() != entropy_seed());
    interrupted = 3;
    assert_true(entropy_seed() != 0);
    assert_int_equal(interrupted, 0);
    missing = true;
    assert_true(entropy_seed() != entropy_seed());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(seeds_differ)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
