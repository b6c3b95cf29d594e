/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The envelope of a reply: header bits, EDNS and its options, refusals of whole messages, CHAOS.
 *
 * links: control
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/answer/scene.h"

#include "dns/message.h"

#define RESOLVER "10.0.0.53"

static int setup(void **state)
{
    *state = scene_new();
    return 0;
}

static int teardown(void **state)
{
    scene_free(*state);
    return 0;
}

static void ask_options(struct scene *scene, const char *from, const void *options, size_t len)
{
    scene_ask(scene, &(struct ask){.name = "www.example.com",
                                   .type = TYPE_A,
                                   .from = from,
                                   .edns = true,
                                   .payload = 1232,
                                   .options = options,
                                   .options_len = (uint16_t)len});
}

static void test_opt_only_for_edns(void **state)
{
    struct scene *scene = *state;
    scene_ask(scene, &(struct ask){.name = "www.example.com", .type = TYPE_A});
    assert_null(packet_opt(&scene->reply));
    assert_false(scene->outcome.edns);
    scene_ask(scene, &(struct ask){.name = "www.example.com", .type = TYPE_A, .edns = true});
    const struct packet_record *opt = packet_opt(&scene->reply);
    assert_non_null(opt);
    assert_int_equal(opt->class, 1232);
    assert_int_equal(opt->ttl, 0);
    assert_int_equal(opt->len, 0);
    assert_true(scene->outcome.edns);
    scene_ask(
        scene,
        &(struct ask){.name = "www.example.com", .type = TYPE_A, .edns = true, .dnssec_ok = true});
    assert_int_equal(packet_opt(&scene->reply)->ttl, 0x8000);
}

static void test_unknown_version_is_badvers(void **state)
{
    struct scene *scene = *state;
    for (unsigned version = 1; version <= 255; version += 127) {
        /* Its options may mean anything: these bytes are none by our reading. */
        scene_ask(scene, &(struct ask){.name = "www.example.com",
                                       .type = TYPE_A,
                                       .edns = true,
                                       .version = (uint8_t)version,
                                       .options = (const uint8_t *)"\1\2\3",
                                       .options_len = 3});
        assert_int_equal(packet_rcode(&scene->reply), RCODE_BADVERS);
        assert_int_equal(scene->reply.flags & 15, 0);
        assert_int_equal(packet_opt(&scene->reply)->ttl >> 16 & 0xff, 0);
        assert_int_equal(scene->reply.counts[0], 1);
        assert_int_equal(scene->reply.counts[1], 0);
        assert_int_equal(scene->outcome.kind, ANSWER_BADVERS);
    }
}

static void test_header_bits(void **state)
{
    struct scene *scene = *state;
    scene_ask(scene, &(struct ask){.name = "www.example.com", .type = TYPE_A, .flags = FLAG_RD});
    assert_int_equal(scene->reply.flags, FLAG_QR | FLAG_AA | FLAG_RD);
    assert_int_equal(scene->reply.id, 4711);
    /* What is not ours to say stays clear: RA, AD, Z; CD (RFC 4035 3.1.6 wants it cleared). */
    scene_ask(scene,
              &(struct ask){.name = "www.example.com",
                            .type = TYPE_A,
                            .flags = FLAG_AA | FLAG_TC | FLAG_RA | 0x40 | FLAG_AD | FLAG_CD});
    assert_int_equal(scene->reply.flags, FLAG_QR | FLAG_AA);
}

static void test_opcodes_are_not_implemented(void **state)
{
    struct scene *scene = *state;
    for (unsigned opcode = 1; opcode < 16; opcode++) {
        uint16_t flags = (uint16_t)(opcode << OPCODE_SHIFT | FLAG_RD);
        scene_ask(scene, &(struct ask){.name = "www.example.com", .type = TYPE_A, .flags = flags});
        assert_int_equal(scene->reply.flags, FLAG_QR | flags | RCODE_NOTIMP);
        assert_int_equal(scene->len, HEADER_BYTES);
    }
}

