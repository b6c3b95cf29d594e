/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/folder.h"

#include "base/error.h"
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Without O_NONBLOCK an open of a pipe waits for its writer. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* Where the kernel says a descriptor leads, without final slash; ERR_IO when it does not say. */
static int fd_path(int fd, char out[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, out, PATH_MAX - 1);
    if (len <= 0 || out[0] != '/') {
        return ERR_IO;
    }
    while (len > 0 && out[len - 1] == '/') {
        len--;
    }
    out[len] = '\0';
    return ERR_OK;
}

static int open_result(int fd, int *ret_fd)
{
    if (fd >= 0) {
        *ret_fd = fd;
        return ERR_OK;
    }
    switch (errno) {
    case EXDEV: /* openat2: it leads outside */
        return ERR_REFUSED;
    case ENXIO: /* a socket */
    case ENODEV:
        return ERR_INVALID;
    default:
        return file_error(errno);
    }
}

/* For kernels, and sandboxes, without openat2: opens, then looks where that led. */
static int open_and_look(int folder_fd, const char *name, int *ret_fd)
{
    int fd = -1, err = open_result(openat(folder_fd, name, OPEN_FLAGS), &fd);
    if (err != ERR_OK) {
        return err;
    }
    char folder[PATH_MAX], file[PATH_MAX];
    err = fd_path(folder_fd, folder);
    err = err == ERR_OK ? fd_path(fd, file) : err;
    size_t len = err == ERR_OK ? strlen(folder) : 0;
    if (err == ERR_OK && (strncmp(file, folder, len) != 0 || file[len] != '/')) {
        err = ERR_REFUSED;
    }
    if (err != ERR_OK) {
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return ERR_OK;
}

static int open_beneath(int folder_fd, const char *name, int *ret_fd)
{
    struct open_how how = {
        .flags = OPEN_FLAGS,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int fd = (int)syscall(SYS_openat2, folder_fd, name, &how, sizeof(how));
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
        return open_and_look(folder_fd, name, ret_fd);
    }
    return open_result(fd, ret_fd);
}

/* An absolute name below the folder, made relative to it; other names as they are; NULL: outside.
 */
static const char *name_within(int folder_fd, const char *folder, const char *name)
{
    if (name[0] != '/') {
        return name;
    }
    char real[PATH_MAX];
    size_t len = strlen(folder);
    while (len > 0 && folder[len - 1] == '/') {
        len--;
    }
    if (strncmp(name, folder, len) != 0 || name[len] != '/') {
        len = fd_path(folder_fd, real) == ERR_OK ? strlen(real) : 0;
        if (len == 0 || strncmp(name, real, len) != 0 || name[len] != '/') {
            return NULL;
        }
    }
    while (name[len] == '/') {
        len++;
    }
    return name + len;
}

static int open_in(const char *folder, const char *name, int *ret_fd)
{
    if (!folder) {
        return open_result(open(name, OPEN_FLAGS), ret_fd);
    }
    int folder_fd = -1, err;
    err = open_result(open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), &folder_fd);
    if (err != ERR_OK) {
        return err;
    }
    const char *within = name_within(folder_fd, folder, name);
    err = within ? open_beneath(folder_fd, within, ret_fd) : ERR_REFUSED;
    close(folder_fd);
    return err;
}

int folder_file_read(const struct alloc *alloc, const char *folder, const char *name, size_t most,
                     char **ret_text, size_t *ret_len)
{
    int fd = -1, err = open_in(folder, name, &fd);
    if (err != ERR_OK) {
        return err;
    }
    struct stat about;
    if (fstat(fd, &about) != 0) {
        err = file_error(errno);
    } else if (!S_ISREG(about.st_mode)) {
        err = ERR_INVALID;
    } else {
        err = file_read_fd(alloc, fd, most, ret_text, ret_len);
    }
    close(fd);
    return err;
}
