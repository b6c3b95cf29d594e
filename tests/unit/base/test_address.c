/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Addresses and prefixes as text, in both directions, and what kind of place an address is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/address.h"
#include "base/error.h"
#include "base/random.h"

#include <arpa/inet.h>
#include <string.h>

static struct address parsed(const char *text)
{
    struct address address;
    assert_int_equal(address_from_text(text, &address), ERR_OK);
    return address;
}

static void test_text_is_canonical(void **state)
{
    (void)state;
    /* RFC 5952 section 4: what goes in, what comes out. */
    static const char *const rows[][2] = {
        {"10.0.0.1", "10.0.0.1"},
        {"255.255.255.255", "255.255.255.255"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::ffff:c000:201", "192.0.2.1"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"2001:DB8::1", "2001:db8::1"},
        {"2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
        {"fe80:0:0:0:0:0:0:0", "fe80::"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address = parsed(rows[i][0]);
        char text[ADDRESS_TEXT_BYTES];
        assert_string_equal(address_to_text(&address, text), rows[i][1]);
    }
}

static void test_bad_addresses_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1..2.3",
        "1.2.3.",
        "a.b.c.d",
        ":",
        ":::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "::1::",
        "12345::",
        "g::",
        "1:",
        ":1",
        "1:2:3:4:5:6:7:",
        "::1.2.3",
        "1:2:3:4:5:6:7:1.2.3.4",
        "::1.2.3.4:5",
        "fe80::1%eth0",
        "10.0.0.0/8",
        "1:2:3:4::5:6:7:8",
        "99999999999.1.1.1",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address, before;
        memset(&address, 0x5a, sizeof(address));
        before = address;
        if (address_from_text(rows[i], &address) != ERR_INVALID) {
            fail_msg("'%s' was taken for an address", rows[i]);
        }
        assert_memory_equal(&address, &before, sizeof(before));
    }
}

/* The C library reads and prints the same addresses. */
static void test_agrees_with_the_c_library(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 1);
    for (int i = 0; i < 100000; i++) {
        uint8_t bytes[16];
        uint64_t zero = random_next(&random);
        for (int j = 0; j < 8; j++) {
            uint64_t group = zero >> j & 1 ? 0 : random_next(&random);
            group >>= random_below(&random, 3) == 0 ? 8 : 0;
            bytes[2 * j] = (uint8_t)(group >> 8);
            bytes[2 * j + 1] = (uint8_t)group;
        }
        char ours[ADDRESS_TEXT_BYTES], theirs[INET6_ADDRSTRLEN];
        struct address address = address_from_v6(bytes), again;
        address_to_text(&address, ours);
        inet_ntop(AF_INET6, bytes, theirs, sizeof(theirs));
        if (!strchr(theirs, '.')) { /* it prints ::/96 as IPv4, RFC 5952 does not ask for it */
            assert_string_equal(ours, theirs);
        }
        assert_int_equal(address_from_text(theirs, &again), ERR_OK);
        assert_memory_equal(again.bytes, bytes, 16);
    }
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum address_kind kind;
    } rows[] = {
        {"9.255.255.255", ADDRESS_PUBLIC},
        {"10.0.0.0", ADDRESS_PRIVATE},
        {"10.255.255.255", ADDRESS_PRIVATE},
        {"11.0.0.0", ADDRESS_PUBLIC},
        {"172.15.255.255", ADDRESS_PUBLIC},
        {"172.16.0.0", ADDRESS_PRIVATE},
        {"172.31.255.255", ADDRESS_PRIVATE},
        {"172.32.0.0", ADDRESS_PUBLIC},
        {"192.167.255.255", ADDRESS_PUBLIC},
        {"192.168.0.1", ADDRESS_PRIVATE},
        {"192.169.0.0", ADDRESS_PUBLIC},
        {"100.63.255.255", ADDRESS_PUBLIC},
        {"100.64.0.0", ADDRESS_CGNAT},
        {"100.127.255.255", ADDRESS_CGNAT},
        {"100.128.0.0", ADDRESS_PUBLIC},
        {"127.0.0.1", ADDRESS_LOOPBACK},
        {"169.254.1.1", ADDRESS_LINKLOCAL},
        {"0.0.0.0", ADDRESS_UNSPECIFIED},
        {"::ffff:10.1.2.3", ADDRESS_PRIVATE},
        {"::1", ADDRESS_LOOPBACK},
        {"::", ADDRESS_UNSPECIFIED},
        {"::2", ADDRESS_PUBLIC},
        {"fbff::", ADDRESS_PUBLIC},
        {"fc00::", ADDRESS_ULA},
        {"fdff::1", ADDRESS_ULA},
        {"fe00::", ADDRESS_PUBLIC},
        {"fe80::1", ADDRESS_LINKLOCAL},
        {"febf::1", ADDRESS_LINKLOCAL},
        {"fec0::1", ADDRESS_PUBLIC},
        {"2001:db8::1", ADDRESS_PUBLIC},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address = parsed(rows[i].text);
        assert_int_equal(address_kind(&address), rows[i].kind);
    }
    assert_string_equal(address_kind_name(ADDRESS_ULA), "ULA");
    assert_string_equal(address_kind_name(ADDRESS_UNSPECIFIED), "unspecified");
}

