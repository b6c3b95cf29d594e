/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Preloaded into horizon, it makes one call to the system fail, or all from one on: the number-th
 * allocation, the number-th socket call. shim.h is what the test says through; without the file
 * that HORIZON_FAULTS names everything passes through.
 *
 * A call that glibc makes inside itself does not come here, except for memory. The allocator is
 * reached by glibc's own names (__libc_malloc), so nothing has to be looked up before it works.
 */
/* Both forms of every file call are interposed, open() and open64(), so neither may stand for the
 * other here; and the checked forms are not wanted. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* All of what is interposed is visible; the rest of this file is static. */
#define EXPORT __attribute__((visibility("default")))

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void *__libc_memalign(size_t align, size_t bytes);

static struct fault_control *control;

/* --- deciding --- */

/* Who called, as lines "MODULE+0xOFFSET SYMBOL" for addr2line. Needs no memory of its own. */
static void trace_write(char *trace, const char *call)
{
    void *frames[FAULT_FRAMES];
    size_t at = (size_t)snprintf(trace, FAULT_TRACE_BYTES, "%s\n", call);
    int count = backtrace(frames, FAULT_FRAMES);
    for (int i = 2; i < count && at < FAULT_TRACE_BYTES; i++) {
        Dl_info about;
        if (!dladdr(frames[i], &about) || !about.dli_fname) {
            continue;
        }
        unsigned long offset = (unsigned long)((char *)frames[i] - (char *)about.dli_fbase);
        at += (size_t)snprintf(trace + at, FAULT_TRACE_BYTES - at, "%s+0x%lx %s\n", about.dli_fname,
                               offset, about.dli_sname ? about.dli_sname : "?");
    }
}

static _Thread_local bool inside;

static __attribute__((noinline)) bool fails(enum fault_kind kind, const char *call)
{
    if (!control || inside || !atomic_load(&control->armed) || control->kind != kind) {
        return false;
    }
    uint32_t number = atomic_fetch_add(&control->count, 1) + 1;
    bool hit = control->number != 0 &&
               (control->persisting ? number >= control->number : number == control->number);
    if (hit && atomic_fetch_add(&control->failed, 1) == 0) {
        inside = true;
        trace_write(control->trace, call);
        inside = false;
    }
    return hit;
}

#define NEXT(name)                                         \
    static __typeof__(&name) next;                         \
    if (!next) {                                           \
        next = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
    }

#define FAIL(kind, call, number) \
    if (fails(kind, call)) {     \
        errno = number;          \
        return -1;               \
    }

/* --- starting --- */

static int (*program)(int argc, char **argv, char **environment);

static void control_map(void)
{
    const char *path = getenv("HORIZON_FAULTS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *memory = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        void *frame;
        (void)backtrace(&frame, 1); /* loads what it needs now */
        control = memory == MAP_FAILED ? NULL : memory;
    }
}

static int run_program(int argc, char **argv, char **environment)
{
    control_map();
    if (control && control->at_main) {
        atomic_store(&control->armed, 1);
    }
    return program(argc, argv, environment);
}

typedef int start_main(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
                       void (*)(void), void *);

EXPORT int __libc_start_main(int (*run)(int, char **, char **), int argc, char **argv,
                             void (*init)(void), void (*fini)(void), void (*end)(void),
                             void *stack);

int __libc_start_main(int (*run)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*end)(void), void *stack)
{
    start_main *real = (start_main *)dlsym(RTLD_NEXT, "__libc_start_main");
    program = run;
    return real(run_program, argc, argv, init, fini, end, stack);
}

/* glibc's own calls, from assert() and on a damaged heap, do not come here. */
EXPORT void abort(void)
{
    static void (*next)(void) __attribute__((noreturn));
    next = (__typeof__(next))dlsym(RTLD_NEXT, "abort");
    if (control) {
        trace_write(control->ended, "abort");
    }
    next();
}

/* --- memory --- */

EXPORT void *malloc(size_t bytes)
{
    if (fails(FAULT_MEMORY, "malloc")) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_malloc(bytes);
}

EXPORT void *calloc(size_t count, size_t bytes)
{
    if (fails(FAULT_MEMORY, "calloc")) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_calloc(count, bytes);
}

