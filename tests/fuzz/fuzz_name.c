/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Any bytes as names: up to three wire names, then the rest as the text of one.
 *
 * What must hold: a name goes to text and back unchanged; the order is an order, agrees with
 * equality and with a plain reading of RFC 4034 6.1; below-a-zone agrees with comparing the labels
 * one by one; any text gives a valid lower-case name or an error.
 */
#include "base/assert.h"
#include "base/error.h"
#include "dns/name.h"

#include <stdlib.h>
#include <string.h>

enum {
    NAMES = 3,
    LABELS = 128
};

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static void lower_copy(uint8_t *out, const uint8_t *name)
{
    size_t len = name_len(name);
    memcpy(out, name, len);
    name_lower(out, len);
}

static unsigned labels_of(const uint8_t *name, const uint8_t *out[LABELS])
{
    unsigned count = 0;
    while (*name) {
        out[count++] = name;
        name += 1 + *name;
    }
    return count;
}

/* RFC 4034 6.1 over lower-case names: from the root's end, absent octets before zero octets. */
static int plain_compare(const uint8_t *a, const uint8_t *b)
{
    const uint8_t *as[LABELS], *bs[LABELS];
    unsigned an = labels_of(a, as), bn = labels_of(b, bs);
    for (unsigned i = 1; i <= an && i <= bn; i++) {
        const uint8_t *x = as[an - i], *y = bs[bn - i];
        size_t shorter = *x < *y ? *x : *y;
        int diff = memcmp(x + 1, y + 1, shorter);
        if (diff || *x != *y) {
            return diff ? sign(diff) : sign(*x - *y);
        }
    }
    return sign((int)an - (int)bn);
}

static bool plain_in_zone(const uint8_t *name, const uint8_t *zone)
{
    for (;; name += 1 + *name) {
        if (name_len(name) == name_len(zone) && memcmp(name, zone, name_len(zone)) == 0) {
            return true;
        }
        if (*name == 0) {
            return false;
        }
    }
}

static void round_trip(const uint8_t *name, const uint8_t *lowered)
{
    char text[NAME_TEXT_MAX], again[NAME_TEXT_MAX];
    uint8_t back[NAME_MAX];
    ASSERT(name_to_text(name, text) == text);
    size_t len = strlen(text);
    ASSERT(len > 0 && len < NAME_TEXT_MAX && text[len - 1] == '.');
    for (size_t i = 0; i < len; i++) {
        ASSERT(text[i] > ' ' && text[i] < 0x7f);
    }
    ASSERT(name_from_text(text, NULL, back) == ERR_OK);
    ASSERT(name_check(back, sizeof(back)) == name_len(name));
    ASSERT(memcmp(back, lowered, name_len(name)) == 0);
    /* An absolute name does not care for an origin. */
    ASSERT(name_from_text(text, (const uint8_t *)"\1z", back) == ERR_OK);
    ASSERT(memcmp(back, lowered, name_len(name)) == 0);
    ASSERT(strcmp(name_to_text(back, again), name_to_text(lowered, text)) == 0);
}

static void pair_check(uint8_t wire[NAMES][NAME_MAX], uint8_t lowered[NAMES][NAME_MAX], unsigned a,
                       unsigned b)
{
    int order = sign(name_compare(wire[a], wire[b]));
    ASSERT(order == plain_compare(lowered[a], lowered[b]));
    ASSERT(order == sign(name_compare(lowered[a], wire[b])));
    ASSERT(order == -sign(name_compare(wire[b], wire[a])));
    ASSERT((order == 0) == name_equal(wire[a], wire[b]));
    ASSERT(name_equal(wire[a], wire[b]) == name_equal(lowered[b], wire[a]));
    bool inside = plain_in_zone(lowered[a], lowered[b]);
    ASSERT(name_in_zone(wire[a], wire[b]) == inside);
    ASSERT(!inside || order >= 0);
    ASSERT(name_relative_below(lowered[a], name_len(lowered[a]) - 1, lowered[b],
                               name_len(lowered[b]) - 1) == (inside && order > 0));
}

static void order_check(uint8_t wire[NAMES][NAME_MAX])
{
    for (unsigned a = 0; a < NAMES; a++) {
        for (unsigned b = 0; b < NAMES; b++) {
            for (unsigned c = 0; c < NAMES; c++) {
                if (name_compare(wire[a], wire[b]) <= 0 && name_compare(wire[b], wire[c]) <= 0) {
                    ASSERT(name_compare(wire[a], wire[c]) <= 0);
                }
            }
        }
    }
}

static void text_check(const uint8_t *data, size_t size, const uint8_t *origin)
{
    char *text = malloc(size + 1);
    uint8_t name[NAME_MAX], fresh[NAME_MAX];
    ASSERT(text);
    if (size) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    memset(name, 0xee, sizeof(name));
    memset(fresh, 0xee, sizeof(fresh));
    if (name_from_text(text, origin, name) == ERR_OK) {
        uint8_t lowered[NAME_MAX];
        size_t len = name_check(name, sizeof(name));
        ASSERT(len > 0 && len == name_len(name));
        lower_copy(lowered, name);
        ASSERT(memcmp(lowered, name, len) == 0);
        bool absolute = len == 1 || !origin || strcmp(text, ".") == 0 ||
                        text[strlen(text) - 1] == '.' || name_in_zone(name, origin);
        ASSERT(absolute);
    } else {
        ASSERT(memcmp(name, fresh, sizeof(name)) == 0);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t wire[NAMES][NAME_MAX] = {{0}}, lowered[NAMES][NAME_MAX] = {{0}};
    for (unsigned i = 0; i < NAMES; i++) {
        uint8_t *exact = malloc(size ? size : 1); /* so that a byte too far is seen */
        ASSERT(exact);
        if (size) {
            memcpy(exact, data, size);
        }
        size_t len = name_check(exact, size);
        ASSERT(len <= size && len <= NAME_MAX);
        if (len > 0) {
            ASSERT(name_len(exact) == len && exact[len - 1] == 0);
            ASSERT(name_check(exact, len) == len && name_check(exact, len - 1) == 0);
            memcpy(wire[i], exact, len);
            data += len;
            size -= len;
        }
        free(exact);
        lower_copy(lowered[i], wire[i]);
        const uint8_t *starts[LABELS];
        ASSERT(name_labels(wire[i]) == labels_of(wire[i], starts));
        round_trip(wire[i], lowered[i]);
    }
    for (unsigned a = 0; a < NAMES; a++) {
        for (unsigned b = 0; b < NAMES; b++) {
            pair_check(wire, lowered, a, b);
        }
    }
    order_check(wire);
    text_check(data, size, NULL);
    text_check(data, size, lowered[0]);
    return 0;
}
