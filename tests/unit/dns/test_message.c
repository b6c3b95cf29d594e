/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reading queries: a table of packets, each malformed in its own way, and what is read of good
 * ones. Packets are hexadecimal, in pieces with names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dns/message.h"

#include <stdlib.h>
#include <string.h>

/* ID and flags; counts of question, answer, authority, additional. */
#define HEADER(flags, counts) "1267" flags counts
#define ONE "0001000000000000"
#define ONE_AND_OPT "0001000000000001"
#define NAME           \
    "0377777707657861" \
    "6d706c6500" /* www.example. */
#define QUESTION NAME "00010001"
#define OPT(payload, ttl, data) "000029" payload ttl data
#define PLAIN_OPT OPT("04d0", "00000000", "0000")
#define IN_ANSWER HEADER("0100", "0001000100000000") QUESTION
#define IN_AUTHORITY HEADER("0100", "0001000000010000") QUESTION
#define IN_ADDITIONAL HEADER("0100", ONE_AND_OPT) QUESTION
#define RECORD_A \
    "c00c"       \
    "00010001"   \
    "0000003c"   \
    "0004c0000201"

enum {
    QUESTION_BYTES = 17
};

struct row {
    const char *what, *packet;
    enum query_verdict verdict;
    unsigned question_len;
};

static unsigned digit(char text)
{
    return text <= '9' ? (unsigned)(text - '0') : (unsigned)(text - 'a' + 10);
}

/* A heap block of exactly the packet's size, so that a byte too far is seen. */
static uint8_t *packet_from(const char *text, size_t *len)
{
    *len = strlen(text) / 2;
    uint8_t *packet = malloc(*len ? *len : 1);
    assert_non_null(packet);
    for (size_t i = 0; i < *len; i++) {
        packet[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
    }
    return packet;
}

static void rows_check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t len;
        uint8_t *packet = packet_from(rows[i].packet, &len);
        struct query query;
        enum query_verdict verdict = query_read(packet, len, &query);
        if (verdict != rows[i].verdict || query.question_len != rows[i].question_len) {
            fail_msg("%s: verdict %d, question of %u bytes", rows[i].what, verdict,
                     query.question_len);
        }
        free(packet);
    }
}

static void test_headers(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"nothing", "", QUERY_DROP, 0},
        {"11 bytes",
         "12670000000100000000"
         "00",
         QUERY_DROP, 0},
        {"a response", HEADER("8000", ONE) QUESTION, QUERY_DROP, 0},
        {"a response with nothing in it", HEADER("8180", "0000000000000000"), QUERY_DROP, 0},
        {"a header alone", HEADER("0000", "0000000000000000"), QUERY_FORMERR, 0},
        {"a question promised", HEADER("0000", ONE), QUERY_FORMERR, 0},
        {"no question promised", HEADER("0000", "0000000000000000") QUESTION, QUERY_FORMERR, 0},
        {"two questions", HEADER("0000", "0002000000000000") QUESTION QUESTION, QUERY_FORMERR, 0},
        {"65535 questions", HEADER("0000", "ffff000000000000") QUESTION, QUERY_FORMERR, 0},
        {"opcode IQUERY", HEADER("0800", ONE) QUESTION, QUERY_NOTIMP, 0},
        {"opcode NOTIFY", HEADER("2400", ONE) QUESTION, QUERY_NOTIMP, 0},
        {"opcode UPDATE, no question", HEADER("2800", "0000000000000000"), QUERY_NOTIMP, 0},
        {"opcode 15, garbage", HEADER("7800", "ffffffffffffffff") "ff", QUERY_NOTIMP, 0},
        {"every flag but QR", HEADER("07ff", ONE) QUESTION, QUERY_OK, QUESTION_BYTES},
    };
    rows_check(rows, sizeof(rows) / sizeof(*rows));
}

