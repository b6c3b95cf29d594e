/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Assertions that stay on in release builds. They state what our own code promises to itself; bytes
 * from outside (packets, files, API bodies) are never asserted, they are checked and answered with
 * an error. A failed assertion prints the place and aborts: fail-stop, the supervisor restarts us.
 */
#pragma once

#define ASSERT(cond)                                \
    do {                                            \
        if (__builtin_expect(!(cond), 0)) {         \
            assert_fail(#cond, __FILE__, __LINE__); \
        }                                           \
    } while (0)

/* Prints "FILE:LINE: assertion failed: COND" to standard error and aborts. */
_Noreturn void assert_fail(const char *cond, const char *file, int line);
