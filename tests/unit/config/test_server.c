/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * server and reload: defaults, every option, and what is said about wrong values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "parsing.h"

#include <stdio.h>
#include <string.h>

#define WITH(server) "server: {listen: [127.0.0.1:53], " server "}\nzones: []\n"

static void test_defaults(void **state)
{
    (void)state;
    struct config *config = parse_good(SERVER "zones: []\n");
    assert_int_equal(config->workers, 0);
    assert_null(config->user);
    assert_null(config->group);
    assert_string_equal(config->control, "/run/horizon/control.sock");
    assert_false(config->keep_bind_capability);
    assert_null(config->nsid);
    assert_int_equal(config->nsid_len, 0);
    assert_null(config->version_bind);
    assert_null(config->id_server);
    assert_int_equal(config->udp_payload, 1232);
    assert_int_equal(config->tcp_connections, 1000);
    assert_int_equal(config->tcp_per_client, 64);
    assert_int_equal(config->tcp_reserve, 100);
    assert_int_equal(config->tcp_first_byte_ms, 2000);
    assert_int_equal(config->tcp_message_ms, 5000);
    assert_int_equal(config->tcp_idle_ms, 10000);
    assert_int_equal(config->tcp_write_ms, 5000);
    assert_int_equal(config->tcp_pipeline, 64);
    assert_int_equal(config->hold_removed_percent, 5);
    assert_int_equal(config->hold_removed_names, 10);
    config_free(config);
}

static void test_every_value_is_taken(void **state)
{
    (void)state;
    struct config *config =
        parse_good("server:\n"
                   "  listen:\n"
                   "    - 127.0.0.1:5300\n"
                   "    - {name: lan, address: '[::1]:5301'}\n"
                   "  workers: 3\n"
                   "  user: horizon\n"
                   "  group: dns\n"
                   "  control: run/c.sock\n"
                   "  keep-bind-capability: true\n"
                   "  nsid: dc1-a\n"
                   "  version-bind: \"horizon\"\n"
                   "  id-server: 7\n"
                   "  udp-payload: 4096\n"
                   "  tcp: {connections: 2000, per-client: 30, reserve: 200, first-byte: 500ms,\n"
                   "        message: 6s, idle: 1m, write: 1h, pipeline: 8}\n"
                   "reload: {hold-removed-percent: 100, hold-removed-names: 0}\n"
                   "zones: []\n");
    assert_int_equal(config->workers, 3);
    assert_string_equal(config->user, "horizon");
    assert_string_equal(config->group, "dns");
    assert_string_equal(config->control, "run/c.sock");
    assert_true(config->keep_bind_capability);
    assert_int_equal(config->nsid_len, 5);
    assert_memory_equal(config->nsid_bytes, "dc1-a", 5);
    assert_string_equal(config->version_bind, "horizon");
    assert_string_equal(config->id_server, "7");
    assert_int_equal(config->udp_payload, 4096);
    assert_int_equal(config->tcp_connections, 2000);
    assert_int_equal(config->tcp_per_client, 30);
    assert_int_equal(config->tcp_reserve, 200);
    assert_int_equal(config->tcp_first_byte_ms, 500);
    assert_int_equal(config->tcp_message_ms, 6000);
    assert_int_equal(config->tcp_idle_ms, 60000);
    assert_int_equal(config->tcp_write_ms, 3600000);
    assert_int_equal(config->tcp_pipeline, 8);
    assert_int_equal(config->hold_removed_percent, 100);
    assert_int_equal(config->hold_removed_names, 0);
    config_free(config);
}