EXPORT void *realloc(void *memory, size_t bytes)
{
    if (bytes != 0 && fails(FAULT_MEMORY, "realloc")) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(memory, bytes);
}

EXPORT int posix_memalign(void **out, size_t align, size_t bytes)
{
    void *memory = fails(FAULT_MEMORY, "posix_memalign") ? NULL : __libc_memalign(align, bytes);
    if (!memory) {
        return ENOMEM;
    }
    *out = memory;
    return 0;
}

EXPORT void *aligned_alloc(size_t align, size_t bytes)
{
    if (fails(FAULT_MEMORY, "aligned_alloc")) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_memalign(align, bytes);
}

EXPORT void *mmap(void *where, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    NEXT(mmap)
    if (fails(FAULT_MAP, "mmap")) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return next(where, bytes, protection, flags, fd, offset);
}

EXPORT void *mmap64(void *where, size_t bytes, int protection, int flags, int fd, off64_t offset)
{
    return mmap(where, bytes, protection, flags, fd, offset);
}

EXPORT int mprotect(void *where, size_t bytes, int protection)
{
    NEXT(mprotect)
    FAIL(FAULT_MAP, "mprotect", ENOMEM)
    return next(where, bytes, protection);
}

/* --- sockets and what is waited on --- */

EXPORT int socket(int family, int kind, int protocol)
{
    NEXT(socket)
    FAIL(FAULT_SOCKET, "socket", EMFILE)
    return next(family, kind, protocol);
}

EXPORT int bind(int fd, const struct sockaddr *name, socklen_t len)
{
    NEXT(bind)
    FAIL(FAULT_SOCKET, "bind", EADDRINUSE)
    return next(fd, name, len);
}

EXPORT int listen(int fd, int backlog)
{
    NEXT(listen)
    FAIL(FAULT_SOCKET, "listen", EADDRINUSE)
    return next(fd, backlog);
}

EXPORT int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    NEXT(setsockopt)
    FAIL(FAULT_SOCKET, "setsockopt", ENOBUFS)
    return next(fd, level, option, value, len);
}

EXPORT int getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
    NEXT(getsockopt)
    FAIL(FAULT_SOCKET, "getsockopt", ENOBUFS)
    return next(fd, level, option, value, len);
}

EXPORT int getsockname(int fd, struct sockaddr *name, socklen_t *len)
{
    NEXT(getsockname)
    FAIL(FAULT_SOCKET, "getsockname", ENOBUFS)
    return next(fd, name, len);
}

EXPORT int connect(int fd, const struct sockaddr *name, socklen_t len)
{
    NEXT(connect)
    FAIL(FAULT_SOCKET, "connect", ECONNREFUSED)
    return next(fd, name, len);
}

EXPORT int accept4(int fd, struct sockaddr *name, socklen_t *len, int flags)
{
    NEXT(accept4)
    FAIL(FAULT_SOCKET, "accept4", EMFILE)
    return next(fd, name, len, flags);
}

EXPORT int epoll_create1(int flags)
{
    NEXT(epoll_create1)
    FAIL(FAULT_SOCKET, "epoll_create1", EMFILE)
    return next(flags);
}

/* Only adding needs memory, and only what is not in the set already. */
EXPORT int epoll_ctl(int set, int what, int fd, struct epoll_event *event)
{
    NEXT(epoll_ctl)
    int status = next(set, what, fd, event);
    if (status == 0 && what == EPOLL_CTL_ADD && fails(FAULT_SOCKET, "epoll_ctl")) {
        (void)next(set, EPOLL_CTL_DEL, fd, event);
        errno = ENOSPC;
        return -1;
    }
    return status;
}

EXPORT int eventfd(unsigned value, int flags)
{
    NEXT(eventfd)
    FAIL(FAULT_SOCKET, "eventfd", EMFILE)
    return next(value, flags);
}

EXPORT int pipe2(int fds[2], int flags)
{
    NEXT(pipe2)
    FAIL(FAULT_SOCKET, "pipe2", EMFILE)
    return next(fds, flags);
}

/* --- files --- */

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