static void test_prefix_text(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
        unsigned bits;
    } rows[] = {
        {"10.0.0.0/8", "10.0.0.0/8", 104},
        {"0.0.0.0/0", "0.0.0.0/0", 96},
        {"192.0.2.1", "192.0.2.1/32", 128},
        {"192.0.2.1/32", "192.0.2.1/32", 128},
        {"::/0", "::/0", 0},
        {"2001:db8::/33", "2001:db8::/33", 33},
        {"2001:db8::1", "2001:db8::1/128", 128},
        {"::ffff:10.0.0.0/104", "10.0.0.0/8", 104},
        {"0.0.0.0/8", "0.0.0.0/8", 104},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct prefix prefix;
        char text[PREFIX_TEXT_BYTES];
        assert_int_equal(prefix_from_text(rows[i].in, &prefix), ERR_OK);
        assert_int_equal(prefix.bits, rows[i].bits);
        assert_string_equal(prefix_to_text(&prefix, text), rows[i].out);
    }
    static const char *const bad[] = {
        "10.0.0.1/8",  "10.0.0.0/33", "10.0.0.0/",         "10.0.0.0/08",
        "10.0.0.0/-1", "10.0.0.0/8 ", "2001:db8::/129",    "2001:db8::1/64",
        "/8",          "10/8",        "::ffff:10.0.0.0/8",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct prefix prefix;
        if (prefix_from_text(bad[i], &prefix) != ERR_INVALID) {
            fail_msg("'%s' was taken for a prefix", bad[i]);
        }
    }
}

static bool has(const char *prefix_text, const char *address_text)
{
    struct prefix prefix;
    assert_int_equal(prefix_from_text(prefix_text, &prefix), ERR_OK);
    struct address address = parsed(address_text);
    return prefix_has(&prefix, &address);
}

static void test_prefix_has(void **state)
{
    (void)state;
    assert_true(has("10.0.0.0/8", "10.255.0.1"));
    assert_false(has("10.0.0.0/8", "11.0.0.0"));
    assert_true(has("10.0.0.0/9", "10.127.255.255"));
    assert_false(has("10.0.0.0/9", "10.128.0.0"));
    assert_true(has("10.0.0.0/8", "::ffff:10.1.1.1"));
    assert_true(has("0.0.0.0/0", "203.0.113.1"));
    assert_false(has("0.0.0.0/0", "2001:db8::1"));
    assert_true(has("::/0", "2001:db8::1"));
    assert_false(has("::/0", "203.0.113.1"));
    assert_true(has("2001:db8::1", "2001:db8::1"));
    assert_false(has("2001:db8::1", "2001:db8::2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_canonical),
        cmocka_unit_test(test_bad_addresses_are_refused),
        cmocka_unit_test(test_agrees_with_the_c_library),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_prefix_text),
        cmocka_unit_test(test_prefix_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
