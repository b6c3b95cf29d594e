/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "query_maker.h"

#include "base/assert.h"
#include "dns/message.h"

#include <string.h>

/* Short ones that meet often, then the odd ones: escapes, a label of 63 bytes, bytes at the edges.
 */
const char *const word_text[WORDS] = {
    "a",       "b",
    "c",       "*",
    "ns",      "www",
    "example", "sub",
    "org",     "w-1",
    "\\000",   "\\255\\254",
    "a\\.b",   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "_tcp",    "zz",
};

enum {
    MUTATIONS = 15
};

struct writer {
    uint8_t *out;
    size_t len;
};

uint8_t taste_byte(struct taste *taste)
{
    if (taste->left == 0) {
        return 0;
    }
    taste->left--;
    return *taste->at++;
}

static void put(struct writer *writer, const void *data, size_t len)
{
    ASSERT(writer->len + len <= QUERY_PACKET_MAX);
    memcpy(writer->out + writer->len, data, len);
    writer->len += len;
}

static void put8(struct writer *writer, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    put(writer, &byte, 1);
}

static void put16(struct writer *writer, unsigned value)
{
    put8(writer, value >> 8);
    put8(writer, value);
}

static unsigned taste16(struct taste *taste)
{
    unsigned high = taste_byte(taste);
    return high << 8 | taste_byte(taste);
}

/* Some words, the last of which are likely those of a zone; the case of letters as the input says.
 */
static void put_name(struct writer *writer, struct taste *taste)
{
    unsigned shape = taste_byte(taste), count = shape & 7;
    uint8_t name[NAME_MAX];
    size_t start = writer->len;
    char text[8 * 72 + 64];
    size_t at = 0;
    for (unsigned i = 0; i < count; i++) {
        const char *word = word_text[taste_byte(taste) % WORDS];
        size_t len = strlen(word);
        memcpy(text + at, word, len);
        at += len;
        text[at++] = '.';
    }
    static const char *const ends[] = {"example.",   "sub.example.", "org.",     ".",
                                       "b.example.", "c.org.",       "example.", "version.bind."};
    const char *end = ends[shape >> 3 & 7];
    at -= count > 0 && end[0] == '.';
    memcpy(text + at, end, strlen(end) + 1);
    if (name_from_text(text, NULL, name) != 0) {
        name[0] = 0;
    }
    put(writer, name, name_len(name));
    if (shape & 0x40) {
        uint8_t upper = taste_byte(taste);
        for (size_t i = start; i < writer->len; i++) {
            uint8_t *byte = &writer->out[i];
            *byte = *byte >= 'a' && *byte <= 'z' && upper >> (i & 7) & 1 ? *byte & 0xdf : *byte;
        }
    }
}

static void put_subnet(struct writer *writer, struct taste *taste)
{
    unsigned shape = taste_byte(taste), family = shape & 1 ? 2 : 1;
    unsigned bits = taste_byte(taste) % (family == 1 ? 33 : 129), bytes = (bits + 7) / 8;
    uint8_t address[16] = {10, (uint8_t)(shape >> 1 & 3)};
    if (family == 2) {
        static const uint8_t base[] = {0x20, 0x01, 0x0d, 0xb8};
        memcpy(address, base, sizeof(base));
        address[5] = (uint8_t)(shape >> 1 & 3);
    }
    if (bits % 8) {
        address[bytes - 1] &= (uint8_t)(0xff00u >> (bits % 8));
    }
    put16(writer, 8);
    put16(writer, 4 + bytes);
    put16(writer, family);
    put8(writer, bits);
    put8(writer, shape & 0x80 ? 1 : 0);
    put(writer, address, bytes);
}

static void put_option(struct writer *writer, struct taste *taste)
{
    unsigned kind = taste_byte(taste), len = kind >> 3;
    switch (kind & 3) {
    case 0:
        put16(writer, 3);
        put16(writer, 0);
        return;
    case 1:
        put_subnet(writer, taste);
        return;
    default:
        put16(writer, kind & 2 ? 10 : taste16(taste));
        put16(writer, len);
        for (unsigned i = 0; i < len; i++) {
            put8(writer, taste_byte(taste));
        }
    }
}

