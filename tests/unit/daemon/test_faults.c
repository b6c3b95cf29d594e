/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every call that the system may refuse is refused in turn, at start and at reload: memory,
 * sockets, files, threads, the pool. A start then ends with an error that says why, or comes up and
 * answers what it can; a reload leaves the old state or brings the new one. Never a crash, never
 * half.
 *
 * The daemon runs in a child; the parent arms the n-th refusal in shared memory.
 *
 * wraps: realloc mmap64 mprotect socket bind listen epoll_ctl pthread_create read uv_queue_work
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

enum {
    WAIT_MS = 60000,
    PATIENCE_MS = 2000, /* for a reply over loopback */
};

/* Between parent and child. */
struct fault {
    atomic_bool armed;
    atomic_long left; /* calls that still succeed */
    atomic_bool fired;
    char name[32]; /* of the call that was refused */
};
static struct fault *fault;

static bool refuse(const char *name)
{
    if (!fault || !atomic_load(&fault->armed) || atomic_fetch_sub(&fault->left, 1) != 0) {
        return false;
    }
    snprintf(fault->name, sizeof(fault->name), "%s", name);
    atomic_store(&fault->fired, true);
    return true;
}

#define WRAP(type, name, params, args, failed, number) \
    type __real_##name params;                         \
    type __wrap_##name params;                         \
    type __wrap_##name params                          \
    {                                                  \
        if (refuse(#name)) {                           \
            errno = number;                            \
            return failed;                             \
        }                                              \
        return __real_##name args;                     \
    }

WRAP(void *, realloc, (void *mem, size_t bytes), (mem, bytes), NULL, ENOMEM)
WRAP(void *, mmap64, (void *at, size_t len, int prot, int flags, int fd, off_t offset),
     (at, len, prot, flags, fd, offset), MAP_FAILED, ENOMEM)
WRAP(int, mprotect, (void *at, size_t len, int prot), (at, len, prot), -1, ENOMEM)
WRAP(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1, EMFILE)
WRAP(int, bind, (int fd, const struct sockaddr *name, socklen_t len), (fd, name, len), -1,
     EADDRINUSE)
WRAP(int, listen, (int fd, int backlog), (fd, backlog), -1, EADDRINUSE)
WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg),
     (thread, attr, run, arg), EAGAIN, EAGAIN)
WRAP(ssize_t, read, (int fd, void *buf, size_t len), (fd, buf, len), -1, EIO)
WRAP(int, uv_queue_work,
     (uv_loop_t * loop, uv_work_t *job, uv_work_cb work, uv_after_work_cb after),
     (loop, job, work, after), UV_ENOMEM, ENOMEM)

int __real_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
/* Only adding needs memory; the kernel never refuses to change or to remove what is there. */
int __wrap_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    if (op == EPOLL_CTL_ADD && refuse("epoll_ctl")) {
        errno = ENOSPC;
        return -1;
    }
    return __real_epoll_ctl(epfd, op, fd, event);
}

/* --- the world of a test ------------------------------------------------------------------------
 */

static char folder[64];
static uint16_t port, other_port;
static char config_path[128], control_path[128], log_path[128];
static pid_t child;

static void arm(long n)
{
    atomic_store(&fault->fired, false);
    atomic_store(&fault->left, n);
    atomic_store(&fault->armed, true);
}

static void disarm(void)
{
    atomic_store(&fault->armed, false);
}

static void sleep_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static uint16_t free_port(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(name);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, len), 0);
    getsockname(fd, (struct sockaddr *)&name, &len);
    close(fd);
    return ntohs(name.sin_port);
}

/* Replaces a file as a careful writer does. */
__attribute__((format(printf, 2, 3))) static void put(const char *name, const char *format, ...)
{
    char path[128], new[132];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    snprintf(new, sizeof(new), "%s.new", path);
    FILE *file = fopen(new, "w");
    assert_non_null(file);
    va_list args;
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    fclose(file);
    assert_int_equal(rename(new, path), 0);
}

static void put_zone(unsigned version)
{
    put("a.zone",
        "$TTL 300\n@ SOA ns h %u 7200 900 1209600 60\n NS ns\nns A 192.0.2.1\n"
        "www A 192.0.2.%u\n",
        version + 1, version % 250 + 1);
}

/* Two forms of the configuration, so that each reload has views, zones and listeners to change. */
static void put_config(bool more)
{
    put("b.zone", "$TTL 300\n@ SOA ns h 1 7200 900 1209600 60\n NS ns\nns A 192.0.2.1\n");
    put("in.overlay", "extra 60 A 10.0.0.9\n");
    if (!more) {
        put("horizon.yaml",
            "server:\n  listen: [\"127.0.0.1:%u\"]\n"
            "zones:\n  - {zone: a.example, file: a.zone}\n",
            port);
        return;
    }
    put("horizon.yaml",
        "server:\n  listen: [\"127.0.0.1:%u\", \"127.0.0.1:%u\"]\n"
        "views:\n  in: {internal: true, match: [10.0.0.0/8]}\n  out: {default: true}\n"
        "zones:\n  - zone: a.example\n    file: a.zone\n    overlays:\n"
        "      - {view: in, reason: test, file: in.overlay}\n"
        "  - {zone: b.example, file: b.zone, only: [in]}\n",
        port, other_port);
}

/* How often the log holds a text. */
static unsigned log_count(const char *text)
{
    static char buf[1 << 20];
    FILE *file = fopen(log_path, "r");
    size_t len = file ? fread(buf, 1, sizeof(buf) - 1, file) : 0;
    unsigned count = 0;
    if (file) {
        fclose(file);
    }
    buf[len] = 0;
    for (const char *at = buf; (at = strstr(at, text)); at++) {
        count++;
    }
    return count;
}