static void test_nsid(void **state)
{
    struct scene *scene = *state;
    uint16_t len;
    ask_options(scene, NULL, "\0\3\0\0", 4);
    const uint8_t *nsid = packet_option(&scene->reply, 3, &len);
    assert_non_null(nsid);
    assert_int_equal(len, 4);
    assert_memory_equal(nsid, "dc-1", 4);
    ask_options(scene, NULL, NULL, 0);
    assert_null(packet_option(&scene->reply, 3, &len));
    scene->world.scope.nsid_len = 0;
    ask_options(scene, NULL, "\0\3\0\0", 4);
    assert_null(packet_option(&scene->reply, 3, &len));
}

static void test_other_options_are_not_echoed(void **state)
{
    struct scene *scene = *state;
    ask_options(scene, NULL,
                "\0\12\0\10abcdefgh"
                "\xff\xff\0\0"
                "\0\13\0\2\0\1",
                4 + 8 + 4 + 6);
    assert_int_equal(packet_rcode(&scene->reply), RCODE_NOERROR);
    assert_int_equal(packet_opt(&scene->reply)->len, 0);
}

/* From an unlisted client the option is as if it were not there: not used, not echoed, not judged.
 */
static void test_subnet_from_anyone_is_ignored(void **state)
{
    struct scene *scene = *state;
    uint16_t len;
    ask_options(scene, NULL, "\0\10\0\7\0\1\30\0\12\1\2", 11);
    assert_null(packet_option(&scene->reply, 8, &len));
    assert_int_equal(packet_count(&scene->reply, 0, TYPE_A), 2);
    ask_options(scene, "10.4.4.4", "\0\10\0\7\0\1\30\0\xc0\0\2", 11);
    assert_null(packet_option(&scene->reply, 8, &len));
    assert_string_equal(scene_text(scene), "NOERROR aa\nan www.example.com. 20 A 10.0.1.80\n");
    ask_options(scene, NULL, "\0\10\0\7\0\1\7\0\12\1\2", 11); /* malformed */
    assert_int_equal(packet_rcode(&scene->reply), RCODE_NOERROR);
}

static const uint8_t *subnet_ask(struct scene *scene, const void *options, size_t size)
{
    uint16_t len = 0;
    ask_options(scene, RESOLVER, options, size);
    const uint8_t *subnet = packet_option(&scene->reply, 8, &len);
    assert_non_null(subnet);
    assert_int_equal(len, size - 4);
    assert_memory_equal(subnet, (const uint8_t *)options + 4, 3);
    assert_memory_equal(subnet + 4, (const uint8_t *)options + 8, len - 4u);
    return subnet;
}

static void test_subnet_from_a_listed_resolver(void **state)
{
    struct scene *scene = *state;
    /* 192.0.2.0/24 is external although the resolver itself is internal. No other view begins
     * nearer than 192/1: 10/8 lies in the other half. */
    const uint8_t *subnet = subnet_ask(scene, "\0\10\0\7\0\1\30\0\xc0\0\2", 11);
    assert_int_equal(subnet[3], 1);
    assert_int_equal(packet_count(&scene->reply, 0, TYPE_A), 2);
    assert_int_equal(scene->outcome.view, 1);
    /* 10.1.2.0/24: all of 10/8 gets this, half of 10/7 does not. */
    subnet = subnet_ask(scene, "\0\10\0\7\0\1\30\0\12\1\2", 11);
    assert_int_equal(subnet[3], 8);
    assert_string_equal(scene_text(scene), "NOERROR aa\nan www.example.com. 20 A 10.0.1.80\n");
    /* 11/8 parts from 10/8 in the eighth bit. */
    subnet = subnet_ask(scene, "\0\10\0\5\0\1\10\0\13", 9);
    assert_int_equal(subnet[3], 8);
    subnet = subnet_ask(scene, "\0\10\0\12\0\2\60\0\x20\x01\x0d\xb8\0\x10", 14);
    assert_int_equal(subnet[3], 48);
    assert_int_equal(scene->outcome.view, 0);
    /* /0: the resolver's own address decides, and the answer is for all it has (RFC 7871 7.1.2). */
    subnet = subnet_ask(scene, "\0\10\0\4\0\1\0\0", 8);
    assert_int_equal(subnet[3], 0);
    assert_int_equal(scene->outcome.view, 0);
}

