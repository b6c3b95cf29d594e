/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Zone text to records: every type, every directive, and mistakes told with their exact line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/limits.h"
#include "dns/name.h"
#include "dns/type.h"
#include "dns/zonetext.h"
#include "unit/failing.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const uint8_t ZONE[] = "\7example\3com";

/* A folder of texts, to include from. */
struct file {
    const char *name, *text;
};
struct folder {
    const struct file *files;
    int open, opened;
};

static int folder_open(void *ctx, const char *from, const char *name, struct place place,
                       struct diag_list *diags, const char **file, const char **text, size_t *len)
{
    struct folder *folder = ctx;
    assert_non_null(from);
    for (const struct file *f = folder->files; f->name; f++) {
        if (strcmp(f->name, name) == 0) {
            folder->open++;
            folder->opened++;
            *file = f->name;
            *text = f->text;
            *len = strlen(f->text);
            return ERR_OK;
        }
    }
    diag_add(diags, SEVERITY_ERROR, place, NULL, "no file %s", name);
    return ERR_NOT_FOUND;
}

static void folder_close(void *ctx, const char *text, size_t len)
{
    struct folder *folder = ctx;
    assert_int_equal(strlen(text), len);
    folder->open--;
}

struct parsed {
    struct records records;
    struct diag_list diags;
    int err;
    char text[16384]; /* one record a line: FILE:LINE OWNER TTL TYPE RDATA */
    char faults[16384];
};

static void parsed_print(struct parsed *parsed)
{
    struct records_iter iter;
    struct record record;
    size_t at = 0;
    parsed->text[0] = parsed->faults[0] = '\0';
    for (records_iter_init(&iter, &parsed->records); records_iter_next(&iter, &record);) {
        char owner[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], rdata[4096];
        assert_true(
            rdata_to_text(record.type, record.rdata, record.rdata_len, rdata, sizeof(rdata)) >= 0);
        at += (size_t)snprintf(parsed->text + at, sizeof(parsed->text) - at, "%s:%u %s %u %s %s\n",
                               parsed->records.files[record.file], record.line,
                               name_to_text(record.owner, owner), record.ttl,
                               type_to_text(record.type, type), rdata);
        assert_true(at < sizeof(parsed->text));
    }
    at = 0;
    for (const struct diag *diag = parsed->diags.first; diag; diag = diag->next) {
        at += diag_format(diag, parsed->faults + at, sizeof(parsed->faults) - at - 1);
        parsed->faults[at++] = '\n';
        parsed->faults[at] = '\0';
    }
}

static struct parsed *parse_source(const struct zonetext_source *source)
{
    static struct parsed parsed;
    records_init(&parsed.records, &ALLOC_MALLOC);
    diag_init(&parsed.diags, &ALLOC_MALLOC);
    parsed.err = zonetext_parse(source, &parsed.records, &parsed.diags);
    assert_int_equal(parsed.err == ERR_OK, parsed.diags.errors == 0);
    return &parsed;
}

static struct zonetext_source source_of(const char *text)
{
    return (struct zonetext_source){.file = "z",
                                    .text = text,
                                    .len = strlen(text),
                                    .first_line = 1,
                                    .origin = ZONE,
                                    .default_ttl = 3600};
}

static struct parsed *parse(const char *text)
{
    struct zonetext_source source = source_of(text);
    struct parsed *parsed = parse_source(&source);
    parsed_print(parsed);
    return parsed;
}

static void parsed_deinit(struct parsed *parsed)
{
    records_deinit(&parsed->records);
    diag_deinit(&parsed->diags);
}

static void expect(const char *text, const char *records)
{
    struct parsed *parsed = parse(text);
    assert_string_equal(parsed->faults, "");
    assert_string_equal(parsed->text, records);
    parsed_deinit(parsed);
}

/* The first finding must begin with `fault`; all findings together are `count`. */
static void expect_fault(const char *text, const char *fault, unsigned count)
{
    struct parsed *parsed = parse(text);
    assert_int_equal(parsed->err, ERR_INVALID);
    if (strncmp(parsed->faults, fault, strlen(fault)) != 0) {
        fail_msg("expected '%s', got '%s'", fault, parsed->faults);
    }
    assert_int_equal(parsed->diags.errors, count);
    parsed_deinit(parsed);
}