static void child_start(void)
{
    unlink(log_path);
    fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        static const char *const none[] = {NULL};
        struct daemon_options options = {.config = config_path,
                                         .listens = none,
                                         .zones = none,
                                         .control = control_path,
                                         .workers = "2"};
        if (!freopen(log_path, "w", stderr)) {
            _exit(3);
        }
        exit(daemon_run(&options));
    }
}

/* The exit status; a death by signal fails the test. */
static int child_end(void)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status)) {
        print_error("killed by signal %d after %s was refused\n", WTERMSIG(status), fault->name);
        fail();
    }
    child = 0;
    return WEXITSTATUS(status);
}

static bool child_ended(void)
{
    siginfo_t info = {0};
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT);
    return info.si_pid == child;
}

/* Asks for www.a.example A. Returns the rcode; *ret_last is the last byte of the address. */
static int ask(unsigned *ret_last)
{
    static const uint8_t query[] = "\x12\x34\0\0\0\1\0\0\0\0\0\0\3www\1a\7example\0\0\1\0\1";
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    uint8_t reply[512];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(send(fd, query, sizeof(query) - 1, 0), sizeof(query) - 1);
    ssize_t len = recv(fd, reply, sizeof(reply), 0);
    close(fd);
    if (len < 12) {
        print_error("no reply after %s was refused\n", fault->name);
        fail();
    }
    *ret_last = reply[len - 1];
    return reply[3] & 15;
}

static int enter(void **state)
{
    (void)state;
    fault = mmap(NULL, sizeof(*fault), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fault == MAP_FAILED) {
        return -1;
    }
    snprintf(folder, sizeof(folder), "/tmp/horizon-faults-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(config_path, sizeof(config_path), "%s/horizon.yaml", folder);
    snprintf(control_path, sizeof(control_path), "%s/c.sock", folder);
    snprintf(log_path, sizeof(log_path), "%s/log", folder);
    port = free_port();
    other_port = free_port();
    return 0;
}

static int leave(void **state)
{
    static const char *const names[] = {"a.zone",       "b.zone", "in.overlay",
                                        "horizon.yaml", "c.sock", "log"};
    (void)state;
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        child = 0;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    munmap(fault, sizeof(*fault));
    fault = NULL;
    return 0;
}

/* --- start --------------------------------------------------------------------------------------
 */

/* Came up although something was refused: it must answer, rightly or with SERVFAIL, and stop well.
 */
static void judge_serving(void)
{
    unsigned last;
    int rcode = ask(&last);
    assert_true((rcode == 0 && last == 1) || rcode == 2);
    kill(child, SIGTERM);
    assert_int_equal(child_end(), 0);
}

static void test_start(void **state)
{
    (void)state;
    unsigned refused = 0, served = 0;
    put_zone(0);
    put_config(true);
    for (long n = 0;; n++) {
        arm(n);
        child_start();
        for (int waited = 0; !child_ended() && !log_count("horizon: ready"); waited += 2) {
            assert_true(waited < WAIT_MS);
            sleep_ms(2);
        }
        disarm();
        if (!child_ended()) {
            judge_serving();
            served++;
        } else {
            int status = child_end();
            if (status != 1 || !log_count("horizon: error: ")) {
                print_error("status %d, %u error lines after %s was refused\n", status,
                            log_count("horizon: error: "), fault->name);
                fail();
            }
            refused++;
        }
        if (!atomic_load(&fault->fired)) {
            break;
        }
    }
    print_message("start: %u refusals ended it, %u did not\n", refused, served);
    assert_true(refused > 20);
}

/* --- reload -------------------------------------------------------------------------------------
 */

static unsigned reload_ends(void)
{
    return log_count("horizon: reloaded") + log_count("everything stays as it was") +
           log_count("no memory for a reload");
}

static void reload(void)
{
    unsigned before = reload_ends();
    kill(child, SIGHUP);
    for (int waited = 0; reload_ends() == before; waited += 2) {
        assert_true(waited < WAIT_MS);
        if (child_ended()) {
            child_end();
            fail();
        }
        sleep_ms(2);
    }
}

static void test_reload(void **state)
{
    (void)state;
    unsigned last, version = 0, kept = 0, changed = 0;
    put_zone(version);
    put_config(false);
    child_start();
    for (int waited = 0; !log_count("horizon: ready"); waited += 2) {
        assert_true(waited < WAIT_MS);
        sleep_ms(2);
    }
    for (long n = 0;; n++) {
        put_zone(++version);
        put_config(n % 2 == 0);
        arm(n / 2);
        reload();
        disarm();
        assert_int_equal(ask(&last), 0);
        if (last == version % 250 + 1) {
            changed++;
        } else {
            /* What was served before the refusal is served after it. */
            assert_int_equal(last, (version - 1) % 250 + 1);
            kept++;
        }
        bool over = !atomic_load(&fault->fired);
        /* Without a refusal the same reload passes: nothing was left half done. */
        reload();
        assert_int_equal(ask(&last), 0);
        assert_int_equal(last, version % 250 + 1);
        if (over && n % 2 == 1) {
            break;
        }
    }
    kill(child, SIGTERM);
    assert_int_equal(child_end(), 0);
    print_message("reload: %u refusals kept the old state, %u did not matter\n", kept, changed);
    assert_true(kept > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_start, enter, leave),
        cmocka_unit_test_setup_teardown(test_reload, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