/* Where all views answer alike, the whole address space is one. */
static void test_subnet_scope_zero_when_views_agree(void **state)
{
    struct scene *scene = *state;
    uint16_t len;
    scene_ask(scene, &(struct ask){.name = "txt.example.com",
                                   .type = TYPE_TXT,
                                   .from = RESOLVER,
                                   .edns = true,
                                   .options = (const uint8_t *)"\0\10\0\7\0\1\30\0\12\1\2",
                                   .options_len = 11});
    const uint8_t *subnet = packet_option(&scene->reply, 8, &len);
    assert_non_null(subnet);
    assert_int_equal(subnet[3], 0);
}

static void test_malformed_subnet_is_formerr(void **state)
{
    struct scene *scene = *state;
    static const struct {
        const char *bytes;
        size_t len;
    } options[] = {
        {"\0\10\0\0", 4},                       /* empty */
        {"\0\10\0\3\0\1\0", 7},                 /* cut */
        {"\0\10\0\7\0\3\30\0\12\1\2", 11},      /* family 3 */
        {"\0\10\0\7\0\0\30\0\12\1\2", 11},      /* family 0 */
        {"\0\10\0\6\0\1\30\0\12\1", 10},        /* an address byte missing */
        {"\0\10\0\10\0\1\30\0\12\1\2\3", 12},   /* one too many */
        {"\0\10\0\7\0\1\27\0\12\1\3", 11},      /* a bit beyond /23 */
        {"\0\10\0\7\0\1\30\1\12\1\2", 11},      /* scope in a query */
        {"\0\10\0\11\0\1\41\0\12\1\2\3\4", 13}, /* IPv4 /33 */
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        uint16_t len;
        ask_options(scene, RESOLVER, options[i].bytes, options[i].len);
        assert_int_equal(packet_rcode(&scene->reply), RCODE_FORMERR);
        assert_null(packet_option(&scene->reply, 8, &len));
        assert_int_equal(scene->reply.counts[1], 0);
    }
}

static unsigned ede_of(struct scene *scene, const char *name, uint16_t type)
{
    uint16_t len;
    scene_ask(scene, &(struct ask){.name = name, .type = type, .edns = true});
    const uint8_t *ede = packet_option(&scene->reply, 15, &len);
    return ede && len == 2 ? wire_read16(ede) : 0xffff;
}

static void test_extended_errors(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(ede_of(scene, "example.net", TYPE_A), EDE_NOT_AUTHORITATIVE);
    assert_int_equal(ede_of(scene, "x.broken.test", TYPE_A), EDE_NOT_READY);
    assert_int_equal(ede_of(scene, "example.com", TYPE_AXFR), EDE_PROHIBITED);
    assert_int_equal(ede_of(scene, "www.example.com", TYPE_A), 0xffff);
    assert_int_equal(ede_of(scene, "nothing.example.com", TYPE_A), 0xffff);
}

static void test_chaos(void **state)
{
    struct scene *scene = *state;
    struct ask ask = {.name = "VERSION.bind", .type = TYPE_TXT, .class = CLASS_CH};
    scene_ask(scene, &ask);
    assert_int_equal(scene->reply.counts[1], 1);
    assert_int_equal(scene->reply.records[0].class, CLASS_CH);
    assert_int_equal(scene->reply.records[0].ttl, 0);
    assert_memory_equal(scene->wire + scene->reply.records[0].at, "\7horizon", 8);
    ask.type = TYPE_ANY;
    scene_ask(scene, &ask);
    assert_int_equal(scene->reply.counts[1], 1);
    ask.type = TYPE_A;
    scene_ask(scene, &ask);
    assert_string_equal(scene_text(scene), "REFUSED\n");
    ask = (struct ask){.name = "id.server", .type = TYPE_TXT, .class = CLASS_CH};
    scene_ask(scene, &ask);
    assert_string_equal(scene_text(scene), "REFUSED\n"); /* not configured */
    ask.name = "www.example.com";
    scene_ask(scene, &ask);
    assert_string_equal(scene_text(scene), "REFUSED\n");
}

