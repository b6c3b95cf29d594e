/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whole files, and whether one changed since it was looked at. What is read belongs to the caller.
 * Thread-safe.
 */
#pragma once

#include "base/alloc.h"

#include <stdbool.h>

/* What identifies a version of a file without reading it. All zero: there was none. */
struct file_stamp {
    uint64_t device, inode, bytes;
    int64_t changed_ns;
};

/* The whole file, plus a terminating 0 that *ret_len does not count. ERR_NOT_FOUND, ERR_PERMISSION,
 * ERR_LIMIT (more than `most` bytes), ERR_INVALID (a folder or device), ERR_IO, ERR_NOMEM. */
int file_read(const struct alloc *alloc, const char *path, size_t most, char **ret_text,
              size_t *ret_len);

/* The same from a descriptor that is open for reading; it stays the caller's. */
int file_read_fd(const struct alloc *alloc, int fd, size_t most, char **ret_text, size_t *ret_len);

/* Our error for an errno of a file call. */
int file_error(int number);

/* The stamp of a file as it is now; zero when it cannot be looked at. */
struct file_stamp file_stamp(const char *path);
bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);
