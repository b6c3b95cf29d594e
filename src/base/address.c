/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/address.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

enum {
    V4_BITS = 96,
    GROUPS = 8
};

static const uint8_t V4_MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* Everything that is not public. Most specific first, so that ::1 is not read as part of ::/8. */
static const struct {
    uint8_t v4, bits, base[16];
    enum address_kind kind;
} KINDS[] = {
    {1, 8, {10}, ADDRESS_PRIVATE},
    {1, 12, {172, 16}, ADDRESS_PRIVATE},
    {1, 16, {192, 168}, ADDRESS_PRIVATE},
    {1, 10, {100, 64}, ADDRESS_CGNAT},
    {1, 8, {127}, ADDRESS_LOOPBACK},
    {1, 16, {169, 254}, ADDRESS_LINKLOCAL},
    {1, 8, {0}, ADDRESS_UNSPECIFIED},
    {0, 7, {0xfc}, ADDRESS_ULA},
    {0, 10, {0xfe, 0x80}, ADDRESS_LINKLOCAL},
    {0, 128, {[15] = 1}, ADDRESS_LOOPBACK},
    {0, 128, {0}, ADDRESS_UNSPECIFIED},
};

struct address address_from_v4(const uint8_t bytes[4])
{
    struct address address;
    memcpy(address.bytes, V4_MAPPED, 12);
    memcpy(address.bytes + 12, bytes, 4);
    return address;
}

struct address address_from_v6(const uint8_t bytes[16])
{
    struct address address;
    memcpy(address.bytes, bytes, 16);
    return address;
}

bool address_is_v4(const struct address *address)
{
    return memcmp(address->bytes, V4_MAPPED, 12) == 0;
}

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    if (memcmp(a, b, bits / 8) != 0) {
        return false;
    }
    unsigned rest = bits % 8;
    return rest == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0;
}

enum address_kind address_kind(const struct address *address)
{
    bool v4 = address_is_v4(address);
    const uint8_t *bytes = v4 ? address->bytes + 12 : address->bytes;
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if (KINDS[i].v4 == v4 && bits_equal(bytes, KINDS[i].base, KINDS[i].bits)) {
            return KINDS[i].kind;
        }
    }
    return ADDRESS_PUBLIC;
}

const char *address_kind_name(enum address_kind kind)
{
    static const char *const names[] = {
        [ADDRESS_PUBLIC] = "public",
        [ADDRESS_PRIVATE] = "private",
        [ADDRESS_ULA] = "ULA",
        [ADDRESS_CGNAT] = "CGNAT",
        [ADDRESS_LOOPBACK] = "loopback",
        [ADDRESS_LINKLOCAL] = "link-local",
        [ADDRESS_UNSPECIFIED] = "unspecified",
    };
    return names[kind];
}

/* RFC 5952 4.2: the longest run of at least two zero groups, the first of equals. */
static void zero_run_find(const unsigned groups[GROUPS], int *ret_start, int *ret_len)
{
    int best = -1, best_len = 1;
    for (int i = 0; i < GROUPS;) {
        int end = i;
        while (end < GROUPS && groups[end] == 0) {
            end++;
        }
        if (end - i > best_len) {
            best = i;
            best_len = end - i;
        }
        i = end + 1;
    }
    *ret_start = best;
    *ret_len = best < 0 ? 0 : best_len;
}