static void test_other_classes_are_refused(void **state)
{
    static const uint16_t classes[] = {2, CLASS_HS, CLASS_NONE, CLASS_ANY, 4711};
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
        scene_ask(scene,
                  &(struct ask){.name = "www.example.com", .type = TYPE_A, .class = classes[i]});
        assert_string_equal(scene_text(scene), "REFUSED\n");
    }
}

/* RFC 1035 7.3 and dns0x20: the question comes back bit for bit, and owners point to it. */
static void test_question_is_echoed_bit_for_bit(void **state)
{
    struct scene *scene = *state;
    uint8_t query[512], reply[4096];
    struct ask ask = {.name = "www.example.com", .type = TYPE_A};
    size_t len = scene_query(&ask, query);
    query[13] = 'W';
    query[18] = 'X';
    query[27] = 'M';
    struct client client = {.transport = TRANSPORT_UDP};
    struct outcome outcome;
    size_t told = answer(scene->world.snapshot, &client, query, len, 1, reply, sizeof(reply),
                         &outcome, NULL, NULL);
    assert_memory_equal(reply + 12, query + 12, len - 12);
    assert_true(packet_read(&scene->reply, reply, told));
    assert_int_equal(scene->reply.counts[1], 2);
    assert_memory_equal(scene->reply.records[0].owner, query + 12, 17);
}

static void test_no_answer_to_a_response_or_a_stub(void **state)
{
    struct scene *scene = *state;
    uint8_t query[512], reply[4096];
    struct ask ask = {.name = "www.example.com", .type = TYPE_A, .flags = FLAG_QR};
    struct client client = {.transport = TRANSPORT_UDP};
    struct outcome outcome;
    size_t len = scene_query(&ask, query);
    assert_int_equal(answer(scene->world.snapshot, &client, query, len, 1, reply, sizeof(reply),
                            &outcome, NULL, NULL),
                     0);
    assert_int_equal(outcome.kind, ANSWER_DROPPED);
    query[2] = 0;
    for (len = 0; len < HEADER_BYTES; len++) {
        assert_int_equal(answer(scene->world.snapshot, &client, query, len, 1, reply, sizeof(reply),
                                &outcome, NULL, NULL),
                         0);
    }
}

/* Malformed in one way or another: a header, the question where it could be read, FORMERR. */
static void test_cut_queries_are_formerr(void **state)
{
    struct scene *scene = *state;
    uint8_t query[512], reply[4096];
    struct ask ask = {.name = "www.example.com",
                      .type = TYPE_A,
                      .edns = true,
                      .options = (const uint8_t *)"\0\3\0\0",
                      .options_len = 4};
    struct client client = {.transport = TRANSPORT_UDP};
    struct outcome outcome;
    size_t whole = scene_query(&ask, query);
    for (size_t len = HEADER_BYTES; len < whole; len++) {
        size_t told = answer(scene->world.snapshot, &client, query, len, 1, reply, sizeof(reply),
                             &outcome, NULL, NULL);
        assert_true(packet_read(&scene->reply, reply, told));
        assert_int_equal(scene->reply.flags & 15, RCODE_FORMERR);
        assert_int_equal(scene->reply.counts[0], len >= HEADER_BYTES + 21);
        assert_int_equal(outcome.kind, ANSWER_FORMERR);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_opt_only_for_edns),
        TEST(test_unknown_version_is_badvers),
        TEST(test_header_bits),
        TEST(test_opcodes_are_not_implemented),
        TEST(test_nsid),
        TEST(test_other_options_are_not_echoed),
        TEST(test_subnet_from_anyone_is_ignored),
        TEST(test_subnet_from_a_listed_resolver),
        TEST(test_subnet_scope_zero_when_views_agree),
        TEST(test_malformed_subnet_is_formerr),
        TEST(test_extended_errors),
        TEST(test_chaos),
        TEST(test_other_classes_are_refused),
        TEST(test_question_is_echoed_bit_for_bit),
        TEST(test_no_answer_to_a_response_or_a_stub),
        TEST(test_cut_queries_are_formerr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
