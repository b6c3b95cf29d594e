/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A strict reader of DNS messages, for judging replies: written against RFC 1035 alone, sharing
 * nothing with what wrote them. It takes only what a careful server sends: counts that match,
 * pointers to places before them where a name or its end really stands, names of at most 255 bytes,
 * rdata of the length that its type demands, nothing behind the last record.
 *
 *   struct packet ─► records[] in the order of the message, names expanded and as they were written
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    PACKET_RECORDS = 6000,
    PACKET_NAME = 255
};

struct packet_record {
    uint8_t owner[PACKET_NAME];
    uint16_t type, class;
    uint32_t ttl;
    uint16_t at, len; /* rdata as it stands in the message */
    uint16_t start;   /* first byte of the record */
};

struct packet {
    const uint8_t *wire;
    size_t size;
    const char *fault; /* what is wrong, NULL: nothing */
    uint16_t id, flags, counts[4];
    uint8_t qname[PACKET_NAME];
    uint16_t qtype, qclass;
    size_t question_end;
    size_t expanded; /* bytes of the last name read, without compression */
    uint32_t record_count;
    struct packet_record records[PACKET_RECORDS];
    uint8_t label_start[65536 / 8]; /* places where a label of some name begins */
};

static inline uint16_t packet_u16(const uint8_t *wire)
{
    return (uint16_t)(wire[0] << 8 | wire[1]);
}

static inline bool packet_fail(struct packet *packet, const char *fault)
{
    if (!packet->fault) {
        packet->fault = fault;
    }
    return false;
}

static inline bool packet_label_known(const struct packet *packet, size_t at)
{
    return packet->label_start[at / 8] >> (at % 8) & 1;
}

/* The name at `at`, expanded into out; *next is behind it in the message. */
static inline bool packet_name(struct packet *packet, size_t at, size_t end, uint8_t *out,
                               size_t *next)
{
    size_t written = 0;
    bool jumped = false;
    for (;;) {
        if (at >= (jumped ? packet->size : end)) {
            return packet_fail(packet, "a name runs over the end");
        }
        unsigned len = packet->wire[at];
        if (len >= 0xc0) {
            if (at + 2 > (jumped ? packet->size : end)) {
                return packet_fail(packet, "a pointer is cut");
            }
            size_t target = packet_u16(packet->wire + at) & 0x3fff;
            if (target >= at || target < 12 || !packet_label_known(packet, target)) {
                return packet_fail(packet, "a pointer to where no name stands");
            }
            *next = jumped ? *next : at + 2;
            jumped = true;
            at = target;
            continue;
        }
        if (len > 63) {
            return packet_fail(packet, "a label longer than 63 bytes");
        }
        if (written + len + 1 > PACKET_NAME) {
            return packet_fail(packet, "a name longer than 255 bytes");
        }
        if (at + len + 1 > packet->size) {
            return packet_fail(packet, "a label runs over the end");
        }
        packet->label_start[at / 8] |= (uint8_t)(1 << (at % 8));
        memcpy(out + written, packet->wire + at, len + 1);
        written += len + 1;
        at += len + 1;
        if (len == 0) {
            *next = jumped ? *next : at;
            packet->expanded = written;
            return at <= (jumped ? packet->size : end) ||
                   packet_fail(packet, "a name runs over the end");
        }
    }
}

/* The form of an rdata with names in it: so many bytes, names, then so many bytes. */
struct packet_form {
    uint16_t type, before, names, after;
    bool open; /* any number of bytes may follow */
};

static inline const struct packet_form *packet_form(uint16_t type)
{
    static const struct packet_form forms[] = {
        {1, 4, 0, 0, false},  {28, 16, 0, 0, false}, {2, 0, 1, 0, false},  {5, 0, 1, 0, false},
        {12, 0, 1, 0, false}, {6, 0, 2, 20, false},  {15, 2, 1, 0, false}, {33, 6, 1, 0, false},
        {39, 0, 1, 0, false}, {64, 2, 1, 0, true},   {65, 2, 1, 0, true},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        if (forms[i].type == type) {
            return &forms[i];
        }
    }
    return NULL;
}

/* Is the rdata as its type demands? Only types of RFC 1035 may compress names (RFC 3597 4). */
static inline bool packet_rdata(struct packet *packet, const struct packet_record *record)
{
    const struct packet_form *form = record->class == 1 ? packet_form(record->type) : NULL;
    size_t at = record->at, end = at + record->len;
    uint8_t name[PACKET_NAME];
    if (!form) {
        return true;
    }
    if (record->len < form->before) {
        return packet_fail(packet, "rdata too short");
    }
    at += form->before;
    for (unsigned k = 0; k < form->names; k++) {
        size_t start = at;
        if (!packet_name(packet, at, end, name, &at)) {
            return false;
        }
        if (record->type >= 33 && at - start != packet->expanded) {
            return packet_fail(packet, "a name compressed where nobody expects it");
        }
    }
    if (form->open ? at + form->after > end : at + form->after != end) {
        return packet_fail(packet, "rdata of the wrong length");
    }
    return true;
}

