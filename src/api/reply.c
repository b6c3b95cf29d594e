/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/reply.h"

#include "base/error.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/type.h"
#include "dns/zonetext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_BYTES = 12,
    RDATA_TEXT_BYTES = 5 * 65536, /* every byte as \DDD, and some blanks */
    OPTION_SUBNET = 8,
    OPTION_NSID = 3,
    OPTION_EDE = 15,
};

/* Where the reader stands; the first error sticks. */
struct reader {
    const uint8_t *wire;
    size_t len, at;
    bool bad;
    uint8_t rdata[65536 + 2 * NAME_MAX]; /* of the record at hand, names spelled out */
    char text[RDATA_TEXT_BYTES];
};

struct raw_record {
    uint8_t owner[NAME_MAX];
    uint16_t type, class;
    uint32_t ttl;
    size_t rdata_at, rdata_len;
};

static uint32_t read_number(struct reader *reader, unsigned bytes)
{
    if (reader->bad || reader->len - reader->at < bytes) {
        reader->bad = true;
        return 0;
    }
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value = value << 8 | reader->wire[reader->at++];
    }
    return value;
}

/* A name that may be compressed (RFC 1035 4.1.4) to out[NAME_MAX]. Pointers only go backwards, so
 * the walk ends. Returns its uncompressed length, 0 on error. */
static size_t read_name(struct reader *reader, uint8_t *out)
{
    size_t at = reader->at, limit = reader->len, len = 0;
    bool jumped = false;
    while (!reader->bad && at < limit) {
        uint8_t label = reader->wire[at];
        if (label >= 0xc0) {
            if (at + 1 >= limit) {
                break;
            }
            size_t target = (size_t)(label & 0x3f) << 8 | reader->wire[at + 1];
            if (!jumped) {
                reader->at = at + 2;
                jumped = true;
            }
            if (target >= at) {
                break;
            }
            limit = at;
            at = target;
            continue;
        }
        if (label > 63 || at + 1 + label > limit || len + 1 + label > NAME_MAX) {
            break;
        }
        memcpy(out + len, reader->wire + at, (size_t)label + 1);
        len += (size_t)label + 1;
        at += (size_t)label + 1;
        if (label == 0) {
            reader->at = jumped ? reader->at : at;
            return len;
        }
    }
    reader->bad = true;
    return 0;
}

/* The rdata of a record with its names spelled out, in reader->rdata; its length. */
static size_t read_rdata(struct reader *reader, const struct raw_record *record)
{
    size_t end = record->rdata_at + record->rdata_len, len = 0;
    reader->at = record->rdata_at;
    const struct type_names *names = type_compressed_names(record->type);
    if (names && record->rdata_len > 0) {
        if (names->before > record->rdata_len) {
            reader->bad = true;
            return 0;
        }
        memcpy(reader->rdata, reader->wire + reader->at, names->before);
        len = names->before;
        reader->at += names->before;
        for (unsigned i = 0; i < names->names && !reader->bad; i++) {
            len += read_name(reader, reader->rdata + len);
        }
    }
    if (reader->bad || reader->at > end) {
        reader->bad = true;
        return 0;
    }
    memcpy(reader->rdata + len, reader->wire + reader->at, end - reader->at);
    len += end - reader->at;
    reader->at = end;
    return len;
}

static void read_record(struct reader *reader, struct raw_record *out)
{
    read_name(reader, out->owner);
    out->type = (uint16_t)read_number(reader, 2);
    out->class = (uint16_t)read_number(reader, 2);
    out->ttl = read_number(reader, 4);
    out->rdata_len = read_number(reader, 2);
    out->rdata_at = reader->at;
    if (reader->bad || reader->len - reader->at < out->rdata_len) {
        reader->bad = true;
        return;
    }
    reader->at += out->rdata_len;
}

/* RFC 3597 section 5: what rdata looks like that cannot be read as its type. */
static void generic_text(struct reader *reader, size_t len)
{
    char *at = reader->text;
    at += snprintf(at, sizeof(reader->text), "\\# %zu ", len);
    for (size_t i = 0; i < len; i++) {
        static const char digits[] = "0123456789abcdef";
        *at++ = digits[reader->rdata[i] >> 4];
        *at++ = digits[reader->rdata[i] & 15];
    }
    *at = 0;
}