/* Each type that libzscanner reads: as written, and as it comes back. */
static const struct {
    const char *type, *in, *out;
} TYPES[] = {
    {"A", "192.0.2.1", NULL},
    {"NS", "ns1", "ns1.example.com."},
    {"CNAME", "Other.Example.ORG.", NULL},
    {"SOA", "ns1 hostmaster 1 1h 10m 1d 60",
     "ns1.example.com. hostmaster.example.com. 1 3600 600 86400 60"},
    {"PTR", "@", "example.com."},
    {"HINFO", "\"CPU\" \"OS\"", NULL},
    {"MINFO", "a. b.", NULL},
    {"MX", "10 mail", "10 mail.example.com."},
    {"TXT", "\"a b\" c \"\\\"\" \"\\001\"", "\"a b\" \"c\" \"\\\"\" \"\\001\""},
    {"RP", "a. b.", NULL},
    {"AFSDB", "1 a.", NULL},
    {"RT", "1 a.", NULL},
    {"KEY", "256 3 8 AQID", NULL},
    {"AAAA", "2001:DB8::1", "2001:db8::1"},
    {"LOC", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m",
     "52 22 23 N  4 53 32 E  -2m  0m 10000m 10m"},
    {"SRV", "1 2 443 a.", NULL},
    {"NAPTR", "1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" .", NULL},
    {"KX", "1 a.", NULL},
    {"CERT", "1 2 3 AQID", NULL},
    {"DNAME", "other.", NULL},
    {"APL", "1:192.0.2.0/24 !2:2001:db8::/32", NULL},
    {"DS", "1 8 2 0102", NULL},
    {"SSHFP", "1 1 0102", NULL},
    {"IPSECKEY", "10 1 2 192.0.2.38 AQID", NULL},
    {"RRSIG", "A 8 2 60 20300101000000 20200101000000 1 example.com. AQID", NULL},
    {"NSEC", "b. A NS TYPE1234", NULL},
    {"DNSKEY", "257 3 8 AQID", NULL},
    {"DHCID", "AQID", NULL},
    {"NSEC3", "1 0 1 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A", NULL},
    {"NSEC3PARAM", "1 0 1 AABB", NULL},
    {"TLSA", "3 1 1 0102", NULL},
    {"SMIMEA", "3 1 1 0102", NULL},
    {"CDS", "1 8 2 0102", NULL},
    {"CDNSKEY", "257 3 8 AQID", NULL},
    {"OPENPGPKEY", "AQID", NULL},
    {"CSYNC", "1 3 A NS", NULL},
    {"ZONEMD", "1 1 1 0102", NULL},
    {"SPF", "\"v=spf1 -all\"", NULL},
    {"NID", "1 0014:4FFF:FF20:EE64", NULL},
    {"L32", "1 10.1.2.0", NULL},
    {"L64", "1 2001:0DB8:1140:1000", NULL},
    {"LP", "1 a.", NULL},
    {"EUI48", "00-00-5E-00-53-2A", NULL},
    {"EUI64", "00-00-5E-EF-10-00-00-2A", NULL},
    {"URI", "10 1 \"https://a/\"", NULL},
    {"CAA", "0 issue \"ca.test\"", NULL},
    {"SVCB", "1 a. alpn=h2,h3 port=8443", "1 a. alpn=h2,h3 port=8443"},
    {"HTTPS", "1 . ipv4hint=192.0.2.1 ipv6hint=2001:db8::1", NULL},
    {"TYPE65280", "\\# 3 010203", NULL},
    {"TYPE65281", "\\# 0", NULL},
};

static void test_every_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
        char text[512], again[4200], rdata[2][4096];
        const char *want = TYPES[i].out ? TYPES[i].out : TYPES[i].in;
        snprintf(text, sizeof(text), "x 5 IN %s %s\n", TYPES[i].type, TYPES[i].in);
        for (int round = 0; round < 2; round++) {
            struct parsed *parsed = parse(round ? again : text);
            assert_string_equal(parsed->faults, "");
            struct records_iter iter;
            struct record record;
            records_iter_init(&iter, &parsed->records);
            assert_true(records_iter_next(&iter, &record));
            assert_int_equal(record.ttl, 5);
            char type[TYPE_TEXT_MAX];
            assert_string_equal(type_to_text(record.type, type), TYPES[i].type);
            int len = rdata_to_text(record.type, record.rdata, record.rdata_len, rdata[round],
                                    sizeof(rdata[round]));
            assert_int_equal(len, strlen(rdata[round]));
            parsed_deinit(parsed);
            snprintf(again, sizeof(again), "x 5 IN %s %s\n", type, rdata[0]);
        }
        if (strcasecmp(rdata[0], want) != 0) {
            fail_msg("%s: '%s' came back as '%s'", TYPES[i].type, want, rdata[0]);
        }
        assert_string_equal(rdata[0], rdata[1]);
    }
}

