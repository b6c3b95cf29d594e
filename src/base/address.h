/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * IP addresses and prefixes, without sockets. An address is 16 bytes: IPv6 as it is, IPv4 as its
 * IPv4-mapped form (::ffff:a.b.c.d, RFC 4291 2.5.5.2), so that one comparison orders both families
 * and an IPv4-mapped IPv6 peer *is* its IPv4 address.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address {
    uint8_t bytes[16];
};

/* `bits` counts in the 128-bit form: an IPv4 /24 is 120. Bits beyond it are zero. */
struct prefix {
    struct address base;
    uint8_t bits;
};

enum {
    ADDRESS_TEXT_BYTES = 48, /* longest text and its terminator */
    PREFIX_TEXT_BYTES = 52,
};

/* What kind of place an address is, for the leak guard. */
enum address_kind {
    ADDRESS_PUBLIC,
    ADDRESS_PRIVATE,     /* 10/8, 172.16/12, 192.168/16 (RFC 1918) */
    ADDRESS_ULA,         /* fc00::/7 (RFC 4193) */
    ADDRESS_CGNAT,       /* 100.64/10 (RFC 6598) */
    ADDRESS_LOOPBACK,    /* 127/8, ::1 */
    ADDRESS_LINKLOCAL,   /* 169.254/16, fe80::/10 */
    ADDRESS_UNSPECIFIED, /* 0/8, :: */
};

struct address address_from_v4(const uint8_t bytes[4]);
struct address address_from_v6(const uint8_t bytes[16]);
bool address_is_v4(const struct address *address);
enum address_kind address_kind(const struct address *address);
/* "private", "ULA", ... */
const char *address_kind_name(enum address_kind kind);

/* Text of an address; IPv4 dotted, IPv6 per RFC 5952. Returns out. */
char *address_to_text(const struct address *address, char out[ADDRESS_TEXT_BYTES]);
/* Whole text must be one address; ERR_INVALID otherwise. */
int address_from_text(const char *text, struct address *out);

/* "10.0.0.0/8", "2001:db8::/32", or a lone address. ERR_INVALID also when bits beyond the length
 * are set. */
int prefix_from_text(const char *text, struct prefix *out);
char *prefix_to_text(const struct prefix *prefix, char out[PREFIX_TEXT_BYTES]);
/* An IPv6 prefix holds no IPv4 address, not even ::/0. */
bool prefix_has(const struct prefix *prefix, const struct address *address);