static void v6_to_text(const uint8_t *bytes, char *out)
{
    unsigned groups[GROUPS];
    for (size_t i = 0; i < GROUPS; i++) {
        groups[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
    }
    int start, len;
    zero_run_find(groups, &start, &len);
    size_t at = 0;
    for (int i = 0; i < GROUPS; i++) {
        if (i == start) {
            at += (size_t)snprintf(out + at, ADDRESS_TEXT_BYTES - at, "::");
            i += len - 1;
            continue;
        }
        bool colon = i > 0 && i != start + len;
        at += (size_t)snprintf(out + at, ADDRESS_TEXT_BYTES - at, colon ? ":%x" : "%x", groups[i]);
    }
}

char *address_to_text(const struct address *address, char out[ADDRESS_TEXT_BYTES])
{
    if (address_is_v4(address)) {
        const uint8_t *b = address->bytes + 12;
        snprintf(out, ADDRESS_TEXT_BYTES, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
    } else {
        v6_to_text(address->bytes, out);
    }
    return out;
}

/* Decimal number at *text, at most `max`, without leading zeros (010 means 8 to some); -1 if none.
 */
static int number_read(const char **text, int max)
{
    const char *at = *text;
    if (*at < '0' || *at > '9' || (at[0] == '0' && at[1] >= '0' && at[1] <= '9')) {
        return -1;
    }
    int value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        value = value * 10 + (*at - '0');
        if (value > max) {
            return -1;
        }
    }
    *text = at;
    return value;
}

/* Four numbers with dots; moves *text behind them. */
static bool v4_read(const char **text, uint8_t out[4])
{
    for (int i = 0; i < 4; i++) {
        if (i > 0 && *(*text)++ != '.') {
            return false;
        }
        int value = number_read(text, 255);
        if (value < 0) {
            return false;
        }
        out[i] = (uint8_t)value;
    }
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One group of up to four hex digits; -1 if none or too long. */
static int group_read(const char **text)
{
    int value = 0, digits = 0;
    for (; hex_value(**text) >= 0; (*text)++) {
        value = value << 4 | hex_value(**text);
        if (++digits > 4) {
            return -1;
        }
    }
    return digits ? value : -1;
}

/* Is what follows, up to the next colon, dotted? Then it is the embedded IPv4 tail. */
static bool dotted_ahead(const char *text)
{
    while (hex_value(*text) >= 0) {
        text++;
    }
    return *text == '.';
}

/* Groups of an IPv6 text up to an end or '/'; `*gap` tells where "::" stood, -1 if nowhere. */
static int v6_groups_read(const char **text, uint8_t bytes[16], int *gap)
{
    int at = 0;
    *gap = -1;
    if ((*text)[0] == ':' && (*text)[1] == ':') {
        *text += 2;
        *gap = 0;
    }
    while (hex_value(**text) >= 0) {
        if (dotted_ahead(*text)) {
            if (at > 12 || !v4_read(text, bytes + at)) {
                return -1;
            }
            return at + 4;
        }
        int group = group_read(text);
        if (group < 0 || at > 14) {
            return -1;
        }
        bytes[at++] = (uint8_t)(group >> 8);
        bytes[at++] = (uint8_t)group;
        if (**text != ':') {
            return at;
        }
        (*text)++;
        if (**text == ':') {
            if (*gap >= 0) {
                return -1;
            }
            *gap = at;
            (*text)++;
        } else if (hex_value(**text) < 0) {
            return -1; /* a single colon at the end */
        }
    }
    return at;
}

static bool v6_read(const char **text, uint8_t out[16])
{
    uint8_t bytes[16] = {0};
    int gap, len = v6_groups_read(text, bytes, &gap);
    if (len < 0 || (gap < 0 ? len != 16 : len > 14)) {
        return false;
    }
    memset(out, 0, 16);
    size_t head = gap < 0 ? 16 : (size_t)gap, tail = (size_t)len - (gap < 0 ? 16 : (size_t)gap);
    memcpy(out, bytes, head);
    memcpy(out + 16 - tail, bytes + head, tail);
    return true;
}

static bool address_read(const char **text, struct address *out, bool *v4)
{
    uint8_t bytes[16];
    *v4 = dotted_ahead(*text);
    if (*v4) {
        if (!v4_read(text, bytes)) {
            return false;
        }
        *out = address_from_v4(bytes);
        return true;
    }
    if (!v6_read(text, bytes)) {
        return false;
    }
    *out = address_from_v6(bytes);
    return true;
}

int address_from_text(const char *text, struct address *out)
{
    struct address address;
    bool v4;
    if (!address_read(&text, &address, &v4) || *text != '\0') {
        return ERR_INVALID;
    }
    *out = address;
    return ERR_OK;
}

static bool host_bits_zero(const struct address *base, unsigned bits)
{
    for (unsigned i = bits; i < 128; i++) {
        if (base->bytes[i / 8] & (0x80 >> (i % 8))) {
            return false;
        }
    }
    return true;
}

int prefix_from_text(const char *text, struct prefix *out)
{
    struct prefix prefix = {.bits = 128};
    bool v4;
    if (!address_read(&text, &prefix.base, &v4)) {
        return ERR_INVALID;
    }
    if (*text == '/') {
        text++;
        int bits = number_read(&text, v4 ? 32 : 128);
        if (bits < 0) {
            return ERR_INVALID;
        }
        prefix.bits = (uint8_t)(v4 ? V4_BITS + bits : bits);
    }
    if (*text != '\0' || !host_bits_zero(&prefix.base, prefix.bits)) {
        return ERR_INVALID;
    }
    *out = prefix;
    return ERR_OK;
}

char *prefix_to_text(const struct prefix *prefix, char out[PREFIX_TEXT_BYTES])
{
    bool v4 = prefix->bits >= V4_BITS && address_is_v4(&prefix->base);
    char text[ADDRESS_TEXT_BYTES];
    snprintf(out, PREFIX_TEXT_BYTES, "%s/%u", address_to_text(&prefix->base, text),
             prefix->bits - (v4 ? (unsigned)V4_BITS : 0u));
    return out;
}

bool prefix_has(const struct prefix *prefix, const struct address *address)
{
    /* An IPv4 client is no IPv6 client: ::/0 and the like do not hold the mapped range. */
    if (prefix->bits < V4_BITS && address_is_v4(address)) {
        return false;
    }
    return bits_equal(prefix->base.bytes, address->bytes, prefix->bits);
}
