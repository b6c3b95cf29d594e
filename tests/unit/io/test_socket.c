/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sockets that listen, on loopback: what they are bound to, what they refuse, what they leave open
 * when the operating system refuses a step.
 *
 *     wraps: socket bind setsockopt listen
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/socket.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The n-th call from now fails; 0: none. */
static int fail_at, fail_errno;

static bool fails_now(void)
{
    if (fail_at > 0 && --fail_at == 0) {
        errno = fail_errno;
        return true;
    }
    return false;
}

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);
int __real_bind(int fd, const struct sockaddr *name, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *name, socklen_t len);
int __real_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
int __real_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog);

int __wrap_socket(int family, int type, int protocol)
{
    return fails_now() ? -1 : __real_socket(family, type, protocol);
}

int __wrap_bind(int fd, const struct sockaddr *name, socklen_t len)
{
    return fails_now() ? -1 : __real_bind(fd, name, len);
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    return fails_now() ? -1 : __real_setsockopt(fd, level, option, value, len);
}

int __wrap_listen(int fd, int backlog)
{
    return fails_now() ? -1 : __real_listen(fd, backlog);
}

static struct endpoint endpoint(const char *address, uint16_t port)
{
    struct endpoint made = {.port = port};
    assert_int_equal(address_from_text(address, &made.address), ERR_OK);
    return made;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* The lowest descriptor that is free: the same before and after, or something leaked. */
static int descriptor_next(void)
{
    int fd = dup(0);
    assert_true(fd >= 0);
    close(fd);
    return fd;
}

static void endpoints_have_a_text(void **state)
{
    (void)state;
    char text[ENDPOINT_TEXT_BYTES];
    struct endpoint v4 = endpoint("127.0.0.1", 53), v6 = endpoint("2001:db8::1", 65535);
    assert_string_equal(endpoint_to_text(&v4, text), "127.0.0.1:53");
    assert_string_equal(endpoint_to_text(&v6, text), "[2001:db8::1]:65535");
}

static void wildcards_are_known(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        bool wildcard;
    } cases[] = {
        {"0.0.0.0", true}, {"::", true}, {"0.0.0.1", false}, {"127.0.0.0", false}, {"::1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct endpoint each = endpoint(cases[i].address, 53);
        assert_int_equal(endpoint_is_wildcard(&each), cases[i].wildcard);
    }
}

static void a_mapped_peer_is_its_ipv4_address(void **state)
{
    (void)state;
    union socket_name mapped = {.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(5353)}};
    uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 7};
    memcpy(&mapped.v6.sin6_addr, bytes, sizeof bytes);
    struct endpoint peer = endpoint_from_name(&mapped), same = endpoint("192.0.2.7", 5353);
    assert_memory_equal(&peer.address, &same.address, sizeof peer.address);
    assert_int_equal(peer.port, 5353);
}

static void opened_sockets_are_described(void **state)
{
    (void)state;
    static const struct {
        enum socket_kind kind;
        const char *address;
    } cases[] = {{SOCKET_UDP, "127.0.0.1"},
                 {SOCKET_TCP, "127.0.0.2"},
                 {SOCKET_UDP, "::1"},
                 {SOCKET_TCP, "::1"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct endpoint wanted = endpoint(cases[i].address, 0), has;
        enum socket_kind kind;
        int fd;
        assert_int_equal(socket_open(cases[i].kind, &wanted, SOCKET_SHARED, &fd), ERR_OK);
        assert_int_equal(socket_describe(fd, &kind, &has), ERR_OK);
        assert_int_equal(kind, cases[i].kind);
        assert_memory_equal(&has.address, &wanted.address, sizeof has.address);
        assert_int_not_equal(has.port, 0);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        bool blocks = !(fcntl(fd, F_GETFL) & O_NONBLOCK);
        assert_int_equal(blocks, kind == SOCKET_UDP);
        close(fd);
    }
    int pair[2];
    enum socket_kind kind;
    struct endpoint has;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(socket_describe(pair[0], &kind, &has), ERR_UNSUPPORTED);
    close(pair[0]);
    close(pair[1]);
}

static void options_are_set(void **state)
{
    (void)state;
    struct endpoint one = endpoint("127.0.0.1", 0), any = endpoint("0.0.0.0", 0);
    struct endpoint any6 = endpoint("::", 0);
    int fd;
    assert_int_equal(socket_open(SOCKET_UDP, &one, SOCKET_SHARED, &fd), ERR_OK);
    assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEPORT), 1);
    assert_int_equal(option(fd, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_OMIT);
    assert_int_equal(option(fd, IPPROTO_IP, IP_PKTINFO), 0);
    close(fd);
    assert_int_equal(socket_open(SOCKET_UDP, &any, SOCKET_WILDCARD, &fd), ERR_OK);
    assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEPORT), 0);
    assert_int_equal(option(fd, IPPROTO_IP, IP_PKTINFO), 1);
    close(fd);
    assert_int_equal(socket_open(SOCKET_UDP, &any6, SOCKET_WILDCARD | SOCKET_V6_ONLY, &fd), ERR_OK);
    assert_int_equal(option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
    assert_int_equal(option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO), 1);
    assert_int_equal(option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_OMIT);
    close(fd);
    assert_int_equal(socket_open(SOCKET_TCP, &any6, 0, &fd), ERR_OK);
    assert_int_equal(option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 0);
    close(fd);
}