static void test_questions(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"plain", HEADER("0100", ONE) QUESTION, QUERY_OK, QUESTION_BYTES},
        {"the root",
         HEADER("0100", ONE) "00"
                             "00020001",
         QUERY_OK, 5},
        {"class missing", HEADER("0100", ONE) NAME "0001", QUERY_FORMERR, 0},
        {"class cut", HEADER("0100", ONE) NAME "000100", QUERY_FORMERR, 0},
        {"type missing", HEADER("0100", ONE) NAME, QUERY_FORMERR, 0},
        {"name cut", HEADER("0100", ONE) "0377777707", QUERY_FORMERR, 0},
        {"a pointer",
         HEADER("0100", ONE) "c00c"
                             "00010001",
         QUERY_FORMERR, 0},
        {"a pointer after a label",
         HEADER("0100", ONE) "0161c000"
                             "00010001",
         QUERY_FORMERR, 0},
        {"label type 01",
         HEADER("0100", ONE) "4161"
                             "00"
                             "00010001",
         QUERY_FORMERR, 0},
        {"label type 10",
         HEADER("0100", ONE) "8161"
                             "00"
                             "00010001",
         QUERY_FORMERR, 0},
        {"a byte behind", HEADER("0100", ONE) QUESTION "00", QUERY_FORMERR, QUESTION_BYTES},
        {"a second question behind", HEADER("0100", ONE) QUESTION QUESTION, QUERY_FORMERR,
         QUESTION_BYTES},
    };
    rows_check(rows, sizeof(rows) / sizeof(*rows));
}

static void test_records_behind(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"a record in the answer section", IN_ANSWER RECORD_A, QUERY_OK, QUESTION_BYTES},
        {"a record in the authority section", IN_AUTHORITY RECORD_A, QUERY_OK, QUESTION_BYTES},
        {"a record in the additional section", IN_ADDITIONAL RECORD_A, QUERY_OK, QUESTION_BYTES},
        {"a record promised", IN_ADDITIONAL, QUERY_FORMERR, QUESTION_BYTES},
        {"196605 records promised", HEADER("0100", "0001ffffffffffff") QUESTION RECORD_A,
         QUERY_FORMERR, QUESTION_BYTES},
        {"a record not promised", HEADER("0100", ONE) QUESTION RECORD_A, QUERY_FORMERR,
         QUESTION_BYTES},
        {"data cut",
         IN_ANSWER "c00c"
                   "00010001"
                   "0000003c"
                   "0004c00002",
         QUERY_FORMERR, QUESTION_BYTES},
        {"head cut",
         IN_ANSWER "c00c"
                   "00010001"
                   "0000003c"
                   "00",
         QUERY_FORMERR, QUESTION_BYTES},
        {"owner cut", IN_ANSWER "c0", QUERY_FORMERR, QUESTION_BYTES},
        {"owner points to itself",
         IN_ANSWER "c01d"
                   "00010001"
                   "0000003c"
                   "0000",
         QUERY_FORMERR, QUESTION_BYTES},
        {"owner points forward",
         IN_ANSWER "c01f"
                   "00010001"
                   "0000003c"
                   "0000",
         QUERY_FORMERR, QUESTION_BYTES},
        {"owner of label type 10",
         IN_ANSWER "8000"
                   "00010001"
                   "0000003c"
                   "0000",
         QUERY_FORMERR, QUESTION_BYTES},
    };
    rows_check(rows, sizeof(rows) / sizeof(*rows));
}

