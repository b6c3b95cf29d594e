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

/* --- what libknot's table of parts calls a remainder, but has a form of its own ------------------
 */

/* RFC 4034 4.1.2: windows in rising order, each with 1 to 32 bytes. */
static bool bitmap_check(const uint8_t *at, size_t len)
{
    for (int before = -1; len > 0;) {
        if (len < 2 || at[0] <= before || at[1] < 1 || at[1] > 32 || len < 2u + at[1]) {
            return false;
        }
        before = at[0];
        size_t window = 2u + at[1];
        at += window;
        len -= window;
    }
    return true;
}

/* A length byte and as many bytes; how much that is, 0 when it does not fit. */
static size_t string_len(const uint8_t *at, size_t len)
{
    return len > 0 && len >= 1u + at[0] ? 1u + at[0] : 0;
}

/* RFC 5155 3.2 and 4.2: algorithm, flags, iterations, salt; then hash and types. */
static bool nsec3_check(uint16_t type, const uint8_t *rdata, size_t len)
{
    size_t salt = len > 4 ? string_len(rdata + 4, len - 4) : 0;
    if (salt == 0 || type == TYPE_NSEC3PARAM) {
        return salt > 0 && len == 4 + salt;
    }
    const uint8_t *at = rdata + 4 + salt;
    size_t left = len - 4 - salt, hash = string_len(at, left);
    return hash > 1 && bitmap_check(at + hash, left - hash);
}

/* RFC 4025 2.1: precedence, kind of gateway, algorithm, gateway, key. */
static bool ipseckey_check(const uint8_t *rdata, size_t len)
{
    if (len < 3) {
        return false;
    }
    switch (rdata[1]) {
    case 0:
        return true;
    case 1:
        return len >= 3 + 4;
    case 2:
        return len >= 3 + 16;
    case 3:
        return name_check(rdata + 3, len - 3) > 0;
    default:
        return false;
    }
}

/* RFC 9460 2.2 and 7: the value of one parameter of SVCB or HTTPS. */
static bool svcb_value_check(unsigned key, const uint8_t *value, size_t len)
{
    switch (key) {
    case 0: /* mandatory */
        return len > 0 && len % 2 == 0;
    case 1: /* alpn */
        for (size_t at = 0, one; at < len; at += one) {
            one = string_len(value + at, len - at);
            if (one < 2) {
                return false;
            }
        }
        return len > 0;
    case 2: /* no-default-alpn */
        return len == 0;
    case 3: /* port */
        return len == 2;
    case 4: /* ipv4hint */
        return len > 0 && len % 4 == 0;
    case 6: /* ipv6hint */
        return len > 0 && len % 16 == 0;
    default:
        return true;
    }
}

static bool svcb_check(const uint8_t *rdata, size_t len)
{
    size_t target = len > 2 ? name_check(rdata + 2, len - 2) : 0;
    size_t at = 2 + target;
    for (int before = -1; target > 0 && at < len;) {
        if (len - at < 4) {
            return false;
        }
        int key = rdata[at] << 8 | rdata[at + 1];
        size_t value = (size_t)rdata[at + 2] << 8 | rdata[at + 3];
        if (key <= before || len - at - 4 < value ||
            !svcb_value_check((unsigned)key, rdata + at + 4, value)) {
            return false;
        }
        before = key;
        at += 4 + value;
    }
    return target > 0;
}

static bool inner_check(uint16_t type, const uint8_t *rdata, size_t len)
{
    switch (type) {
    case TYPE_NSEC3:
    case TYPE_NSEC3PARAM:
        return nsec3_check(type, rdata, len);
    case TYPE_SVCB:
    case TYPE_HTTPS:
        return svcb_check(rdata, len);
    case KNOT_RRTYPE_IPSECKEY:
        return ipseckey_check(rdata, len);
    default:
        return rdata_type_is_data(type); /* meta types have no form here */
    }
}

/* libknot keeps MD, MF, MB, MG and MR in a table of their own; their names are compressed like all
 * others of RFC 1035, so they must be names. */
static const int *rdata_parts(uint16_t type)
{
    const knot_rdata_descriptor_t *obsolete = knot_get_obsolete_rdata_descriptor(type);
    return obsolete->type_name ? obsolete->block_types
                               : knot_get_rdata_descriptor(type)->block_types;
}

bool rdata_check(uint16_t type, const uint8_t *rdata, size_t len)
{
    unsigned fixed = type_fixed_bytes(type);
    if (fixed) {
        return len == fixed;
    }
    if (!inner_check(type, rdata, len)) {
        return false;
    }
    const int *parts = rdata_parts(type);
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
