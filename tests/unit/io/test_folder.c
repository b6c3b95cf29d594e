/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reading below a folder, with the kernel's own guard (openat2) and without it.
 *
 * wraps: syscall
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "io/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

long __wrap_syscall(long number, ...);
long __real_syscall(long number, ...);

/* 0: openat2 as the kernel has it; else it fails with this. */
static int denied;

long __wrap_syscall(long number, ...)
{
    va_list args;
    va_start(args, number);
    long a = va_arg(args, long), b = va_arg(args, long), c = va_arg(args, long);
    long d = va_arg(args, long);
    va_end(args);
    if (denied) {
        errno = denied;
        return -1;
    }
    return __real_syscall(number, a, b, c, d);
}

static char folder[64];

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void link_put(const char *name, const char *target)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(symlink(target, path), 0);
}

static int enter(void **state)
{
    (void)state;
    char path[128];
    strcpy(folder, "/tmp/horizon-folder-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(path, sizeof(path), "%s/in", folder);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/inner", folder);
    mkdir(path, 0755);
    put("in/a", "inside");
    put("outside", "outside");
    put("inner/a", "a neighbour whose name begins alike");
    link_put("in/good", "a");
    link_put("in/bad", "../outside");
    link_put("in/neighbour", "../inner/a");
    link_put("in/loop", "loop");
    return 0;
}

static int leave(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -r '%s'", folder);
    return system(command);
}

static int read_below(const char *name, const char *content)
{
    char path[128], *text;
    size_t len;
    snprintf(path, sizeof(path), "%s/in", folder);
    int err = folder_file_read(&ALLOC_MALLOC, path, name, 100, &text, &len);
    if (err == ERR_OK) {
        assert_string_equal(text, content);
        assert_int_equal(len, strlen(content));
        free(text);
    }
    return err;
}

static void test_below_a_folder(void **state)
{
    (void)state;
    static const int ways[] = {0, ENOSYS, EPERM};
    for (size_t i = 0; i < 3; i++) {
        char absolute[128];
        denied = ways[i];
        assert_int_equal(read_below("a", "inside"), ERR_OK);
        assert_int_equal(read_below("./a", "inside"), ERR_OK);
        assert_int_equal(read_below("good", "inside"), ERR_OK);
        assert_int_equal(read_below("bad", ""), ERR_REFUSED);
        assert_int_equal(read_below("neighbour", ""), ERR_REFUSED);
        assert_int_equal(read_below("../outside", ""), ERR_REFUSED);
        assert_int_equal(read_below("../inner/a", ""), ERR_REFUSED);
        assert_int_equal(read_below("/etc/passwd", ""), ERR_REFUSED);
        assert_int_equal(read_below("gone", ""), ERR_NOT_FOUND);
        assert_int_equal(read_below("a/b", ""), ERR_NOT_FOUND);
        assert_int_equal(read_below("loop", ""), ERR_IO);
        snprintf(absolute, sizeof(absolute), "%s/in//a", folder);
        assert_int_equal(read_below(absolute, "inside"), ERR_OK);
        snprintf(absolute, sizeof(absolute), "%s/inner/a", folder);
        assert_int_equal(read_below(absolute, ""), ERR_REFUSED);
        snprintf(absolute, sizeof(absolute), "%s/in/../outside", folder);
        assert_int_equal(read_below(absolute, ""), ERR_REFUSED);
    }
    denied = 0;
}

static void test_any_path(void **state)
{
    (void)state;
    char path[128], *text;
    size_t len;
    snprintf(path, sizeof(path), "%s/in/bad", folder);
    assert_int_equal(folder_file_read(&ALLOC_MALLOC, NULL, path, 7, &text, &len), ERR_OK);
    assert_string_equal(text, "outside");
    free(text);
    assert_int_equal(folder_file_read(&ALLOC_MALLOC, NULL, path, 6, &text, &len), ERR_LIMIT);
    assert_int_equal(folder_file_read(&ALLOC_MALLOC, NULL, folder, 6, &text, &len), ERR_INVALID);
    assert_int_equal(folder_file_read(&ALLOC_MALLOC, "/nowhere", "a", 6, &text, &len),
                     ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_below_a_folder, enter, leave),
        cmocka_unit_test_setup_teardown(test_any_path, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