static void test_opt(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"OPT in the answer section", IN_ANSWER PLAIN_OPT, QUERY_FORMERR, QUESTION_BYTES},
        {"OPT in the authority section", IN_AUTHORITY PLAIN_OPT, QUERY_FORMERR, QUESTION_BYTES},
        {"two OPT", HEADER("0100", "0001000000000002") QUESTION PLAIN_OPT PLAIN_OPT, QUERY_FORMERR,
         QUESTION_BYTES},
        {"OPT then a record", HEADER("0100", "0001000000000002") QUESTION PLAIN_OPT RECORD_A,
         QUERY_OK, QUESTION_BYTES},
        {"a record then OPT", HEADER("0100", "0001000000000002") QUESTION RECORD_A PLAIN_OPT,
         QUERY_OK, QUESTION_BYTES},
        {"OPT with an owner",
         IN_ADDITIONAL "c00c"
                       "0029"
                       "04d0"
                       "00000000"
                       "0000",
         QUERY_FORMERR, QUESTION_BYTES},
        {"OPT of version 1", IN_ADDITIONAL OPT("04d0", "00010000", "0000"), QUERY_BADVERS,
         QUESTION_BYTES},
        {"OPT of version 1, odd options", IN_ADDITIONAL OPT("04d0", "00010000", "0003ffffff"),
         QUERY_BADVERS, QUESTION_BYTES},
        {"OPT of version 1, a byte behind", IN_ADDITIONAL OPT("04d0", "00010000", "0000") "00",
         QUERY_FORMERR, QUESTION_BYTES},
        {"an option cut in its head", IN_ADDITIONAL OPT("04d0", "00000000", "0003000300"),
         QUERY_FORMERR, QUESTION_BYTES},
        {"an option longer than OPT", IN_ADDITIONAL OPT("04d0", "00000000", "0005000a0002ff"),
         QUERY_FORMERR, QUESTION_BYTES},
        {"OPT longer than the packet", IN_ADDITIONAL OPT("04d0", "00000000", "0001"), QUERY_FORMERR,
         QUESTION_BYTES},
    };
    rows_check(rows, sizeof(rows) / sizeof(*rows));
}

static void read_text(const char *text, struct query *query)
{
    size_t len;
    uint8_t *packet = packet_from(text, &len);
    assert_int_equal(query_read(packet, len, query), QUERY_OK);
    query->subnet.raw = NULL; /* goes with the packet */
    free(packet);
}

static void test_fields(void **state)
{
    (void)state;
    struct query query;
    read_text(HEADER("0110", ONE) "0357775707457861"
                                  "4d706c6500"
                                  "00ff0003",
              &query);
    assert_int_equal(query.id, 0x1267);
    assert_int_equal(query.flags, FLAG_RD | FLAG_CD);
    assert_int_equal(query.opcode, OPCODE_QUERY);
    assert_int_equal(query.qtype, TYPE_ANY);
    assert_int_equal(query.qclass, CLASS_CH);
    assert_int_equal(query.name_len, 13);
    assert_memory_equal(query.name, "\3www\7example", 13);
    assert_false(query.edns);
    read_text(HEADER("0000", ONE_AND_OPT) QUESTION OPT("1000", "00008000",
                                                       "0004"
                                                       "00030000"),
              &query);
    assert_true(query.edns && query.dnssec_ok && query.nsid_asked);
    assert_int_equal(query.udp_payload, 4096);
    assert_int_equal(query.edns_version, 0);
    /* The extended rcode and the Z bits of a query mean nothing. */
    read_text(HEADER("0000", ONE_AND_OPT) QUESTION OPT("0000", "ff007fff", "0000"), &query);
    assert_true(query.edns);
    assert_false(query.dnssec_ok || query.nsid_asked);
    assert_int_equal(query.udp_payload, 0);
}