static void refusals_have_their_error(void **state)
{
    (void)state;
    struct endpoint wanted = endpoint("127.0.0.1", 0), has;
    struct endpoint foreign = endpoint("192.0.2.1", 0);
    enum socket_kind kind;
    int holder, fd;
    for (int i = 0; i < 2; i++) {
        enum socket_kind each = i ? SOCKET_TCP : SOCKET_UDP;
        assert_int_equal(socket_open(each, &wanted, 0, &holder), ERR_OK);
        assert_true(each == SOCKET_UDP || socket_listen(holder) == ERR_OK);
        assert_int_equal(socket_describe(holder, &kind, &has), ERR_OK);
        assert_int_equal(socket_open(each, &has, 0, &fd), ERR_BUSY);
        assert_int_equal(socket_open(each, &has, SOCKET_SHARED, &fd), ERR_BUSY);
        close(holder);
    }
    assert_int_equal(socket_open(SOCKET_UDP, &foreign, 0, &fd), ERR_NOT_FOUND);
    assert_int_equal(socket_error(EACCES), ERR_PERMISSION);
    assert_int_equal(socket_error(EMFILE), ERR_LIMIT);
    assert_int_equal(socket_error(ENOBUFS), ERR_NOMEM);
    assert_int_equal(socket_error(EAFNOSUPPORT), ERR_UNSUPPORTED);
    assert_int_equal(socket_error(EINVAL), ERR_IO);
}

/* Whatever step fails: an error or a whole socket, and nothing left open. */
static void every_step_may_fail(void **state)
{
    (void)state;
    static const struct {
        enum socket_kind kind;
        const char *address;
    } cases[] = {{SOCKET_UDP, "0.0.0.0"}, {SOCKET_TCP, "127.0.0.1"}, {SOCKET_UDP, "::"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct endpoint wanted = endpoint(cases[i].address, 0);
        int errors = 0, before = descriptor_next();
        for (int n = 1;; n++) {
            int fd = -1;
            fail_at = n;
            fail_errno = ENOBUFS;
            int err = socket_open(cases[i].kind, &wanted, SOCKET_SHARED | SOCKET_WILDCARD, &fd);
            bool reached = fail_at == 0;
            fail_at = 0;
            if (err == ERR_OK) {
                assert_true(fd >= 0);
                close(fd);
            } else {
                assert_int_equal(err, ERR_NOMEM);
                assert_int_equal(fd, -1);
                errors++;
            }
            assert_int_equal(descriptor_next(), before);
            if (!reached) {
                break;
            }
        }
        assert_in_range(errors, 4, 20);
    }
    fail_at = 1;
    fail_errno = EADDRINUSE;
    assert_int_equal(socket_listen(0), ERR_BUSY);
}

static void a_copy_is_the_same_socket(void **state)
{
    (void)state;
    struct endpoint wanted = endpoint("127.0.0.1", 0), one, other;
    enum socket_kind kind;
    int fd, copy;
    assert_int_equal(socket_open(SOCKET_UDP, &wanted, 0, &fd), ERR_OK);
    assert_int_equal(socket_copy(fd, &copy), ERR_OK);
    assert_true(fcntl(copy, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(socket_describe(fd, &kind, &one), ERR_OK);
    assert_int_equal(socket_describe(copy, &kind, &other), ERR_OK);
    assert_int_equal(one.port, other.port);
    close(fd);
    close(copy);
    assert_int_equal(socket_copy(copy, &fd), ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_have_a_text),
        cmocka_unit_test(wildcards_are_known),
        cmocka_unit_test(a_mapped_peer_is_its_ipv4_address),
        cmocka_unit_test(opened_sockets_are_described),
        cmocka_unit_test(options_are_set),
        cmocka_unit_test(refusals_have_their_error),
        cmocka_unit_test(every_step_may_fail),
        cmocka_unit_test(a_copy_is_the_same_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
