/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The image on a real disk: what was written is found, and nothing that is damaged is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "store/image_file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TREES = 5000,
    LIST = 333
};

static char folder_path[64];
static struct image_folder folder;
static struct diag_list diags;

static int open_all(void **state)
{
    (void)state;
    snprintf(folder_path, sizeof(folder_path), "/tmp/horizon-test-XXXXXX");
    assert_non_null(mkdtemp(folder_path));
    diag_init(&diags, &ALLOC_MALLOC);
    assert_int_equal(image_folder_open(&ALLOC_MALLOC, folder_path, &folder, &diags), ERR_OK);
    assert_true(folder.locked);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    (void)unlinkat(folder.fd, "zones.image", 0);
    image_folder_close(&ALLOC_MALLOC, &folder);
    diag_deinit(&diags);
    return rmdir(folder_path); /* nothing else was left behind */
}

static void fill(uint8_t *out)
{
    for (unsigned i = 0; i < TREES + LIST; i++) {
        out[i] = (uint8_t)(i * 7 + i / 256);
    }
}

static int write_image(struct wall now, size_t *ret_bytes)
{
    struct image_parts parts = {.tree_bytes = TREES, .live_bytes = TREES - 8, .list_bytes = LIST};
    struct image_file file;
    int err = image_file_begin(&folder, TREES + LIST + 10000, &file); /* more than is needed */
    if (err == ERR_OK) {
        fill(image_file_out(&file));
        err = image_file_commit(&file, &parts, now, ret_bytes);
    }
    return err;
}

/* Written over in place at `at`; what stood there. */
static uint8_t byte_swap(off_t at, uint8_t byte)
{
    uint8_t before;
    int fd = openat(folder.fd, "zones.image", O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &before, 1, at), 1);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
    return before;
}

static void what_was_written_is_found(void **state)
{
    (void)state;
    struct image_view view = {.fd = -1};
    uint8_t want[TREES + LIST];
    size_t bytes;
    assert_int_equal(image_view_open(&folder, &view, &diags), ERR_NOT_FOUND);
    assert_int_equal(diags.warnings, 0);
    for (int64_t round = 1; round < 3; round++) {
        assert_int_equal(write_image((struct wall){round}, &bytes), ERR_OK);
        assert_int_equal(bytes, IMAGE_TREES_AT + TREES + LIST);
        assert_int_equal(image_view_open(&folder, &view, &diags), ERR_OK);
        fill(want);
        assert_int_equal(view.bytes, bytes);
        assert_memory_equal(view.data + IMAGE_TREES_AT, want, TREES + LIST);
        assert_ptr_equal(image_view_list(&view), view.data + IMAGE_TREES_AT + TREES);
        assert_int_equal(view.parts.tree_bytes, TREES);
        assert_int_equal(view.parts.live_bytes, TREES - 8);
        assert_int_equal(view.parts.list_bytes, LIST);
        assert_int_equal(view.written_at.ns, round);
        image_view_close(&view);
    }
}

static void expect_refused(const char *why)
{
    struct image_view view = {.fd = -1};
    assert_int_equal(image_view_open(&folder, &view, &diags), ERR_INVALID);
    assert_int_equal(diags.warnings, 1);
    if (why && !strstr(diags.first->text, why)) {
        fail_msg("%s", diags.first->text);
    }
    diag_deinit(&diags);
    diag_init(&diags, &ALLOC_MALLOC);
}

static void any_damaged_byte_is_seen(void **state)
{
    (void)state;
    size_t bytes;
    struct image_view view;
    assert_int_equal(write_image((struct wall){5}, &bytes), ERR_OK);
    for (size_t at = 0; at < bytes; at++) {
        uint8_t before = byte_swap((off_t)at, 0);
        byte_swap((off_t)at, before ^ (uint8_t)(1u << at % 8));
        expect_refused(NULL);
        byte_swap((off_t)at, before);
    }
    assert_int_equal(image_view_open(&folder, &view, &diags), ERR_OK);
    image_view_close(&view);
    byte_swap(0, 'X');
    expect_refused("no image");
    byte_swap(0, 'H');
    byte_swap(8, 77);
    expect_refused("another version");
}

static void a_cut_file_is_seen(void **state)
{
    (void)state;
    size_t bytes;
    assert_int_equal(write_image((struct wall){5}, &bytes), ERR_OK);
    int fd = openat(folder.fd, "zones.image", O_RDWR | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, (off_t)bytes + 1), 0);
    expect_refused("cut off");
    for (size_t left = bytes; left-- > 0; left -= left > 200 ? 150 : 0) {
        assert_int_equal(ftruncate(fd, (off_t)left), 0);
        expect_refused(left ? "cut off" : "cannot be read");
    }
    close(fd);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    struct image_view view = {.fd = -1};
    assert_int_equal(mkfifoat(folder.fd, "zones.image", 0600), 0);
    assert_int_equal(image_view_open(&folder, &view, &diags), ERR_INVALID); /* and does not wait */
    assert_int_equal(unlinkat(folder.fd, "zones.image", 0), 0);
    assert_int_equal(symlinkat("/etc/passwd", folder.fd, "zones.image"), 0);
    assert_int_not_equal(image_view_open(&folder, &view, &diags), ERR_OK);
}

/* A limit on the size of files stands for a full disk. */
static void a_full_disk_leaves_the_image_before(void **state)
{
    (void)state;
    size_t bytes;
    struct image_view view;
    struct rlimit before, little;
    assert_int_equal(write_image((struct wall){1}, &bytes), ERR_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little = before;
    little.rlim_cur = 6000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    assert_int_equal(write_image((struct wall){2}, &bytes), ERR_SPACE);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(image_view_open(&folder, &view, &diags), ERR_OK);
    assert_int_equal(view.written_at.ns, 1);
    image_view_close(&view);
}

static void a_folder_belongs_to_one_server(void **state)
{
    (void)state;
    struct image_folder other = {.fd = -1};
    size_t bytes;
    assert_int_equal(write_image((struct wall){1}, &bytes), ERR_OK);
    assert_int_equal(image_folder_open(&ALLOC_MALLOC, folder_path, &other, &diags), ERR_BUSY);
    assert_false(other.locked);
    assert_non_null(strstr(diags.first->text, "another server"));
    struct image_view view; /* it may start from it all the same */
    assert_int_equal(image_view_open(&other, &view, &diags), ERR_OK);
    image_view_close(&view);
    image_folder_close(&ALLOC_MALLOC, &other);
}

static void a_missing_folder_is_said(void **state)
{
    (void)state;
    struct image_folder none = {.fd = -1};
    assert_int_equal(image_folder_open(&ALLOC_MALLOC, "/tmp/horizon/does/not/exist", &none, &diags),
                     ERR_NOT_FOUND);
    assert_int_equal(diags.warnings, 1);
    assert_non_null(diags.first->mend);
    assert_string_equal(diags.first->place.file, "/tmp/horizon/does/not/exist");
    image_folder_close(&ALLOC_MALLOC, &none);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_was_written_is_found),
        IN_FOLDER(any_damaged_byte_is_seen),
        IN_FOLDER(a_cut_file_is_seen),
        IN_FOLDER(what_is_no_file_is_refused),
        IN_FOLDER(a_full_disk_leaves_the_image_before),
        IN_FOLDER(a_folder_belongs_to_one_server),
        IN_FOLDER(a_missing_folder_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