/* The rdata of a record of a packet that was read, its names expanded; returns its length. `out`
 * has room for 65535 bytes. */
static inline size_t packet_expand(struct packet *packet, const struct packet_record *record,
                                   uint8_t *out)
{
    const struct packet_form *form = record->class == 1 ? packet_form(record->type) : NULL;
    size_t at = record->at, end = at + record->len, len = form ? form->before : 0;
    memcpy(out, packet->wire + at, len);
    at += len;
    for (unsigned k = 0; form && k < form->names; k++) {
        if (!packet_name(packet, at, end, out + len, &at)) {
            return 0;
        }
        len += packet->expanded;
    }
    memcpy(out + len, packet->wire + at, end - at);
    return len + end - at;
}

static inline bool packet_read_record(struct packet *packet, size_t *at)
{
    if (packet->record_count == PACKET_RECORDS) {
        return packet_fail(packet, "more records than the reader holds");
    }
    struct packet_record *record = &packet->records[packet->record_count];
    record->start = (uint16_t)*at;
    if (!packet_name(packet, *at, packet->size, record->owner, at)) {
        return false;
    }
    if (*at + 10 > packet->size) {
        return packet_fail(packet, "a record is cut");
    }
    const uint8_t *head = packet->wire + *at;
    record->type = packet_u16(head);
    record->class = packet_u16(head + 2);
    record->ttl = (uint32_t)packet_u16(head + 4) << 16 | packet_u16(head + 6);
    record->len = packet_u16(head + 8);
    record->at = (uint16_t)(*at + 10);
    if (*at + 10 + record->len > packet->size) {
        return packet_fail(packet, "rdata runs over the end");
    }
    *at += 10u + record->len;
    packet->record_count++;
    return packet_rdata(packet, record);
}

/* Reads a whole message; false, and a fault, when it is not as it should be. The packet holds
 * references into `wire`. */
static inline bool packet_read(struct packet *packet, const uint8_t *wire, size_t size)
{
    packet->wire = wire;
    packet->size = size;
    packet->fault = NULL;
    packet->record_count = 0;
    packet->question_end = 12;
    memset(packet->label_start, 0, sizeof(packet->label_start));
    if (size < 12 || size > 65535) {
        return packet_fail(packet, "no header");
    }
    packet->id = packet_u16(wire);
    packet->flags = packet_u16(wire + 2);
    for (unsigned i = 0; i < 4; i++) {
        packet->counts[i] = packet_u16(wire + 4 + 2 * i);
    }
    size_t at = 12;
    if (packet->counts[0] > 1) {
        return packet_fail(packet, "more than one question");
    }
    if (packet->counts[0] == 1) {
        if (!packet_name(packet, at, size, packet->qname, &at) || at + 4 > size) {
            return packet_fail(packet, "the question is cut");
        }
        packet->qtype = packet_u16(wire + at);
        packet->qclass = packet_u16(wire + at + 2);
        at += 4;
        packet->question_end = at;
    }
    unsigned total = packet->counts[1] + packet->counts[2] + packet->counts[3];
    for (unsigned i = 0; i < total; i++) {
        if (!packet_read_record(packet, &at)) {
            return false;
        }
    }
    return at == size || packet_fail(packet, "bytes behind the last record");
}

/* Section of record i: 0 answer, 1 authority, 2 additional. */
static inline unsigned packet_section(const struct packet *packet, uint32_t i)
{
    return i < packet->counts[1] ? 0 : i < (uint32_t)packet->counts[1] + packet->counts[2] ? 1 : 2;
}

/* How many records of a type a section has. */
static inline unsigned packet_count(const struct packet *packet, unsigned section, uint16_t type)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < packet->record_count; i++) {
        count += packet_section(packet, i) == section && packet->records[i].type == type;
    }
    return count;
}

/* The OPT record, NULL if there is none. */
static inline const struct packet_record *packet_opt(const struct packet *packet)
{
    for (uint32_t i = 0; i < packet->record_count; i++) {
        if (packet->records[i].type == 41) {
            return &packet->records[i];
        }
    }
    return NULL;
}

/* Data of an EDNS option, NULL if there is none. */
static inline const uint8_t *packet_option(const struct packet *packet, uint16_t code,
                                           uint16_t *len)
{
    const struct packet_record *opt = packet_opt(packet);
    size_t at = opt ? opt->at : 0, end = opt ? (size_t)opt->at + opt->len : 0;
    while (at + 4 <= end) {
        *len = packet_u16(packet->wire + at + 2);
        if (at + 4 + *len > end) {
            return NULL;
        }
        if (packet_u16(packet->wire + at) == code) {
            return packet->wire + at + 4;
        }
        at += 4u + *len;
    }
    return NULL;
}

/* The rcode, the upper bits from OPT. */
static inline unsigned packet_rcode(const struct packet *packet)
{
    const struct packet_record *opt = packet_opt(packet);
    return (packet->flags & 15u) | (opt ? opt->ttl >> 24 << 4 : 0);
}
