/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/message.h"

#include "base/limits.h"

#include <stddef.h>
#include <string.h>

enum {
    OPTION_NSID = 3,
    OPTION_CLIENT_SUBNET = 8,
    RR_FIXED_BYTES = 10,
    EDNS_FLAG_DO = 0x8000
};

/* The question's name, lower-cased into out. A pointer has nothing to point at there: malformed. */
static bool question_read(const uint8_t *wire, size_t len, struct query *out)
{
    size_t name = name_check(wire + HEADER_BYTES, len - HEADER_BYTES);
    if (name == 0 || HEADER_BYTES + name + 4 > len) {
        return false;
    }
    memcpy(out->name, wire + HEADER_BYTES, name);
    name_lower(out->name, name);
    const uint8_t *at = wire + HEADER_BYTES + name;
    out->name_len = (uint8_t)name;
    out->qtype = wire_read16(at);
    out->qclass = wire_read16(at + 2);
    out->question_len = (uint16_t)(name + 4);
    return true;
}

/* Bytes of an owner name that may be compressed; pointers must point backwards. 0: malformed. */
static size_t owner_skip(const uint8_t *wire, size_t len, size_t at)
{
    size_t start = at;
    while (at < len && at - start < NAME_MAX) {
        uint8_t label = wire[at];
        if (label == 0) {
            return at + 1 - start;
        }
        if (label >= 0xc0) {
            bool back = at + 1 < len && (wire_read16(wire + at) & 0x3fffu) < start;
            return back ? at + 2 - start : 0;
        }
        if (label > LIMIT_LABEL_BYTES) {
            return 0;
        }
        at += label + 1u;
    }
    return 0;
}

static void subnet_read(const uint8_t *data, uint16_t len, struct client_subnet *out)
{
    if (out->present) {
        return;
    }
    *out = (struct client_subnet){.present = true, .raw = data, .raw_len = len};
    if (len < 4 || wire_read16(data) < 1 || wire_read16(data) > 2) {
        return;
    }
    out->family = data[1];
    out->source_bits = data[2];
    unsigned bytes = (out->source_bits + 7u) / 8u, most = out->family == 1 ? 4 : 16;
    if (bytes > most || len != 4 + bytes || data[3] != 0) {
        return;
    }
    uint8_t address[16] = {0};
    memcpy(address, data + 4, bytes);
    unsigned spare = bytes * 8u - out->source_bits;
    if (spare && (address[bytes - 1] & ((1u << spare) - 1u))) {
        return; /* RFC 7871 6: bits beyond the prefix must be zero */
    }
    out->address = out->family == 1 ? address_from_v4(address) : address_from_v6(address);
    out->valid = true;
}

static bool options_read(const uint8_t *at, const uint8_t *end, struct query *out)
{
    for (unsigned i = 0; at < end; i++) {
        if (end - at < 4) {
            return false;
        }
        unsigned code = wire_read16(at), len = wire_read16(at + 2);
        at += 4;
        if (len > (size_t)(end - at)) {
            return false;
        }
        if (i < LIMIT_EDNS_OPTIONS && code == OPTION_NSID) {
            out->nsid_asked = true;
        } else if (i < LIMIT_EDNS_OPTIONS && code == OPTION_CLIENT_SUBNET) {
            subnet_read(at, (uint16_t)len, &out->subnet);
        }
        at += len;
    }
    return true;
}

/* One record after the question. Returns its length, 0 when malformed. */
static size_t record_read(const uint8_t *wire, size_t len, size_t at, bool additional,
                          struct query *out)
{
    size_t owner = owner_skip(wire, len, at);
    if (owner == 0 || at + owner + RR_FIXED_BYTES > len) {
        return 0;
    }
    const uint8_t *rr = wire + at + owner;
    size_t data_len = wire_read16(rr + 8);
    if (data_len > len - (at + owner + RR_FIXED_BYTES)) {
        return 0;
    }
    if (wire_read16(rr) == TYPE_OPT) {
        if (!additional || out->edns || owner != 1) {
            return 0;
        }
        uint32_t extended = wire_read32(rr + 4);
        out->edns = true;
        out->udp_payload = wire_read16(rr + 2);
        out->edns_version = (uint8_t)(extended >> 16);
        out->dnssec_ok = extended & EDNS_FLAG_DO;
        const uint8_t *data = rr + RR_FIXED_BYTES;
        if (out->edns_version == 0 && !options_read(data, data + data_len, out)) {
            return 0;
        }
    }
    return owner + RR_FIXED_BYTES + data_len;
}

enum query_verdict query_read(const uint8_t *wire, size_t len, struct query *out)
{
    memset(out, 0, offsetof(struct query, name));
    if (len < HEADER_BYTES) {
        return QUERY_DROP;
    }
    out->id = wire_read16(wire);
    out->flags = wire_read16(wire + 2);
    out->opcode = out->flags >> OPCODE_SHIFT & 15;
    if (out->flags & FLAG_QR) {
        return QUERY_DROP;
    }
    unsigned questions = wire_read16(wire + 4), answers = wire_read16(wire + 6);
    unsigned authorities = wire_read16(wire + 8), additionals = wire_read16(wire + 10);
    if (out->opcode != OPCODE_QUERY) {
        return QUERY_NOTIMP;
    }
    if (questions != 1 || !question_read(wire, len, out)) {
        return QUERY_FORMERR; /* RFC 9619 */
    }
    size_t at = HEADER_BYTES + out->question_len;
    unsigned total = answers + authorities + additionals;
    for (unsigned i = 0; i < total; i++) {
        size_t bytes = record_read(wire, len, at, i >= answers + authorities, out);
        if (bytes == 0) {
            return QUERY_FORMERR;
        }
        at += bytes;
    }
    if (at != len) {
        return QUERY_FORMERR;
    }
    return out->edns_version ? QUERY_BADVERS : QUERY_OK;
}