static json_t *record_json(struct reader *reader, const struct raw_record *record)
{
    size_t len = read_rdata(reader, record);
    if (reader->bad || len > 65535) {
        reader->bad = true;
        return NULL;
    }
    if (!rdata_check(record->type, reader->rdata, len) ||
        rdata_to_text(record->type, reader->rdata, (uint16_t)len, reader->text,
                      sizeof(reader->text)) < 0) {
        generic_text(reader, len);
    }
    char owner[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
    return json_pack("{s:s, s:I, s:s, s:s}", "name", name_to_text(record->owner, owner), "ttl",
                     (json_int_t)record->ttl, "type", type_to_text(record->type, type), "data",
                     reader->text);
}

static json_t *printable(const uint8_t *bytes, size_t len)
{
    char text[1024];
    size_t at = 0;
    for (size_t i = 0; i < len && at + 5 < sizeof(text); i++) {
        if (bytes[i] >= 0x20 && bytes[i] < 0x7f && bytes[i] != '\\') {
            text[at++] = (char)bytes[i];
        } else {
            at += (size_t)snprintf(text + at, sizeof(text) - at, "\\%03u", bytes[i]);
        }
    }
    return json_stringn(text, at);
}

static json_t *subnet_json(const uint8_t *option, size_t len)
{
    uint8_t bytes[16] = {0};
    unsigned family = option[0] << 8 | option[1];
    if (len - 4 > 16 || (family != 1 && family != 2) || option[2] > (family == 1 ? 32 : 128)) {
        return json_null();
    }
    memcpy(bytes, option + 4, len - 4);
    struct address address = family == 1 ? address_from_v4(bytes) : address_from_v6(bytes);
    char text[ADDRESS_TEXT_BYTES], prefix[PREFIX_TEXT_BYTES + 8];
    snprintf(prefix, sizeof(prefix), "%s/%u", address_to_text(&address, text), option[2]);
    return json_pack("{s:s, s:i}", "prefix", prefix, "scope", (int)option[3]);
}

static void option_json(json_t *edns, unsigned code, const uint8_t *option, size_t len)
{
    if (code == OPTION_NSID) {
        json_object_set_new(edns, "nsid", printable(option, len));
    } else if (code == OPTION_EDE && len >= 2) {
        json_t *errors = json_object_get(edns, "errors");
        if (!errors) {
            errors = json_array();
            json_object_set_new(edns, "errors", errors);
        }
        json_array_append_new(errors, json_pack("{s:i, s:o}", "code", option[0] << 8 | option[1],
                                                "text", printable(option + 2, len - 2)));
    } else if (code == OPTION_SUBNET && len >= 4) {
        json_object_set_new(edns, "subnet", subnet_json(option, len));
    }
}

static json_t *edns_json(struct reader *reader, const struct raw_record *opt)
{
    json_t *edns = json_pack("{s:i, s:i}", "payload", (int)opt->class, "version",
                             (int)(opt->ttl >> 16 & 0xff));
    size_t end = opt->rdata_at + opt->rdata_len;
    reader->at = opt->rdata_at;
    while (edns && !reader->bad && reader->at < end) {
        unsigned code = read_number(reader, 2);
        size_t len = read_number(reader, 2);
        if (reader->bad || reader->at > end || end - reader->at < len) {
            reader->bad = true;
            break;
        }
        option_json(edns, code, reader->wire + reader->at, len);
        reader->at += len;
    }
    return edns;
}

static json_t *section_json(struct reader *reader, unsigned count, json_t *reply,
                            unsigned *extended_rcode)
{
    json_t *section = json_array();
    for (unsigned i = 0; i < count && !reader->bad && section; i++) {
        struct raw_record record;
        read_record(reader, &record);
        size_t next = reader->at;
        if (!reader->bad && record.type == TYPE_OPT) {
            *extended_rcode = record.ttl >> 24;
            json_object_set_new(reply, "edns", edns_json(reader, &record));
        } else if (!reader->bad) {
            json_array_append_new(section, record_json(reader, &record));
        }
        reader->at = next;
    }
    return section;
}

static json_t *flags_json(unsigned flags)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {{0x8000, "qr"}, {0x0400, "aa"}, {0x0200, "tc"}, {0x0100, "rd"},
                 {0x0080, "ra"}, {0x0020, "ad"}, {0x0010, "cd"}};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (flags & names[i].bit) {
            json_array_append_new(list, json_string(names[i].name));
        }
    }
    return list;
}