static void put_opt(struct writer *writer, struct taste *taste)
{
    static const uint16_t payloads[] = {0, 511, 512, 513, 600, 1232, 4096, 65535};
    unsigned shape = taste_byte(taste);
    put8(writer, 0);
    put16(writer, TYPE_OPT);
    put16(writer, payloads[shape & 7]);
    put8(writer, 0);
    put8(writer, (shape & 0x38) == 0x38 ? taste_byte(taste) : 0);
    put16(writer, shape & 0x40 ? 0x8000 : 0);
    size_t length = writer->len;
    put16(writer, 0);
    for (unsigned i = shape & 0x80 ? taste_byte(taste) % 4 : 0; i > 0; i--) {
        put_option(writer, taste);
    }
    wire_write16(writer->out + length, (unsigned)(writer->len - length - 2));
}

/* Some other record, as an update or a signed query would carry. */
static void put_record(struct writer *writer, struct taste *taste)
{
    unsigned shape = taste_byte(taste);
    if (shape & 1) {
        put16(writer, 0xc000u | HEADER_BYTES);
    } else {
        put_name(writer, taste);
    }
    put16(writer, shape & 2 ? TYPE_TSIG : shape & 4 ? TYPE_A : taste16(taste));
    put16(writer, shape & 8 ? CLASS_ANY : CLASS_IN);
    put16(writer, 0);
    put16(writer, 60);
    unsigned len = shape & 4 ? 4 : shape >> 4;
    put16(writer, len);
    for (unsigned i = 0; i < len; i++) {
        put8(writer, taste_byte(taste));
    }
}

static void mutate(struct writer *writer, struct taste *taste)
{
    for (unsigned i = taste_byte(taste) & MUTATIONS; i > 0 && taste->left > 0; i--) {
        unsigned kind = taste_byte(taste), place = taste16(taste);
        size_t at = place % writer->len;
        if (kind < 0x20) {
            writer->len = at > 0 ? at : 1; /* cut */
        } else if (kind < 0x40 && writer->len + 16 < QUERY_PACKET_MAX) {
            put8(writer, place); /* something behind */
        } else if (kind < 0x80) {
            writer->out[at] ^= (uint8_t)(1u << (kind & 7));
        } else {
            writer->out[at] = taste_byte(taste);
        }
    }
}

size_t query_make(struct taste *taste, uint8_t out[QUERY_PACKET_MAX])
{
    static const uint16_t types[] = {
        TYPE_A,   TYPE_AAAA, TYPE_NS,    TYPE_CNAME, TYPE_SOA,  TYPE_MX,    TYPE_TXT,  TYPE_SRV,
        TYPE_DS,  TYPE_ANY,  TYPE_DNAME, TYPE_HTTPS, TYPE_SVCB, TYPE_PTR,   65280,     TYPE_AXFR,
        TYPE_OPT, TYPE_IXFR, TYPE_RRSIG, TYPE_NSEC,  0,         TYPE_MAILA, TYPE_TSIG, 65535,
    };
    struct writer writer = {.out = out};
    unsigned shape = taste_byte(taste), records = shape & 0x0c ? 0 : taste_byte(taste) & 3;
    bool edns = shape & 1, last = shape & 2;
    memset(out, 0, HEADER_BYTES);
    wire_write16(out, 0x4d2);
    wire_write16(out + 2, shape & 0x10 ? taste16(taste) : FLAG_RD);
    wire_write16(out + 4, 1);
    wire_write16(out + 10, records + edns);
    writer.len = HEADER_BYTES;
    put_name(&writer, taste);
    put16(&writer, types[taste_byte(taste) % (sizeof(types) / sizeof(*types))]);
    put16(&writer, shape & 0x20 ? taste_byte(taste) % 5 : CLASS_IN);
    if (edns && !last) {
        put_opt(&writer, taste);
    }
    for (unsigned i = 0; i < records; i++) {
        put_record(&writer, taste);
    }
    if (edns && last) {
        put_opt(&writer, taste);
    }
    if (shape & 0x40) {
        mutate(&writer, taste);
    }
    return writer.len;
}