static void test_lines_owners_and_ttls(void **state)
{
    (void)state;
    expect("; comment\n"
           "\n"
           "$TTL 1h\n"
           "@ SOA ns1 h (\n"
           "    1 ; serial\n"
           "    2 3 4 5 )\n"
           "\tNS NS1\n"
           "WWW 60 A 192.0.2.1\n"
           "    IN 61 A 192.0.2.2 ; two\n"
           "  \n"
           "$ORIGIN sub.example.com.\n"
           "a A 192.0.2.3\n"
           "$ORIGIN example.com.\n"
           "$TTL 7\n"
           "b MX (\n"
           " 1\n"
           " B )\n"
           "c.example.com. A 192.0.2.4\n",
           "z:4 example.com. 3600 SOA ns1.example.com. h.example.com. 1 2 3 4 5\n"
           "z:7 example.com. 3600 NS NS1.example.com.\n"
           "z:8 www.example.com. 60 A 192.0.2.1\n"
           "z:9 www.example.com. 61 A 192.0.2.2\n"
           "z:12 a.sub.example.com. 3600 A 192.0.2.3\n"
           "z:15 b.example.com. 7 MX 1 B.example.com.\n"
           "z:18 c.example.com. 7 A 192.0.2.4\n");
    expect("a A (\n192.0.2.1 )\nb A 192.0.2.2\n",
           "z:1 a.example.com. 3600 A 192.0.2.1\nz:3 b.example.com. 3600 A 192.0.2.2\n");
}

static void test_ends_of_text(void **state)
{
    (void)state;
    expect("", "");
    expect("\n", "");
    expect("; only a comment", "");
    expect("a A 192.0.2.1", "z:1 a.example.com. 3600 A 192.0.2.1\n");
    expect("a A 192.0.2.1\n  A 192.0.2.2", "z:1 a.example.com. 3600 A 192.0.2.1\n"
                                           "z:2 a.example.com. 3600 A 192.0.2.2\n");
    expect("a TXT x ; c", "z:1 a.example.com. 3600 TXT \"x\"\n");
    expect("\xef\xbb\xbf"
           "a A 192.0.2.1\n",
           "z:1 a.example.com. 3600 A 192.0.2.1\n");
}

static void test_newlines_of_other_systems(void **state)
{
    (void)state;
    expect("$TTL 5\r\na A 192.0.2.1\r\n\r\nb TXT (\r\n \"x\" )\r\n",
           "z:2 a.example.com. 5 A 192.0.2.1\nz:4 b.example.com. 5 TXT \"x\"\n");
    expect("a A 192.0.2.1\r", "z:1 a.example.com. 3600 A 192.0.2.1\n");
    expect_fault("a A 192.0.2.1\nb A 192.\r0.2.2\n", "z:2: error: ", 1);
}

static void test_first_line_of_a_snippet(void **state)
{
    (void)state;
    struct zonetext_source source = source_of("a.example.com. A 1.2.3.4\nb A x\n");
    source.first_line = 40;
    struct parsed *parsed = parse_source(&source);
    parsed_print(parsed);
    assert_string_equal(parsed->text, "z:40 a.example.com. 3600 A 1.2.3.4\n");
    assert_int_equal(parsed->diags.first->place.line, 41);
    parsed_deinit(parsed);
}