EXPORT int open(const char *path, int flags, ...)
{
    NEXT(open)
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    FAIL(FAULT_FILE, "open", EMFILE)
    return next(path, flags, mode);
}

EXPORT int openat(int folder, const char *path, int flags, ...)
{
    NEXT(openat)
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    FAIL(FAULT_FILE, "openat", EMFILE)
    return next(folder, path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open(path, flags, mode);
}

EXPORT int openat64(int folder, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return openat(folder, path, flags, mode);
}

/* Only for openat2, which has no function of its own. */
EXPORT long syscall(long number, ...)
{
    NEXT(syscall)
    long word[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++) {
        word[i] = va_arg(args, long);
    }
    va_end(args);
    if (number == SYS_openat2) {
        FAIL(FAULT_FILE, "openat2", EIO)
    }
    return next(number, word[0], word[1], word[2], word[3], word[4], word[5]);
}

/* The control thread's bells are read too; those do not fail on a healthy system. */
static bool is_file(int fd)
{
    struct stat about;
    int saved = errno;
    bool file = syscall(SYS_fstat, fd, &about) == 0 && S_ISREG(about.st_mode);
    errno = saved;
    return file;
}

EXPORT ssize_t read(int fd, void *out, size_t bytes)
{
    NEXT(read)
    if (is_file(fd)) {
        FAIL(FAULT_FILE, "read", EIO)
    }
    return next(fd, out, bytes);
}

extern ssize_t __read_chk(int fd, void *out, size_t bytes, size_t room);

EXPORT ssize_t __read_chk(int fd, void *out, size_t bytes, size_t room)
{
    NEXT(__read_chk)
    if (is_file(fd)) {
        FAIL(FAULT_FILE, "read", EIO)
    }
    return next(fd, out, bytes, room);
}

EXPORT ssize_t pread(int fd, void *out, size_t bytes, off_t offset)
{
    NEXT(pread)
    FAIL(FAULT_FILE, "pread", EIO)
    return next(fd, out, bytes, offset);
}

#define STAT(name, number, where, type)      \
    EXPORT int name(where, struct type *out) \
    {                                        \
        NEXT(name)                           \
        FAIL(FAULT_FILE, #name, number)      \
        return next(subject, out);           \
    }

STAT(fstat, EIO, int subject, stat)
STAT(fstat64, EIO, int subject, stat64)
STAT(stat, EACCES, const char *subject, stat)
STAT(stat64, EACCES, const char *subject, stat64)
STAT(lstat, EACCES, const char *subject, stat)
STAT(lstat64, EACCES, const char *subject, stat64)

EXPORT ssize_t readlink(const char *path, char *out, size_t bytes)
{
    NEXT(readlink)
    FAIL(FAULT_FILE, "readlink", EACCES)
    return next(path, out, bytes);
}

/* --- writing --- */

/* Answers over UDP are lost one at a time: a network does that, and the client asks again. The
 * kernel always takes what a thread writes to wake another. */
static bool write_fails(const char *call, int fd)
{
    struct stat about;
    int saved = errno, kind = 0;
    socklen_t len = sizeof(kind);
    bool counts = control && syscall(SYS_fstat, fd, &about) == 0 &&
                  (S_ISREG(about.st_mode) || S_ISSOCK(about.st_mode));
    bool datagram = counts && syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &kind, &len) == 0 &&
                    kind == SOCK_DGRAM;
    errno = saved;
    return counts && !(datagram && control->persisting) && fails(FAULT_WRITE, call);
}

EXPORT ssize_t write(int fd, const void *data, size_t bytes)
{
    NEXT(write)
    if (write_fails("write", fd)) {
        errno = EIO;
        return -1;
    }
    return next(fd, data, bytes);
}

EXPORT ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    NEXT(writev)
    if (write_fails("writev", fd)) {
        errno = ENOSPC;
        return -1;
    }
    return next(fd, pieces, count);
}

EXPORT ssize_t send(int fd, const void *data, size_t bytes, int flags)
{
    NEXT(send)
    if (write_fails("send", fd)) {
        errno = EPIPE;
        return -1;
    }
    return next(fd, data, bytes, flags);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    NEXT(sendmsg)
    if (write_fails("sendmsg", fd)) {
        errno = EPIPE;
        return -1;
    }
    return next(fd, message, flags);
}

EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    NEXT(sendmmsg)
    if (write_fails("sendmmsg", fd)) {
        errno = ENOBUFS;
        return -1;
    }
    return next(fd, messages, count, flags);
}

/* --- threads, privileges, names of files --- */

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg)
{
    NEXT(pthread_create)
    return fails(FAULT_THREAD, "pthread_create") ? EAGAIN : next(thread, how, run, arg);
}

#define PRIVILEGE(name, ...)                \
    do {                                    \
        NEXT(name)                          \
        FAIL(FAULT_PRIVILEGE, #name, EPERM) \
        return next(__VA_ARGS__);           \
    } while (0)

EXPORT int setuid(uid_t user)
{
    PRIVILEGE(setuid, user);
}

EXPORT int setgid(gid_t group)
{
    PRIVILEGE(setgid, group);
}

EXPORT int setresuid(uid_t real, uid_t effective, uid_t saved)
{
    PRIVILEGE(setresuid, real, effective, saved);
}

EXPORT int setresgid(gid_t real, gid_t effective, gid_t saved)
{
    PRIVILEGE(setresgid, real, effective, saved);
}

EXPORT int setgroups(size_t count, const gid_t *groups)
{
    PRIVILEGE(setgroups, count, groups);
}

EXPORT int prctl(int option, ...)
{
    static int (*next)(int, unsigned long, unsigned long, unsigned long, unsigned long);
    if (!next) {
        next = (__typeof__(next))dlsym(RTLD_NEXT, "prctl");
    }
    unsigned long word[4];
    va_list args;
    va_start(args, option);
    for (int i = 0; i < 4; i++) {
        word[i] = va_arg(args, unsigned long);
    }
    va_end(args);
    FAIL(FAULT_PRIVILEGE, "prctl", EPERM)
    return next(option, word[0], word[1], word[2], word[3]);
}

#define ON_PATH(name, number, ...)      \
    do {                                \
        NEXT(name)                      \
        FAIL(FAULT_PATH, #name, number) \
        return next(__VA_ARGS__);       \
    } while (0)

EXPORT int unlink(const char *path)
{
    ON_PATH(unlink, EACCES, path);
}

EXPORT int rename(const char *from, const char *to)
{
    ON_PATH(rename, ENOSPC, from, to);
}

EXPORT int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    ON_PATH(renameat, ENOSPC, from_folder, from, to_folder, to);
}

EXPORT int unlinkat(int folder, const char *path, int flags)
{
    ON_PATH(unlinkat, EACCES, folder, path, flags);
}

EXPORT int flock(int fd, int how)
{
    ON_PATH(flock, EINTR, fd, how);
}

/* --- files made ready, and brought to the disk --- */

#define ON_DISK(name, ...)            \
    do {                              \
        NEXT(name)                    \
        FAIL(FAULT_WRITE, #name, EIO) \
        return next(__VA_ARGS__);     \
    } while (0)

EXPORT int fsync(int fd)
{
    ON_DISK(fsync, fd);
}

EXPORT int ftruncate(int fd, off_t bytes)
{
    ON_DISK(ftruncate, fd, bytes);
}

EXPORT int ftruncate64(int fd, off64_t bytes)
{
    ON_DISK(ftruncate64, fd, bytes);
}

EXPORT int posix_fallocate(int fd, off_t from, off_t bytes)
{
    NEXT(posix_fallocate)
    return fails(FAULT_WRITE, "posix_fallocate") ? ENOSPC : next(fd, from, bytes);
}

EXPORT int posix_fallocate64(int fd, off64_t from, off64_t bytes)
{
    NEXT(posix_fallocate64)
    return fails(FAULT_WRITE, "posix_fallocate64") ? ENOSPC : next(fd, from, bytes);
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    ON_PATH(mkdir, ENOSPC, path, mode);
}

EXPORT int chmod(const char *path, mode_t mode)
{
    ON_PATH(chmod, EPERM, path, mode);
}

EXPORT int chown(const char *path, uid_t user, gid_t group)
{
    ON_PATH(chown, EPERM, path, user, group);
}
