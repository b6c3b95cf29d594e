/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/control_socket.h"

#include "base/error.h"
#include "base/limits.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define USUAL_FOLDER "/run/horizon"

static bool usable(const char *path, int mode)
{
    return access(path, mode) == 0;
}

const char *control_socket_default(char *out, size_t size)
{
    const char *own = getenv("XDG_RUNTIME_DIR");
    snprintf(out, size, USUAL_FOLDER "/control.sock");
    /* A running daemon's socket first; then where this user could make one. */
    if (geteuid() == 0 || !own || !*own || usable(out, F_OK) || usable(USUAL_FOLDER, W_OK)) {
        return out;
    }
    snprintf(out, size, "%s/horizon/control.sock", own);
    return out;
}

static int fail(struct diag_list *diags, const char *path, int err, const char *mend,
                const char *what)
{
    diag_add(diags, SEVERITY_ERROR, (struct place){.file = path}, mend, "control socket: %s", what);
    return err;
}

static int fail_errno(struct diag_list *diags, const char *path, const char *step)
{
    int number = errno, err = ERR_IO;
    char what[256];
    const char *mend = NULL;
    snprintf(what, sizeof(what), "%s: %s", step, strerror(number));
    if (number == EACCES || number == EPERM || number == EROFS) {
        err = ERR_PERMISSION;
        mend = "choose a folder this user may write with --control or server.control";
    } else if (number == ENOENT) {
        err = ERR_NOT_FOUND;
        mend = "make its folder";
    }
    return fail(diags, path, err, mend, what);
}

/* Is a daemon listening there? */
static bool somebody_answers(const struct sockaddr_un *name)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    int status = connect(fd, (const struct sockaddr *)name, sizeof(*name));
    bool answers = status == 0 || errno == EAGAIN || errno == EINPROGRESS;
    close(fd);
    return answers;
}

/* Takes away what a dead daemon left; anything that is no socket stays. */
static int clear_stale(const char *path, const struct sockaddr_un *name, struct diag_list *diags)
{
    struct stat about;
    if (lstat(path, &about) != 0) {
        return ERR_OK; /* nothing there; bind() tells the rest */
    }
    if (!S_ISSOCK(about.st_mode)) {
        return fail(diags, path, ERR_EXISTS, "choose another path", "there is a file of that name");
    }
    if (somebody_answers(name)) {
        return fail(diags, path, ERR_BUSY, "stop it, or choose another path with --control",
                    "another horizon answers there");
    }
    return unlink(path) == 0 ? ERR_OK : fail_errno(diags, path, "old socket");
}

/* Makes the last folder of the path, if it is missing, for the owner. */
static void make_folder(const char *path, const struct control_socket_owner *owner)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path || (size_t)(slash - path) >= sizeof(folder)) {
        return;
    }
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = 0;
    if (mkdir(folder, 0755) == 0 && (owner->user != UINT_MAX || owner->group != UINT_MAX)) {
        /* A failure shows when the socket is made. */
        int ignored = lchown(folder, owner->user, owner->group);
        (void)ignored;
    }
}

static int bind_and_listen(int fd, const struct sockaddr_un *name,
                           const struct control_socket_owner *owner, struct diag_list *diags)
{
    const char *path = name->sun_path;
    mode_t before = umask(0117);
    int bound = bind(fd, (const struct sockaddr *)name, sizeof(*name));
    umask(before);
    if (bound != 0) {
        return fail_errno(diags, path, "bind");
    }
    bool give = owner->user != UINT_MAX || owner->group != UINT_MAX;
    if (give && lchown(path, owner->user, owner->group) != 0) {
        return fail_errno(diags, path, "owner");
    }
    return listen(fd, LIMIT_CONTROL_CONNECTIONS) == 0 ? ERR_OK : fail_errno(diags, path, "listen");
}

int control_socket_open(const char *path, const struct control_socket_owner *owner,
                        struct diag_list *diags, int *ret_fd)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(name.sun_path)) {
        return fail(diags, path, ERR_LIMIT, "choose a path of at most 107 bytes",
                    "the path is too long");
    }
    memcpy(name.sun_path, path, strlen(path) + 1);
    make_folder(path, owner);
    int err = clear_stale(path, &name, diags);
    if (err != ERR_OK) {
        return err;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return fail_errno(diags, path, "socket");
    }
    err = bind_and_listen(fd, &name, owner, diags);
    if (err != ERR_OK) {
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return ERR_OK;
}