static void test_mistakes_have_their_line_and_mend(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fault;
    } rows[] = {
        {"\n\na A 10.0.0.300\n",
         "z:3: error: invalid IPv4 address in 'a A 10.0.0.300'; the data of A"},
        {"a A ::1", "z:1: error: invalid address character in 'a A ::1'; the data of A is an IPv4"},
        {"a AAAA 1.2.3.4",
         "z:1: error: invalid IPv6 address in 'a AAAA 1.2.3.4'; the data of AAAA"},
        {"a MX mail",
         "z:1: error: invalid number in 'a MX mail'; the data of MX is PREFERENCE NAME"},
        {"a FOO bar", "z:1: error: unknown record type 'FOO' in 'a FOO bar'; a record is OWNER"},
        {"a CH TXT x", "z:1: error: class CH in 'a CH TXT x'; only class IN is served"},
        {"a 60 HS TXT x", "z:1: error: class HS"},
        {"a CLASS3 TXT x", "z:1: error: class CLASS3"},
        {"a 60 IN", "z:1: error: no record type in 'a 60 IN'; a record is OWNER"},
        {"a TXT \"x\nb A 192.0.2.1\n",
         "z:1: error: a quote that is not closed in 'a TXT \"x'; close it"},
        {"a TXT \"\xc3\xa9\"",
         "z:1: error: invalid text character in 'a TXT \"\?\?\"'; write a byte"},
        {"a CNAME b c", "z:1: error: unexpected data in 'a CNAME b c'; quote a text"},
        {" A 192.0.2.1",
         "z:1: error: previous owner is invalid in 'A 192.0.2.1'; a line that begins"},
        {"a SOA b c (\n 1 2 3\n 4 x )\nb A 192.0.2.1\n",
         "z:3: error: invalid number in '4 x )', in the record that begins at line 1; the data"},
        {"a A 192.0.2.1\nb TXT (x\nc A 192.0.2.1\n",
         "z:2: error: a '(' that is not closed in 'b TXT (x'"},
        {"a A 192.0.2.1 )\n",
         "z:1: error: too many right parentheses in 'a A 192.0.2.1 )'; remove"},
        {"$TTL x\n", "z:1: error: invalid $TTL in '$TTL x'; it takes a number"},
        {"\n$ORIGIN foo\n",
         "z:2: error: invalid $ORIGIN in '$ORIGIN foo'; it takes one complete name"},
        {"$GENERATE 1-2 a A 1.2.3.4\n",
         "z:1: error: unknown directive in '$GENERATE 1-2 a A 1.2.3.4'"},
        {"$INCLUDE x\n", "z:1: error: $INCLUDE is not possible here; put the records here"},
        {"a.example.org. A 192.0.2.1\n",
         "z:1: error: a.example.org. is outside the zone example.com.; move the record"},
        {"example.co. A 192.0.2.1\n", "z:1: error: example.co. is outside the zone"},
        {"xexample.com. A 192.0.2.1\n", "z:1: error: xexample.com. is outside the zone"},
        {"com. A 192.0.2.1\n", "z:1: error: com. is outside the zone"},
        {"a TYPE1 \\# 3 010203\n", "z:1: error: these bytes are no data of type A; write the data"},
        {"a TYPE15 \\# 4 0001c00c\n", "z:1: error: these bytes are no data of type MX"},
        {"a TYPE2 \\# 4 01410001\n", "z:1: error: these bytes are no data of type NS"},
        {"a TYPE41 \\# 0\n", "z:1: error: TYPE41 cannot stand in a zone"},
        {"a TYPE255 \\# 0\n", "z:1: error: TYPE255 cannot stand in a zone"},
        {"a TYPE0 \\# 0\n", "z:1: error: TYPE0 cannot stand in a zone"},
        {"a TYPE65280 \\# 3 0102\n", "z:1: error: the rdata length statement is incorrect in"},
        {"a 4294967296 A 192.0.2.1\n", "z:1: error: number is bigger than 32 bits"},
        {"a A 192.0.2.1\\\n", "z:1: error: "},
        {"$TTL(1\n", "z:1: error: invalid $TTL in '$TTL(1'; it takes"},
        {"$INCLUDE(1\x14", "z:1: error: a '(' that is not closed in '$INCLUDE(1?'; write"},
        {"a SOA b c ( 1\n2 x\n3 4\n", "z:2: error: invalid number in '2 x', in the record that"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect_fault(rows[i].text, rows[i].fault, 1);
    }
}