static void test_client_subnet(void **state)
{
    (void)state;
    static const struct {
        const char *option; /* data alone */
        bool valid;
        unsigned bits;
        const char *address;
    } rows[] = {
        {"00011800c00002", true, 24, "192.0.2.0"},
        {"00010000", true, 0, "0.0.0.0"},
        {"00012000c0000201", true, 32, "192.0.2.1"},
        {"00011700c00002", true, 23, "192.0.2.0"},
        {"0001010080", true, 1, "128.0.0.0"},
        {"0002300020010db80001", true, 48, "2001:db8:1::"},
        {"0002800020010db8000000000000000000000001", true, 128, "2001:db8::1"},
        {"00020000", true, 0, "::"},
        {"", false, 0, NULL},
        {"000118", false, 0, NULL},
        {"00001800c00002", false, 0, NULL},
        {"00031800c00002", false, 0, NULL},
        {"01011800c00002", false, 0, NULL}, /* the family has two bytes */
        {"00011700c00003", false, 0, NULL}, /* a bit beyond the prefix */
        {"00011801c00002", false, 0, NULL}, /* a scope in a query */
        {"00011800c000", false, 0, NULL},
        {"00011800c0000200", false, 0, NULL},
        {"00012100c000020100", false, 0, NULL},
        {"0002810020010db800000000000000000000000100", false, 0, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char packet[256] = HEADER("0000", ONE_AND_OPT) QUESTION "000029"
                                                                "04d0"
                                                                "00000000";
        static const char digits[] = "0123456789abcdef";
        size_t at = strlen(packet), len = strlen(rows[i].option) / 2;
        const char lengths[] = {
            '0', '0', digits[(len + 4) / 16], digits[(len + 4) % 16], '0', '0', '0', '8',
            '0', '0', digits[len / 16],       digits[len % 16]};
        memcpy(packet + at, lengths, sizeof(lengths));
        memcpy(packet + at + sizeof(lengths), rows[i].option, 2 * len + 1);
        struct query query;
        read_text(packet, &query);
        assert_true(query.subnet.present);
        assert_int_equal(query.subnet.raw_len, len);
        if (query.subnet.valid != rows[i].valid) {
            fail_msg("subnet %s", rows[i].option);
        }
        if (rows[i].valid) {
            char text[ADDRESS_TEXT_BYTES];
            assert_int_equal(query.subnet.source_bits, rows[i].bits);
            assert_string_equal(address_to_text(&query.subnet.address, text), rows[i].address);
        }
    }
}

/* Options beyond the limit are walked over, not read. */
static void test_many_options(void **state)
{
    (void)state;
    for (unsigned others = 62; others <= 66; others++) {
        size_t len;
        uint8_t *start = packet_from(HEADER("0000", ONE_AND_OPT) QUESTION PLAIN_OPT, &len);
        uint8_t *packet = calloc(1, len + (others + 1) * 4);
        assert_non_null(packet);
        memcpy(packet, start, len);
        wire_write16(packet + len - 2, (others + 1) * 4);
        for (unsigned i = 0; i < others; i++) {
            wire_write16(packet + len + 4 * i, 65001);
        }
        wire_write16(packet + len + 4 * others, 3);
        struct query query;
        assert_int_equal(query_read(packet, len + (others + 1) * 4, &query), QUERY_OK);
        assert_int_equal(query.nsid_asked, others < 64);
        free(packet);
        free(start);
    }
}

/* A query of the largest size, all of it one option: read, and quickly. */
static void test_largest_packet(void **state)
{
    (void)state;
    size_t len, size = 65535;
    uint8_t *start = packet_from(HEADER("0000", ONE_AND_OPT) QUESTION PLAIN_OPT, &len);
    uint8_t *packet = calloc(1, size);
    assert_non_null(packet);
    memcpy(packet, start, len);
    wire_write16(packet + len - 2, (unsigned)(size - len));
    wire_write16(packet + len, 12); /* padding */
    wire_write16(packet + len + 2, (unsigned)(size - len - 4));
    struct query query;
    assert_int_equal(query_read(packet, size, &query), QUERY_OK);
    assert_int_equal(query_read(packet, size - 1, &query), QUERY_FORMERR);
    free(packet);
    free(start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_records_behind), cmocka_unit_test(test_opt),
        cmocka_unit_test(test_fields),         cmocka_unit_test(test_client_subnet),
        cmocka_unit_test(test_many_options),   cmocka_unit_test(test_largest_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
