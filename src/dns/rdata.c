/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/rdata.h"

#include "dns/name.h"
#include "dns/type.h"
#include "dns/zonetext.h"

#include <libknot/descriptor.h>
#include <libknot/rrset-dump.h>

#include <string.h>

bool rdata_type_is_data(uint16_t type)
{
    return type != 0 && type != TYPE_OPT && (type < 128 || type > 255);
}

/* Bytes of the NAPTR fields before its name: order, preference, three strings. 0: malformed. */
static size_t naptr_head_len(const uint8_t *rdata, size_t len)
{
    size_t at = 4;
    for (int i = 0; i < 3; i++) {
        if (at >= len) {
            return 0;
        }
        at += 1u + rdata[at];
    }
    return at < len ? at : 0;
}

/* Bytes of one part of an rdata; more than `len` when it does not fit. */
static size_t part_len(int part, const uint8_t *rdata, size_t len)
{
    size_t bytes;
    switch (part) {
    case KNOT_RDATA_WF_FIXED_DNAME:
    case KNOT_RDATA_WF_COMPRESSIBLE_DNAME:
    case KNOT_RDATA_WF_DECOMPRESSIBLE_DNAME:
        bytes = name_check(rdata, len);
        return bytes ? bytes : len + 1;
    case KNOT_RDATA_WF_NAPTR_HEADER:
        bytes = naptr_head_len(rdata, len);
        return bytes ? bytes : len + 1;
    case KNOT_RDATA_WF_REMAINDER:
        return len;
    default:
        return (size_t)part;
    }
}

bool rdata_check(uint16_t type, const uint8_t *rdata, size_t len)
{
    unsigned fixed = type_fixed_bytes(type);
    if (fixed) {
        return len == fixed;
    }
    const int *parts = knot_get_rdata_descriptor(type)->block_types;
    for (; *parts != KNOT_RDATA_WF_END; parts++) {
        size_t bytes = part_len(*parts, rdata, len);
        if (bytes > len) {
            return false;
        }
        rdata += bytes;
        len -= bytes;
    }
    return len == 0;
}

const char *rdata_form(uint16_t type)
{
    static const struct {
        uint16_t type;
        const char *form;
    } forms[] = {
        {TYPE_A, "an IPv4 address, 192.0.2.1"},
        {TYPE_AAAA, "an IPv6 address, 2001:db8::1"},
        {TYPE_NS, "NAME"},
        {TYPE_CNAME, "NAME"},
        {TYPE_DNAME, "NAME"},
        {TYPE_PTR, "NAME"},
        {TYPE_SOA, "SERVER MAILBOX SERIAL REFRESH RETRY EXPIRE MINIMUM"},
        {TYPE_MX, "PREFERENCE NAME"},
        {TYPE_KX, "PREFERENCE NAME"},
        {TYPE_SRV, "PRIORITY WEIGHT PORT TARGET"},
        {TYPE_TXT, "\"TEXT\" in quotes, several of at most 255 bytes"},
        {TYPE_HINFO, "\"CPU\" \"OS\""},
        {TYPE_NAPTR, "ORDER PREFERENCE \"FLAGS\" \"SERVICE\" \"REGEXP\" NAME"},
        {TYPE_DS, "KEYTAG ALGORITHM DIGEST-TYPE HEX"},
        {TYPE_DNSKEY, "FLAGS 3 ALGORITHM BASE64"},
        {TYPE_SVCB, "PRIORITY TARGET KEY=VALUE..."},
        {TYPE_HTTPS, "PRIORITY TARGET KEY=VALUE..."},
        {KNOT_RRTYPE_SSHFP, "ALGORITHM HASH-TYPE HEX"},
        {KNOT_RRTYPE_TLSA, "USAGE SELECTOR MATCHING HEX"},
        {KNOT_RRTYPE_CAA, "FLAGS TAG \"VALUE\""},
        {KNOT_RRTYPE_URI, "PRIORITY WEIGHT \"URI\""},
        {KNOT_RRTYPE_RP, "MAILBOX NAME"},
        {KNOT_RRTYPE_AFSDB, "SUBTYPE NAME"},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (forms[i].type == type) {
            return forms[i].form;
        }
    }
    return NULL;
}

int rdata_to_text(uint16_t type, const uint8_t *rdata, uint16_t len, char *out, size_t size)
{
    union {
        knot_rdata_t rdata;
        uint8_t bytes[sizeof(knot_rdata_t) + UINT16_MAX + 1];
    } one;
    knot_rrset_t set;
    knot_rrset_init(&set, NULL, type, KNOT_CLASS_IN, 0);
    one.rdata.len = len;
    if (len) {
        memcpy(one.rdata.data, rdata, len);
    }
    one.rdata.data[len] = 0;
    set.rrs.rdata = &one.rdata;
    set.rrs.count = 1;
    set.rrs.size = (uint32_t)sizeof(one);
    knot_dump_style_t style = KNOT_DUMP_STYLE_DEFAULT;
    style.wrap = false;
    int written = knot_rrset_txt_dump_data(&set, 0, out, size, &style);
    if (written < 0) {
        /* Malformed for its type: as bytes (RFC 3597 5). */
        style.generic = true;
        written = knot_rrset_txt_dump_data(&set, 0, out, size, &style);
    }
    if (written < 0 || (size_t)written >= size) {
        if (size) {
            out[0] = '\0';
        }
        return -1;
    }
    while (written > 0 && out[written - 1] == ' ') {
        written--; /* some of libknot's forms end with one */
    }
    out[written] = '\0';
    return written;
}