static void test_goes_on_after_a_mistake(void **state)
{
    (void)state;
    struct parsed *parsed = parse("a A x\nb A 192.0.2.1\nc SOA a b ( 1\n 2 x ) \nd A 192.0.2.2\n"
                                  "  A y\ne.org. A 192.0.2.1\n A 192.0.2.2\nf A 192.0.2.3\n");
    assert_int_equal(parsed->diags.errors, 5);
    static const uint32_t lines[] = {1, 4, 6, 7, 8};
    const struct diag *diag = parsed->diags.first;
    for (size_t i = 0; i < 5; i++, diag = diag->next) {
        assert_int_equal(diag->place.line, lines[i]);
        assert_int_equal(diag->severity, SEVERITY_ERROR);
    }
    assert_string_equal(parsed->text, "z:2 b.example.com. 3600 A 192.0.2.1\n"
                                      "z:5 d.example.com. 3600 A 192.0.2.2\n"
                                      "z:9 f.example.com. 3600 A 192.0.2.3\n");
    parsed_deinit(parsed);
}

static void test_many_mistakes_are_counted(void **state)
{
    (void)state;
    static char text[8 * 5000 + 1];
    for (int i = 0; i < 5000; i++) {
        memcpy(text + 8 * i, "a A 1.x\n", 8);
    }
    struct zonetext_source source = source_of(text);
    struct parsed *parsed = parse_source(&source);
    assert_int_equal(parsed->diags.errors, 5000);
    assert_int_equal(parsed->diags.lost, 5000 - LIMIT_DIAGS);
    parsed_deinit(parsed);
}

