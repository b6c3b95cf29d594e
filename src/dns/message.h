/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reading a query: header (RFC 1035 4.1.1), one question, EDNS (RFC 6891), the options that horizon
 * understands. Everything else in the packet is walked over with bounds, never trusted, never kept.
 *
 *   [header 12][question][records of any kind, one of them perhaps OPT]
 */
#pragma once

#include "base/address.h"
#include "dns/name.h"
#include "dns/type.h"

enum {
    HEADER_BYTES = 12
};

/* Bits of the header's second 16-bit word. */
enum {
    FLAG_QR = 0x8000,
    FLAG_AA = 0x0400,
    FLAG_TC = 0x0200,
    FLAG_RD = 0x0100,
    FLAG_RA = 0x0080,
    FLAG_AD = 0x0020,
    FLAG_CD = 0x0010,
    OPCODE_SHIFT = 11,
};

enum query_verdict {
    QUERY_OK,
    QUERY_DROP, /* too short for a header, or a response */
    QUERY_FORMERR,
    QUERY_NOTIMP,  /* opcode other than QUERY */
    QUERY_BADVERS, /* RFC 6891 6.1.3 */
};

/* The client subnet option, RFC 7871 section 6. */
struct client_subnet {
    bool present;
    bool valid;          /* well formed by RFC 7871 7.1.2 */
    uint8_t family;      /* 1 or 2 */
    uint8_t source_bits; /* in the family's own bits */
    struct address address;
    const uint8_t *raw; /* the option's data in the packet, echoed with the scope filled in */
    uint16_t raw_len;
};

struct query {
    uint16_t id, flags; /* flags as received */
    uint8_t opcode;
    uint16_t qtype, qclass;
    uint16_t question_len; /* bytes of the question section, echoed bit for bit; 0 if unusable */
    uint8_t name_len;      /* root label included */
    bool edns, dnssec_ok, nsid_asked;
    uint8_t edns_version;
    uint16_t udp_payload;
    struct client_subnet subnet;
    uint8_t name[NAME_MAX]; /* lower case; last, because only its name_len bytes are ever set */
};

/* Reads a packet of `len` bytes. The verdict says what kind of reply it deserves; the fields up to
 * where reading stopped are set. */
enum query_verdict query_read(const uint8_t *wire, size_t len, struct query *out);

static inline uint16_t wire_read16(const uint8_t *at)
{
    return (uint16_t)((unsigned)at[0] << 8 | at[1]);
}

static inline uint32_t wire_read32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void wire_write16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void wire_write32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}