static json_t *question_json(struct reader *reader)
{
    uint8_t name[NAME_MAX];
    char text[NAME_TEXT_MAX], type_text[TYPE_TEXT_MAX];
    read_name(reader, name);
    uint16_t type = (uint16_t)read_number(reader, 2);
    unsigned class = read_number(reader, 2);
    if (reader->bad) {
        return NULL;
    }
    return json_pack("{s:s, s:s, s:i}", "name", name_to_text(name, text), "type",
                     type_to_text(type, type_text), "class", (int)class);
}

static json_t *message_json(struct reader *reader)
{
    unsigned id = read_number(reader, 2), flags = read_number(reader, 2);
    unsigned count[4];
    for (unsigned i = 0; i < 4; i++) {
        count[i] = read_number(reader, 2);
    }
    json_t *reply = json_pack("{s:i, s:o}", "id", (int)id, "flags", flags_json(flags));
    for (unsigned i = 0; i < count[0] && !reader->bad; i++) {
        json_object_set_new(reply, "question", question_json(reader));
    }
    static const char *const sections[] = {"answer", "authority", "additional"};
    unsigned extended = 0;
    for (unsigned i = 0; i < 3 && !reader->bad; i++) {
        json_object_set_new(reply, sections[i],
                            section_json(reader, count[i + 1], reply, &extended));
    }
    unsigned rcode = extended << 4 | (flags & 0xf);
    json_object_set_new(reply, "rcode", json_string(rcode_name(rcode)));
    json_object_set_new(reply, "bytes", json_integer((json_int_t)reader->len));
    return reply;
}

int reply_to_json(const uint8_t *wire, size_t len, json_t **ret_json)
{
    if (len < HEADER_BYTES) {
        return ERR_FORMAT;
    }
    struct reader *reader = calloc(1, sizeof(*reader));
    if (!reader) {
        return ERR_NOMEM;
    }
    reader->wire = wire;
    reader->len = len;
    json_t *reply = message_json(reader);
    bool bad = reader->bad;
    free(reader);
    if (bad || !reply) {
        json_decref(reply);
        return bad ? ERR_FORMAT : ERR_NOMEM;
    }
    *ret_json = reply;
    return ERR_OK;
}

static uint8_t *put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

/* RFC 7871 section 6: family, source length, scope 0, as many address bytes as the length needs. */
static uint8_t *put_subnet(uint8_t *at, const struct prefix *subnet)
{
    bool v4 = address_is_v4(&subnet->base);
    unsigned bits = v4 ? subnet->bits - 96u : subnet->bits;
    unsigned bytes = (bits + 7) / 8;
    at = put16(put16(at, OPTION_SUBNET), 4 + bytes);
    at = put16(at, v4 ? 1 : 2);
    *at++ = (uint8_t)bits;
    *at++ = 0;
    memcpy(at, subnet->base.bytes + (v4 ? 12 : 0), bytes);
    return at + bytes;
}

size_t reply_make_query(const struct reply_question *question, uint8_t *out)
{
    uint8_t *at = put16(put16(out, question->id), 0);
    at = put16(put16(at, 1), 0);
    at = put16(put16(at, 0), question->payload ? 1 : 0);
    size_t name_bytes = name_len(question->name);
    memcpy(at, question->name, name_bytes);
    at = put16(put16(at + name_bytes, question->type), CLASS_IN);
    if (question->payload) {
        *at++ = 0;
        at = put16(put16(at, TYPE_OPT), question->payload);
        memset(at, 0, 4);
        uint8_t *length = at + 4;
        at = question->subnet ? put_subnet(length + 2, question->subnet) : length + 2;
        put16(length, (unsigned)(at - length - 2));
    }
    return (size_t)(at - out);
}
