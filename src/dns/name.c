/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/name.h"

#include "base/error.h"
#include "base/limits.h"

#include <string.h>

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

size_t name_len(const uint8_t *name)
{
    size_t len = 1;
    while (*name) {
        len += *name + 1u;
        name += *name + 1u;
    }
    return len;
}

size_t name_check(const uint8_t *wire, size_t size)
{
    size_t at = 0;
    while (at < size && at < NAME_MAX) {
        uint8_t label = wire[at];
        if (label == 0) {
            return at + 1;
        }
        if (label > LIMIT_LABEL_BYTES) {
            return 0;
        }
        at += label + 1u;
    }
    return 0;
}

unsigned name_labels(const uint8_t *name)
{
    unsigned labels = 0;
    for (; *name; name += *name + 1u) {
        labels++;
    }
    return labels;
}

/* Eight bytes at once: bit 5 is set in every byte from 'A' to 'Z'. */
static uint64_t lower_word(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t low = word & ones * 0x7f;
    uint64_t from_a = low + ones * (0x80 - 'A'), beyond_z = low + ones * (0x80 - 'Z' - 1);
    uint64_t letters = from_a & ~beyond_z & ~word & ones * 0x80;
    return word | letters >> 2;
}

void name_lower(uint8_t *name, size_t len)
{
    /* Length bytes are below 'A' (at most 63), so the whole name can be folded blindly. */
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, name + i, 8);
        word = lower_word(word);
        memcpy(name + i, &word, 8);
    }
    for (; i < len; i++) {
        name[i] = lower(name[i]);
    }
}

bool name_equal(const uint8_t *a, const uint8_t *b)
{
    for (;; a++, b++) {
        /* Walk label by label, so that a length byte is never taken for data. */
        uint8_t len = *a;
        if (len != *b) {
            return false;
        }
        if (len == 0) {
            return true;
        }
        for (; len > 0; len--) {
            a++;
            b++;
            if (lower(*a) != lower(*b)) {
                return false;
            }
        }
    }
}

/* Starts of the labels from the left; returns how many. */
static unsigned label_starts(const uint8_t *name, const uint8_t *starts[LIMIT_LABELS])
{
    unsigned count = 0;
    for (; *name && count < LIMIT_LABELS; name += *name + 1u) {
        starts[count++] = name;
    }
    return count;
}

static int label_compare(const uint8_t *a, const uint8_t *b)
{
    unsigned shorter = *a < *b ? *a : *b;
    for (unsigned i = 1; i <= shorter; i++) {
        int diff = lower(a[i]) - lower(b[i]);
        if (diff) {
            return diff;
        }
    }
    return *a - *b;
}

int name_compare(const uint8_t *a, const uint8_t *b)
{
    const uint8_t *as[LIMIT_LABELS], *bs[LIMIT_LABELS];
    unsigned an = label_starts(a, as), bn = label_starts(b, bs);
    while (an > 0 && bn > 0) {
        int diff = label_compare(as[--an], bs[--bn]);
        if (diff) {
            return diff;
        }
    }
    return (int)an - (int)bn;
}

bool name_in_zone(const uint8_t *name, const uint8_t *zone)
{
    unsigned have = name_labels(name), want = name_labels(zone);
    if (have < want) {
        return false;
    }
    for (unsigned skip = have - want; skip > 0; skip--) {
        name += *name + 1u;
    }
    return name_equal(name, zone);
}

bool name_relative_below(const uint8_t *name, size_t len, const uint8_t *top, size_t top_len)
{
    size_t at = 0;
    while (at < len && len - at > top_len) {
        at += name[at] + 1u;
    }
    return at > 0 && len - at == top_len && (top_len == 0 || memcmp(name + at, top, top_len) == 0);
}

/* Bytes that zone text reads without a backslash. */
static bool byte_is_plain(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || strchr("-_*/", byte);
}

static char *label_to_text(const uint8_t *label, char *out)
{
    for (unsigned i = 1; i <= *label; i++) {
        uint8_t byte = label[i];
        if (byte <= 0x20 || byte >= 0x7f) {
            *out++ = '\\';
            *out++ = (char)('0' + byte / 100);
            *out++ = (char)('0' + byte / 10 % 10);
            *out++ = (char)('0' + byte % 10);
            continue;
        }
        if (!byte_is_plain(byte)) {
            *out++ = '\\';
        }
        *out++ = (char)byte;
    }
    *out++ = '.';
    return out;
}

char *name_to_text(const uint8_t *name, char *out)
{
    char *at = out;
    for (; *name; name += *name + 1u) {
        at = label_to_text(name, at);
    }
    if (at == out) {
        *at++ = '.';
    }
    *at = '\0';
    return out;
}

char *name_relative_to_text(const uint8_t *relative, size_t len, const uint8_t *zone, char *out)
{
    uint8_t name[NAME_MAX + NAME_MAX];
    memcpy(name, relative, len);
    memcpy(name + len, zone, name_len(zone));
    return name_to_text(name, out);
}

/* One escaped or plain character at *text; -1 on a bad escape. Advances *text. */
static int text_byte(const char **text)
{
    const char *at = *text;
    if (*at != '\\') {
        *text = at + 1;
        return (uint8_t)*at;
    }
    at++;
    if (*at >= '0' && *at <= '9') {
        int value = 0;
        for (int i = 0; i < 3; i++, at++) {
            if (*at < '0' || *at > '9') {
                return -1;
            }
            value = value * 10 + (*at - '0');
        }
        *text = at;
        return value <= 255 ? value : -1;
    }
    if (*at == '\0') {
        return -1;
    }
    *text = at + 1;
    return (uint8_t)*at;
}

/* Labels of `text` into out[0..NAME_MAX); sets *absolute when it ended with a dot. Length or -1. */
static int labels_from_text(const char *text, uint8_t *out, bool *absolute)
{
    size_t at = 0;
    *absolute = false;
    while (*text) {
        size_t start = at++;
        while (*text && *text != '.') {
            int byte = text_byte(&text);
            if (byte < 0 || at >= NAME_MAX || at - start > LIMIT_LABEL_BYTES) {
                return -1;
            }
            out[at++] = lower((uint8_t)byte);
        }
        if (at == start + 1 || at > NAME_MAX - 1) {
            return -1;
        }
        out[start] = (uint8_t)(at - start - 1);
        if (*text == '.') {
            text++;
            *absolute = *text == '\0';
        }
    }
    return (int)at;
}

int name_from_text(const char *text, const uint8_t *origin, uint8_t *out)
{
    static const uint8_t root[1] = {0};
    uint8_t name[NAME_MAX + 1];
    bool absolute;
    int len = 0;
    if (strcmp(text, ".") == 0) {
        out[0] = 0;
        return ERR_OK;
    }
    if (*text == '\0') {
        return ERR_INVALID;
    }
    if (strcmp(text, "@") == 0 && origin) {
        absolute = false;
    } else {
        len = labels_from_text(text, name, &absolute);
        if (len < 0) {
            return ERR_INVALID;
        }
    }
    const uint8_t *tail = absolute || !origin ? root : origin;
    size_t tail_len = name_len(tail);
    if ((size_t)len + tail_len > NAME_MAX) {
        return ERR_INVALID;
    }
    memcpy(out, name, (size_t)len);
    memcpy(out + len, tail, tail_len);
    name_lower(out, (size_t)len + tail_len);
    return ERR_OK;
}