static void test_listeners(void **state)
{
    (void)state;
    struct config *config = parse_good("server:\n"
                                       "  listen:\n"
                                       "    - 127.0.0.1:5300\n"
                                       "    - {name: lan, address: '[::1]:5301'}\n"
                                       "zones: []\n");
    const struct desired *desired = &config->desired;
    const uint8_t v4[4] = {127, 0, 0, 1};
    struct address address = address_from_v4(v4);
    assert_int_equal(desired->listener_count, 2);
    assert_null(desired->listeners[0].name);
    assert_memory_equal(&desired->listeners[0].address, &address, sizeof(address));
    assert_int_equal(desired->listeners[0].port, 5300);
    assert_int_equal(desired->listeners[0].slot, 0);
    assert_int_equal(desired->listeners[0].place.line, 3);
    assert_int_equal(desired->listeners[0].place.column, 7);
    assert_string_equal(desired->listeners[0].place.file, "c.yaml");
    assert_string_equal(desired->listeners[1].name, "lan");
    assert_int_equal(desired->listeners[1].port, 5301);
    assert_int_equal(desired->listeners[1].slot, 1);
    config_free(config);
}

static void test_listener_findings(void **state)
{
    (void)state;
    static const struct {
        const char *listen, *expected;
    } cases[] = {
        {"127.0.0.1", "port missing; write 127.0.0.1:53"},
        {"::1", "port missing; write [::1]:53"},
        {"[::1]", "port missing; write [::1]:53"},
        {"*:53", "address missing; write 0.0.0.0:53 for all of IPv4, [::]:53 for IPv6"},
        {":5300", "address missing; write 0.0.0.0:5300 for all of IPv4, [::]:5300 for IPv6"},
        {"5300", "address missing; write 127.0.0.1:5300"},
        {"localhost:53", "names are not looked up; write 127.0.0.1:53"},
        {"10.0.0.256:53", "is not an address and a port; write ADDR:PORT, such as 127.0.0.1:53 or "
                          "\"[::1]:53\""},
        {"[10.0.0.1]:53", "is not an address and a port; write ADDR:PORT, such as 127.0.0.1:53 or "
                          "\"[::1]:53\""},
        {"127.0.0.1:65536",
         "'65536' is not a port; write a port from 0 to 65535; 0 lets the kernel choose"},
        {"127.0.0.1:5x",
         "'5x' is not a port; write a port from 0 to 65535; 0 lets the kernel choose"},
        {"127.0.0.1:", "'' is not a port; write a port from 0 to 65535; 0 lets the kernel choose"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[256], expected[512];
        snprintf(text, sizeof(text), "server:\n  listen: [\"%s\"]\nzones: []\n", cases[i].listen);
        snprintf(expected, sizeof(expected), "c.yaml:2:12: error: server.listen %s: %s\n",
                 cases[i].listen, cases[i].expected);
        expect_findings(text, expected);
    }
}

static void test_listener_list_findings(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {"server: {}\nzones: []\n",
         "c.yaml:1:9: error: server.listen is missing; add 'listen: ...'\n"},
        {"server: {listen: 127.0.0.1:53}\nzones: []\n",
         "c.yaml:1:18: error: server.listen takes a list, this is plain text; write listen: [ITEM, "
         "...]\n"},
        {"server: {listen: []}\nzones: []\n",
         "c.yaml:1:18: error: server.listen has 0 items; 1 to 64 are possible\n"},
        {"server: {listen: [[a]]}\nzones: []\n",
         "c.yaml:1:19: error: an item of server.listen takes a map, this is a list; write its keys "
         "below it, indented\n"},
        {"server:\n  listen:\n    - {name: a b, adress: '1.2.3.4:5'}\nzones: []\n",
         "c.yaml:3:7: error: server.listen[].address is missing; add 'address: ...'\n"
         "c.yaml:3:7: error: 'a b' cannot name a listener; use letters, digits, '-', '_' and '.', "
         "at most 63\n"
         "c.yaml:3:19: error: unknown key 'adress' in server.listen[]; did you mean 'address'?\n"},
        {"server:\n  listen:\n    - 127.0.0.1:53\n    - 127.0.0.1:53\nzones: []\n",
         "c.yaml:4:7: error: 127.0.0.1:53 is written twice; remove one\n"},
        {"server:\n  listen:\n    - {name: a, address: '127.0.0.1:53'}\n"
         "    - {name: a, address: '[::1]:53'}\nzones: []\n",
         "c.yaml:4:7: error: two listeners are called 'a'; rename one\n"},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
    /* The kernel chooses twice. */
    config_free(parse_good("server: {listen: ['127.0.0.1:0', '127.0.0.1:0']}\nzones: []\n"));
}

static void test_number_findings(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {WITH("workers: four"), "c.yaml:1:43: error: server.workers: 'four' is not a plain number; "
                                "write a whole number from 0 to 256\n"},
        {WITH("workers: -1"), "c.yaml:1:43: error: server.workers: '-1' is not a plain number; "
                              "write a whole number from 0 to 256\n"},
        {WITH("workers: \"4\""),
         "c.yaml:1:43: error: server.workers: '4' is not a plain number; write 4\n"},
        {WITH("workers: 257"),
         "c.yaml:1:43: error: server.workers: 257 is out of range; write 0 to 256\n"},
        {WITH("workers: 99999999999999999999"),
         "c.yaml:1:43: error: server.workers: '99999999999999999999' is not a plain number; write "
         "a whole number from 0 to 256\n"},
        {WITH("udp-payload: 511"), "c.yaml:1:47: error: server.udp-payload: 511 is out of range; "
                                   "write 512 to 4096 bytes\n"},
        {WITH("workers: [1]"), "c.yaml:1:43: error: server.workers takes one value, this is a "
                               "list; write workers: VALUE\n"},
        {WITH("workers: "),
         "c.yaml:1:43: error: server.workers has no value; write one, or leave the key out\n"},
        {SERVER "reload: {hold-removed-percent: 5%}\nzones: []\n",
         "c.yaml:2:32: error: reload.hold-removed-percent: '5%' is not a plain number; write 5\n"},
        {SERVER "reload: 5\nzones: []\n", "c.yaml:2:9: error: reload takes a map, this is plain "
                                          "text; write its keys below it, indented\n"},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
}

static void test_duration_findings(void **state)
{
    (void)state;
    static const struct {
        const char *value, *expected;
    } cases[] = {
        {"10", "10 has no unit; write 10s for seconds, or 10ms for milliseconds"},
        {"2 sec", "'2 sec' is not a duration; write 2s"},
        {"3minutes", "'3minutes' is not a duration; write 3m"},
        {"4H", "'4H' is not a duration; write 4h"},
        {"5millis", "'5millis' is not a duration; write 5ms"},
        {"1.5s", "'1.5s' is not a duration; write a whole number and ms, s, m or h, such as 10s"},
        {"soon", "'soon' is not a duration; write a whole number and ms, s, m or h, such as 10s"},
        {"99ms", "99ms is out of range; write 100ms to 1h"},
        {"61m", "61m is out of range; write 100ms to 1h"},
        {"99999999999h", "99999999999h is out of range; write 100ms to 1h"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[256], expected[512];
        snprintf(text, sizeof(text),
                 "server: {listen: [127.0.0.1:53], tcp: {idle: %s}}\nzones: []\n", cases[i].value);
        snprintf(expected, sizeof(expected), "c.yaml:1:46: error: server.tcp.idle: %s\n",
                 cases[i].expected);
        expect_findings(text, expected);
    }
}

static void test_bool_and_text_findings(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {WITH("keep-bind-capability: yes"),
         "c.yaml:1:56: error: server.keep-bind-capability: 'yes' is not true or false; write "
         "true\n"},
        {WITH("keep-bind-capability: Off"),
         "c.yaml:1:56: error: server.keep-bind-capability: 'Off' is not true or false; write "
         "false\n"},
        {WITH("keep-bind-capability: maybe"),
         "c.yaml:1:56: error: server.keep-bind-capability: 'maybe' is not true or false; write "
         "true or false\n"},
        {WITH("user: ''"), "c.yaml:1:40: error: server.user is empty\n"},
        {WITH("user: {a: b}"), "c.yaml:1:40: error: server.user takes one value, this is a map; "
                               "write user: VALUE\n"},
        {WITH("user: \"a\\nb\""),
         "c.yaml:1:40: error: server.user has more than one line; write it in one line\n"},
        {WITH("nsid: 0x123"), "c.yaml:1:40: error: server.nsid: '0x123' is not whole bytes; write "
                              "two hex digits a byte, at most 128 bytes\n"},
        {WITH("nsid: 0xzz"), "c.yaml:1:40: error: server.nsid: '0xzz' is not whole bytes; write "
                             "two hex digits a byte, at most 128 bytes\n"},
        {WITH("worker: 1"),
         "c.yaml:1:34: error: unknown key 'worker' in server; did you mean 'workers'?\n"},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
}

static void test_long_texts_are_refused(void **state)
{
    (void)state;
    char letters[400], text[600];
    memset(letters, 'a', sizeof(letters));
    snprintf(text, sizeof(text), WITH("nsid: %.129s"), letters);
    expect_findings(text, "c.yaml:1:40: error: server.nsid has 129 bytes, at most 128 fit; write "
                          "a shorter one\n");
    snprintf(text, sizeof(text), WITH("control: /%.107s"), letters);
    expect_findings(text, "c.yaml:1:43: error: server.control has 108 bytes, at most 107 fit; "
                          "write a shorter one\n");
    snprintf(text, sizeof(text), WITH("version-bind: %.256s"), letters);
    expect_findings(text, "c.yaml:1:48: error: server.version-bind has 256 bytes, at most 255 "
                          "fit; write a shorter one\n");
}

static void test_nsid_in_hex(void **state)
{
    (void)state;
    struct config *config = parse_good(WITH("nsid: 0x00fFa1"));
    const uint8_t bytes[] = {0x00, 0xff, 0xa1};
    assert_int_equal(config->nsid_len, 3);
    assert_memory_equal(config->nsid_bytes, bytes, 3);
    config_free(config);
}

static void test_empty_control_path_is_none(void **state)
{
    (void)state;
    struct config *config = parse_good(WITH("control: ''"));
    assert_null(config->control);
    config_free(config);
}

static void test_tcp_limits_agree(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {WITH("tcp: {connections: 100}"),
         "c.yaml: error: server.tcp: the reserve of 100 leaves nothing of 100 connections; make "
         "the reserve smaller\n"},
        {WITH("tcp: {connections: 10, reserve: 2}"),
         "c.yaml: warning: server.tcp.per-client 64 never counts: there are 10 connections in "
         "all\n"},
    };
    expect_each(cases, sizeof(cases) / sizeof(*cases));
}

static void test_all_faults_in_one_pass(void **state)
{
    (void)state;
    expect_findings("zones: 3\nserver:\n  worker: 1\n  listen: [1]\n  tcp: {idle: 1}\nviews: []\n",
                    "c.yaml:1:8: error: zones takes a list, this is plain text; write zones: "
                    "[ITEM, ...]\n"
                    "c.yaml:3:3: error: unknown key 'worker' in server; did you mean 'workers'?\n"
                    "c.yaml:4:12: error: server.listen 1: address missing; write 127.0.0.1:1\n"
                    "c.yaml:5:15: error: server.tcp.idle: 1 has no unit; write 1s for seconds, or "
                    "1ms for milliseconds\n"
                    "c.yaml:6:8: error: views takes a map, this is a list; write its keys below "
                    "it, indented\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_value_is_taken),
        cmocka_unit_test(test_listeners),
        cmocka_unit_test(test_listener_findings),
        cmocka_unit_test(test_listener_list_findings),
        cmocka_unit_test(test_number_findings),
        cmocka_unit_test(test_duration_findings),
        cmocka_unit_test(test_bool_and_text_findings),
        cmocka_unit_test(test_long_texts_are_refused),
        cmocka_unit_test(test_nsid_in_hex),
        cmocka_unit_test(test_empty_control_path_is_none),
        cmocka_unit_test(test_tcp_limits_agree),
        cmocka_unit_test(test_all_faults_in_one_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
