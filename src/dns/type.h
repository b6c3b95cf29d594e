/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Record types, classes, codes: the numbers that the query path needs by name, and the table of
 * what may be compressed inside rdata (RFC 1035 and RFC 3597 section 4: only the types of RFC
 * 1035).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum dns_type {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_MD = 3,
    TYPE_MF = 4,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_MB = 7,
    TYPE_MG = 8,
    TYPE_MR = 9,
    TYPE_PTR = 12,
    TYPE_HINFO = 13,
    TYPE_MINFO = 14,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_AAAA = 28,
    TYPE_SRV = 33,
    TYPE_NAPTR = 35,
    TYPE_KX = 36,
    TYPE_DNAME = 39,
    TYPE_OPT = 41,
    TYPE_DS = 43,
    TYPE_RRSIG = 46,
    TYPE_NSEC = 47,
    TYPE_DNSKEY = 48,
    TYPE_NSEC3 = 50,
    TYPE_NSEC3PARAM = 51,
    TYPE_SVCB = 64,
    TYPE_HTTPS = 65,
    TYPE_TKEY = 249,
    TYPE_TSIG = 250,
    TYPE_IXFR = 251,
    TYPE_AXFR = 252,
    TYPE_MAILB = 253,
    TYPE_MAILA = 254,
    TYPE_ANY = 255,
};

enum dns_class {
    CLASS_IN = 1,
    CLASS_CH = 3,
    CLASS_HS = 4,
    CLASS_NONE = 254,
    CLASS_ANY = 255
};

enum dns_opcode {
    OPCODE_QUERY = 0,
    OPCODE_IQUERY = 1,
    OPCODE_STATUS = 2,
    OPCODE_NOTIFY = 4,
    OPCODE_UPDATE = 5
};

enum dns_rcode {
    RCODE_NOERROR = 0,
    RCODE_FORMERR = 1,
    RCODE_SERVFAIL = 2,
    RCODE_NXDOMAIN = 3,
    RCODE_NOTIMP = 4,
    RCODE_REFUSED = 5,
    RCODE_YXDOMAIN = 6,
    RCODE_BADVERS = 16,
};

/* Extended DNS errors, RFC 8914 section 5.2. */
enum dns_ede {
    EDE_NONE = -1,
    EDE_OTHER = 0,
    EDE_STALE_ANSWER = 3,
    EDE_NOT_READY = 14,
    EDE_PROHIBITED = 18,
    EDE_NOT_AUTHORITATIVE = 20,
    EDE_NOT_SUPPORTED = 21,
    EDE_INVALID_DATA = 24,
};

enum {
    TYPE_TEXT_MAX = 16
};

/* "A", "HTTPS", "TYPE65280" into out. Returns out. */
char *type_to_text(uint16_t type, char out[TYPE_TEXT_MAX]);
/* "A", "aaaa", "TYPE65280"; ERR_INVALID when unknown. */
int type_from_text(const char *text, uint16_t *out);
/* "NOERROR", "NXDOMAIN", ...; "RCODE23" is not needed: unknown gives "?". */
const char *rcode_name(unsigned rcode);

/* Bytes of one rdata when the type has a fixed length that horizon stores without a length (A 4,
 * AAAA 16); 0 for all others. */
static inline unsigned type_fixed_bytes(uint16_t type)
{
    return type == TYPE_A ? 4 : type == TYPE_AAAA ? 16 : 0;
}

/* Types that rule 8 of the overlay treats as "the address of a name": A, AAAA, CNAME, HTTPS, SVCB,
 * SRV. */
bool type_is_address_group(uint16_t type);

/* Layout of a type whose rdata holds one or two names that a reply may compress: bytes before the
 * first name, names that follow, bytes after are copied. NULL when nothing is compressed. */
struct type_names {
    uint8_t before, names;
};
const struct type_names *type_compressed_names(uint16_t type);

/* Where the target name of NS, CNAME, DNAME, PTR, MX, SRV, KX, SVCB, HTTPS starts in its rdata; -1
 * for others. */
int type_target_offset(uint16_t type);