static void test_huge_text(void **state)
{
    (void)state;
    /* 255 strings of 255 bytes and one of 254: 65,535 bytes of rdata, the most there can be. */
    static char text[400000];
    size_t at = (size_t)sprintf(text, "a TXT");
    for (int i = 0; i < 256; i++) {
        at +=
            (size_t)sprintf(text + at, " \"%.*s\"", i == 255 ? 254 : 255,
                            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    }
    sprintf(text + at, "\nb A 192.0.2.1\n");
    struct zonetext_source source = source_of(text);
    struct parsed *parsed = parse_source(&source);
    struct records_iter iter;
    struct record record;
    assert_int_equal(parsed->err, ERR_OK);
    records_iter_init(&iter, &parsed->records);
    assert_true(records_iter_next(&iter, &record));
    assert_int_equal(record.rdata_len, 65535);
    static char out[300000];
    assert_true(rdata_to_text(record.type, record.rdata, record.rdata_len, out, sizeof(out)) >
                65535);
    assert_int_equal(rdata_to_text(record.type, record.rdata, record.rdata_len, out, 100), -1);
    assert_string_equal(out, "");
    assert_true(records_iter_next(&iter, &record));
    assert_int_equal(record.line, 2);
    parsed_deinit(parsed);

    sprintf(text + at, " x\nb A 192.0.2.1\n"); /* two bytes more */
    parsed = parse_source(&(struct zonetext_source){
        .file = "z", .text = text, .len = strlen(text), .first_line = 1, .origin = ZONE});
    assert_int_equal(parsed->err, ERR_INVALID);
    assert_int_equal(parsed->records.count, 1);
    parsed_deinit(parsed);
}

static void test_malformed_rdata_is_shown_as_bytes(void **state)
{
    (void)state;
    char out[64];
    assert_true(rdata_to_text(TYPE_MX, (const uint8_t *)"\0\1\5x", 4, out, sizeof(out)) > 0);
    assert_string_equal(out, "\\# 4 00010578");
    assert_int_equal(rdata_to_text(TYPE_A, (const uint8_t *)"\1\2\3\4", 4, out, 0), -1);
}

/* $INCLUDE */

static struct parsed *parse_folder(struct folder *folder, const char *text)
{
    struct zonetext_source source = source_of(text);
    source.include_open = folder_open;
    source.include_close = folder_close;
    source.include_ctx = folder;
    struct parsed *parsed = parse_source(&source);
    assert_int_equal(folder->open, 0);
    parsed_print(parsed);
    return parsed;
}

static void test_includes(void **state)
{
    (void)state;
    static const struct file files[] = {
        {"hosts", "a A 192.0.2.1\n$ORIGIN deeper.example.com.\n$TTL 9\nb A 192.0.2.2"},
        {"part/more", "\nc A 192.0.2.3\n$INCLUDE hosts\nd A 192.0.2.4\n"},
        {"/etc/absolute", "e A 192.0.2.5\n"},
        {NULL, NULL},
    };
    struct folder folder = {.files = files};
    struct parsed *parsed = parse_folder(&folder, "$TTL 5\n"
                                                  "x A 192.0.2.9\n"
                                                  "$INCLUDE hosts ; here\n"
                                                  " A 192.0.2.10\n"
                                                  "$INCLUDE \"part/more\" Sub.example.com.\n"
                                                  "x A 192.0.2.11\n"
                                                  "$INCLUDE /etc/absolute\n");
    assert_string_equal(parsed->faults, "");
    assert_string_equal(parsed->text, "z:2 x.example.com. 5 A 192.0.2.9\n"
                                      "hosts:1 a.example.com. 5 A 192.0.2.1\n"
                                      "hosts:4 b.deeper.example.com. 9 A 192.0.2.2\n"
                                      "z:4 x.example.com. 5 A 192.0.2.10\n"
                                      "part/more:2 c.sub.example.com. 5 A 192.0.2.3\n"
                                      "hosts:1 a.sub.example.com. 5 A 192.0.2.1\n"
                                      "hosts:4 b.deeper.example.com. 9 A 192.0.2.2\n"
                                      "part/more:4 d.sub.example.com. 5 A 192.0.2.4\n"
                                      "z:6 x.example.com. 5 A 192.0.2.11\n"
                                      "/etc/absolute:1 e.example.com. 5 A 192.0.2.5\n");
    parsed_deinit(parsed);
}

static void test_more_includes_than_the_scanner_has_stack(void **state)
{
    (void)state;
    static const struct file files[] = {{"one", "a A 192.0.2.1\n"}, {NULL, NULL}};
    struct folder folder = {.files = files};
    static char text[2000 * 13 + 32];
    for (int i = 0; i < 2000; i++) {
        memcpy(text + 13 * i, "$INCLUDE one\n", 13);
    }
    sprintf(text + 13 * 2000, "b A x\nc A 192.0.2.2\n");
    struct zonetext_source source = source_of(text);
    source.include_open = folder_open;
    source.include_close = folder_close;
    source.include_ctx = &folder;
    struct parsed *parsed = parse_source(&source);
    assert_int_equal(folder.opened, 2000);
    assert_int_equal(parsed->records.count, 2001);
    assert_int_equal(parsed->diags.errors, 1); /* and the line after the mistake was read */
    parsed_deinit(parsed);
}

/* Each level includes the next several times over: the depth is bounded, the number must be too. */
static void test_includes_that_multiply(void **state)
{
    (void)state;
    static const struct file files[] = {
        {"self", "$INCLUDE self\n$INCLUDE self\n$INCLUDE self\n$INCLUDE self\n"
                 "$INCLUDE self\n$INCLUDE self\n$INCLUDE self\n$INCLUDE self\n"},
        {NULL, NULL},
    };
    struct folder folder = {.files = files};
    struct parsed *parsed = parse_folder(&folder, "$INCLUDE self\n");
    assert_int_equal(parsed->err, ERR_INVALID);
    assert_int_equal(folder.opened, LIMIT_INCLUDES);
    parsed_deinit(parsed);
}

static void test_includes_that_fail(void **state)
{
    (void)state;
    static const struct file files[] = {
        {"self", "$INCLUDE self\n"},
        {"bad", "a A 192.0.2.1\n\nb A x\n"},
        {"foreign", "a.example.org. A 192.0.2.1\n"},
        {NULL, NULL},
    };
    struct folder folder = {.files = files};
    struct parsed *parsed = parse_folder(&folder, "\n$INCLUDE self\n");
    assert_string_equal(parsed->faults, "self:1: error: more than 8 files include each other; "
                                        "look for a file that includes itself\n");
    assert_int_equal(folder.opened, LIMIT_INCLUDE_DEPTH);
    parsed_deinit(parsed);

    parsed = parse_folder(&folder, "\n$INCLUDE gone\na A 192.0.2.1\n$INCLUDE bad\n"
                                   "$INCLUDE foreign\nc A y\n");
    assert_int_equal(parsed->err, ERR_INVALID);
    static const char *const faults[] = {
        "z:2: error: no file gone",
        "\nbad:3: error: ", "\nforeign:1: error: a.example.org. is outside", "\nz:6: error: "};
    const char *at = parsed->faults;
    for (size_t i = 0; i < 4; i++) {
        at = strstr(at, faults[i]);
        assert_non_null(at);
    }
    assert_int_equal(parsed->records.count, 2);
    parsed_deinit(parsed);
}

static void test_longest_origin(void **state)
{
    (void)state;
    /* Binary labels: four bytes of text each, more than the scanner's own header holds. */
    uint8_t origin[NAME_MAX];
    for (int i = 0; i < 4; i++) {
        int len = i == 3 ? 59 : 63;
        origin[64 * i] = (uint8_t)len;
        memset(origin + 64 * i + 1, 200, (size_t)len);
    }
    origin[252] = 0;
    static const struct file files[] = {{"f", "@ A 192.0.2.1\n"}, {NULL, NULL}};
    struct folder folder = {.files = files};
    struct zonetext_source source = source_of("a A 192.0.2.1\n$INCLUDE f\nbb A 192.0.2.2\n");
    source.origin = origin;
    source.include_open = folder_open;
    source.include_close = folder_close;
    source.include_ctx = &folder;
    struct parsed *parsed = parse_source(&source);
    assert_int_equal(parsed->records.count, 2);
    assert_int_equal(parsed->diags.errors, 1); /* bb: 256 bytes */
    assert_int_equal(parsed->diags.first->place.line, 3);
    parsed_deinit(parsed);
}

static void test_failing_allocations(void **state)
{
    (void)state;
    static const struct file files[] = {{"one", "a A 192.0.2.1\r\nb A 1.x\n"}, {NULL, NULL}};
    for (size_t n = 1;; n++) {
        struct failing failing;
        failing_init(&failing, n);
        struct folder folder = {.files = files};
        struct zonetext_source source = source_of("x A 192.0.2.1\r\n$INCLUDE one\ny A 192.0.2.2\n");
        source.include_open = folder_open;
        source.include_close = folder_close;
        source.include_ctx = &folder;
        struct records records;
        struct diag_list diags;
        records_init(&records, &failing.alloc);
        diag_init(&diags, &ALLOC_MALLOC);
        int err = zonetext_parse(&source, &records, &diags);
        assert_int_equal(err, failing.failed ? ERR_NOMEM : ERR_INVALID);
        assert_int_equal(folder.open, 0);
        records_deinit(&records);
        diag_deinit(&diags);
        assert_int_equal(failing.alive, 0);
        if (!failing.failed) {
            assert_true(n > 6);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_lines_owners_and_ttls),
        cmocka_unit_test(test_ends_of_text),
        cmocka_unit_test(test_newlines_of_other_systems),
        cmocka_unit_test(test_first_line_of_a_snippet),
        cmocka_unit_test(test_mistakes_have_their_line_and_mend),
        cmocka_unit_test(test_goes_on_after_a_mistake),
        cmocka_unit_test(test_many_mistakes_are_counted),
        cmocka_unit_test(test_huge_text),
        cmocka_unit_test(test_malformed_rdata_is_shown_as_bytes),
        cmocka_unit_test(test_includes),
        cmocka_unit_test(test_more_includes_than_the_scanner_has_stack),
        cmocka_unit_test(test_includes_that_multiply),
        cmocka_unit_test(test_includes_that_fail),
        cmocka_unit_test(test_longest_origin),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
