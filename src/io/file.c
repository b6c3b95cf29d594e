/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/file.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int file_error(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ERR_PERMISSION;
    case ENOMEM:
        return ERR_NOMEM;
    default:
        return ERR_IO;
    }
}

/* Reads to the end, whatever fstat said: the file may grow or shrink meanwhile. */
static int read_all(int fd, struct buf *buf, size_t most)
{
    for (;;) {
        int err = buf_reserve(buf, 65536);
        if (err != ERR_OK) {
            return err;
        }
        ssize_t got = read(fd, buf->data + buf->len, buf->cap - buf->len - 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return file_error(errno);
        }
        if (got == 0) {
            buf->data[buf->len] = 0;
            return ERR_OK;
        }
        buf->len += (size_t)got;
        if (buf->len > most) {
            return ERR_LIMIT;
        }
    }
}

int file_read_fd(const struct alloc *alloc, int fd, size_t most, char **ret_text, size_t *ret_len)
{
    struct stat about;
    if (fstat(fd, &about) != 0) {
        return file_error(errno);
    }
    if (!S_ISREG(about.st_mode) && !S_ISFIFO(about.st_mode)) {
        return ERR_INVALID;
    }
    if ((uint64_t)about.st_size > most) {
        return ERR_LIMIT;
    }
    struct buf buf;
    buf_init(&buf, alloc);
    /* Room for the file, and for one more read that finds its end. */
    int err = buf_reserve(&buf, (size_t)about.st_size + 65536 + 1);
    if (err == ERR_OK) {
        err = read_all(fd, &buf, most);
    }
    if (err != ERR_OK) {
        buf_deinit(&buf);
        return err;
    }
    *ret_text = (char *)buf.data;
    *ret_len = buf.len;
    return ERR_OK;
}

int file_read(const struct alloc *alloc, const char *path, size_t most, char **ret_text,
              size_t *ret_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return file_error(errno);
    }
    int err = file_read_fd(alloc, fd, most, ret_text, ret_len);
    close(fd);
    return err;
}

struct file_stamp file_stamp(const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0) {
        return (struct file_stamp){0};
    }
    return (struct file_stamp){
        .device = about.st_dev,
        .inode = about.st_ino,
        .bytes = (uint64_t)about.st_size,
        .changed_ns = (int64_t)about.st_ctim.tv_sec * 1000000000 + about.st_ctim.tv_nsec,
    };
}

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->changed_ns == b->changed_ns;
}
