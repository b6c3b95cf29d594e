/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer/reply.h"

enum {
    POINTER_TAG = 0xc000,
    POINTER_REACH = 0x3fff,
    RR_HEAD = 12
};

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

void reply_init(struct reply *reply, uint8_t *wire, size_t len, size_t limit)
{
    reply->wire = wire;
    reply->len = len;
    reply->limit = limit;
    reply->counts[0] = reply->counts[1] = reply->counts[2] = 0;
    reply->names[0] = HEADER_BYTES;
    reply->name_count = 1;
    reply->origin_len = 0;
}

void reply_zone_set(struct reply *reply, const uint8_t *origin, unsigned origin_len, uint16_t place)
{
    reply->origin = origin;
    reply->origin_len = origin_len;
    reply->origin_place = place;
}

void reply_rewind(struct reply *reply, const struct reply *mark)
{
    reply->len = mark->len;
    reply->name_count = mark->name_count;
    memcpy(reply->counts, mark->counts, sizeof(reply->counts));
}

/* Follows pointers from `at` to a length byte. Our own pointers only ever point backwards. */
static uint16_t name_follow(const uint8_t *wire, uint16_t at)
{
    while (wire[at] >= 0xc0) {
        at = wire_read16(wire + at) & POINTER_REACH;
    }
    return at;
}

uint16_t reply_name_skip(const struct reply *reply, uint16_t at, unsigned labels)
{
    at = name_follow(reply->wire, at);
    for (; labels > 0; labels--) {
        at = name_follow(reply->wire, (uint16_t)(at + reply->wire[at] + 1u));
    }
    return at;
}

/* Is the name at place `at` of the reply the name `name`, apart from case? */
static bool name_matches(const uint8_t *wire, uint16_t at, const uint8_t *name)
{
    for (;;) {
        at = name_follow(wire, at);
        unsigned len = wire[at];
        if (len != *name) {
            return false;
        }
        if (len == 0) {
            return true;
        }
        for (unsigned i = 1; i <= len; i++) {
            if (lower(wire[at + i]) != lower(name[i])) {
                return false;
            }
        }
        at = (uint16_t)(at + len + 1);
        name += len + 1;
    }
}

bool reply_name_is(const struct reply *reply, uint16_t at, const uint8_t *name)
{
    return name_matches(reply->wire, at, name);
}

static unsigned place_labels(const uint8_t *wire, uint16_t at)
{
    unsigned labels = 0;
    for (at = name_follow(wire, at); wire[at]; labels++) {
        at = name_follow(wire, (uint16_t)(at + wire[at] + 1u));
    }
    return labels;
}

/* Best place for the longest possible end of `name` (of `labels` labels) that a pointer reaches:
 * its place, and in *kept how many labels must still be written before the pointer. 0: none, write
 * all. (A name within reach may have its end beyond it.) */
static uint16_t name_best(const struct reply *reply, const uint8_t *name, unsigned labels,
                          unsigned *kept)
{
    uint16_t best = 0;
    *kept = labels;
    for (unsigned i = 0; i < reply->name_count; i++) {
        uint16_t at = name_follow(reply->wire, reply->names[i]);
        unsigned have = place_labels(reply->wire, at);
        unsigned skip_place = have > labels ? have - labels : 0;
        unsigned skip_name = labels > have ? labels - have : 0;
        const uint8_t *tail = name;
        for (unsigned k = 0; k < skip_name; k++) {
            tail += *tail + 1u;
        }
        at = reply_name_skip(reply, at, skip_place);
        for (; skip_name < *kept; skip_name++) {
            if (at <= POINTER_REACH && name_matches(reply->wire, at, tail)) {
                best = at;
                *kept = skip_name;
                break;
            }
            tail += *tail + 1u;
            at = reply_name_skip(reply, at, 1);
        }
    }
    return best;
}

/* Bytes of `name` before the origin of the zone at hand, or -1 when it is outside. */
static int name_before_origin(const struct reply *reply, const uint8_t *name)
{
    size_t len = name_len(name), before = 0;
    if (reply->origin_len <= 1 || len < reply->origin_len) {
        return -1;
    }
    while (len - before > reply->origin_len) {
        before += name[before] + 1u;
    }
    if (len - before != reply->origin_len) {
        return -1;
    }
    if (memcmp(name + before, reply->origin, reply->origin_len) == 0) {
        return (int)before; /* written in lower case, as nearly always */
    }
    return name_equal(name + before, reply->origin) ? (int)before : -1;
}

/* Writes a name of the zone at hand: its own labels, then a pointer to the origin. One comparison,
 * where the search below looks for the longest of all endings; good enough for all but delegations,
 * whose names share more. false: not of the zone, or no room. */
static bool name_write_in_zone(struct reply *reply, size_t *at, const uint8_t *name,
                               uint16_t *place)
{
    int before = name_before_origin(reply, name);
    if (before < 0 || reply->origin_place > POINTER_REACH ||
        *at + (size_t)before + 2 > reply->limit) {
        return false;
    }
    memcpy(reply->wire + *at, name, (size_t)before);
    if (place) {
        *place = before ? (uint16_t)*at : reply->origin_place;
    }
    if (before && *at <= POINTER_REACH && reply->name_count < LIMIT_COMPRESS) {
        reply->names[reply->name_count++] = (uint16_t)*at;
    }
    wire_write16(reply->wire + *at + before, POINTER_TAG | reply->origin_place);
    *at += (size_t)before + 2;
    return true;
}

/* Writes a name at *at, compressed; false when it would pass the limit. Remembers its place. */
static bool name_write(struct reply *reply, size_t *at, const uint8_t *name, uint16_t *place)
{
    unsigned labels = name_labels(name), kept;
    uint16_t pointer = name_best(reply, name, labels, &kept);
    size_t bytes = 0;
    const uint8_t *tail = name;
    for (unsigned i = 0; i < kept; i++) {
        bytes += *tail + 1u;
        tail += *tail + 1u;
    }
    if (*at + bytes + (pointer ? 2 : 1) > reply->limit) {
        return false;
    }
    memcpy(reply->wire + *at, name, bytes);
    uint16_t start = (uint16_t)*at;
    *at += bytes;
    if (pointer) {
        wire_write16(reply->wire + *at, POINTER_TAG | pointer);
        *at += 2;
    } else {
        reply->wire[(*at)++] = 0;
    }
    if (bytes > 0 && start <= POINTER_REACH && reply->name_count < LIMIT_COMPRESS) {
        reply->names[reply->name_count++] = start;
    }
    if (place) {
        *place = pointer && bytes == 0 ? pointer : start;
    }
    return true;
}

static void head_write(uint8_t *at, uint16_t owner, uint16_t type, uint32_t ttl)
{
    wire_write16(at, POINTER_TAG | owner);
    wire_write16(at + 2, type);
    wire_write16(at + 4, CLASS_IN);
    wire_write32(at + 6, ttl);
}

/* The rdata at *at; names compressed where the type allows. */
static bool rdata_write(struct reply *reply, size_t *at, uint16_t type,
                        const struct type_names *names, const uint8_t *rdata, size_t len,
                        uint16_t *target)
{
    const uint8_t *end = rdata + len;
    if (*at + names->before > reply->limit) {
        return false;
    }
    memcpy(reply->wire + *at, rdata, names->before);
    *at += names->before;
    rdata += names->before;
    for (unsigned i = 0; i < names->names; i++) {
        uint16_t *place = i == 0 ? target : NULL;
        bool quick = type != TYPE_NS && name_write_in_zone(reply, at, rdata, place);
        if (!quick && !name_write(reply, at, rdata, place)) {
            return false;
        }
        rdata += name_len(rdata);
    }
    size_t rest = (size_t)(end - rdata);
    if (*at + rest > reply->limit) {
        return false;
    }
    memcpy(reply->wire + *at, rdata, rest);
    *at += rest;
    return true;
}

static bool record_write(struct reply *reply, uint16_t owner, uint16_t type, uint32_t ttl,
                         const uint8_t *rdata, size_t len, uint16_t *target)
{
    const struct type_names *names = type_compressed_names(type);
    size_t at = reply->len + RR_HEAD;
    unsigned name_count = reply->name_count;
    if (!names) {
        if (at + len > reply->limit) {
            return false;
        }
        memcpy(reply->wire + at, rdata, len);
        at += len;
    } else if (at > reply->limit || !rdata_write(reply, &at, type, names, rdata, len, target)) {
        reply->name_count = name_count;
        return false;
    }
    head_write(reply->wire + reply->len, owner, type, ttl);
    wire_write16(reply->wire + reply->len + 10, (unsigned)(at - reply->len - RR_HEAD));
    reply->len = at;
    return true;
}

/* A and AAAA: all records in one go. */
static bool addresses_write(struct reply *reply, enum reply_section section, uint16_t owner,
                            const struct rrset *set, const uint8_t *data, uint32_t ttl)
{
    size_t size = set->type == TYPE_A ? 4 : 16;
    size_t fit = (reply->limit - reply->len) / (RR_HEAD + size);
    size_t count = set->count <= fit ? set->count : fit;
    uint8_t *at = reply->wire + reply->len, head[RR_HEAD];
    head_write(head, owner, set->type, ttl);
    wire_write16(head + 10, (unsigned)size);
    for (size_t i = 0; i < count; i++) {
        memcpy(at, head, RR_HEAD);
        if (size == 4) { /* copies of a known size are single instructions */
            memcpy(at + RR_HEAD, data, 4);
        } else {
            memcpy(at + RR_HEAD, data, 16);
        }
        at += RR_HEAD + size;
        data += size;
    }
    reply->len = (size_t)(at - reply->wire);
    reply->counts[section] = (uint16_t)(reply->counts[section] + count);
    return count == set->count;
}

bool reply_add_set(struct reply *reply, enum reply_section section, uint16_t owner,
                   const struct node *node, const struct rrset *set, uint32_t ttl, uint16_t *target)
{
    const uint8_t *at = rrset_data(node, set);
    if (set->type == TYPE_A || set->type == TYPE_AAAA) {
        return addresses_write(reply, section, owner, set, at, ttl);
    }
    for (unsigned i = 0; i < set->count; i++) {
        uint16_t len;
        const uint8_t *rdata = rdata_next(set, &at, &len);
        if (!record_write(reply, owner, set->type, ttl, rdata, len, target)) {
            return false;
        }
        reply->counts[section]++;
    }
    return true;
}

bool reply_add_rotated(struct reply *reply, enum reply_section section, uint16_t owner,
                       const struct node *node, const struct rrset *set, uint32_t ttl,
                       unsigned start)
{
    struct rrset first = *set, rest = *set;
    const uint8_t *from = rrset_data(node, set);
    first.count = (uint16_t)(set->count - start);
    rest.count = (uint16_t)start;
    for (unsigned i = 0; i < start; i++) {
        uint16_t len;
        rdata_next(set, &from, &len);
    }
    first.at = (uint32_t)(from - (const uint8_t *)node);
    return reply_add_set(reply, section, owner, node, &first, ttl, NULL) &&
           reply_add_set(reply, section, owner, node, &rest, ttl, NULL);
}

unsigned reply_add_picked(struct reply *reply, enum reply_section section, uint16_t owner,
                          const struct node *node, const struct rrset *set, uint32_t ttl,
                          const struct pick *pick)
{
    struct rrset one = *set;
    unsigned i = 0;
    one.count = 1;
    for (; i < pick->count; i++) {
        one.at = pick->at[i];
        if (!reply_add_set(reply, section, owner, node, &one, ttl, NULL)) {
            break;
        }
    }
    return i;
}

bool reply_add_name(struct reply *reply, enum reply_section section, uint16_t owner, uint16_t type,
                    uint32_t ttl, const uint8_t *name, uint16_t *target)
{
    if (!record_write(reply, owner, type, ttl, name, name_len(name), target)) {
        return false;
    }
    reply->counts[section]++;
    return true;
}

/* One address with its owner written out; *ret_place is where the owner stands. */
static bool address_write_named(struct reply *reply, const uint8_t *owner, const struct rrset *set,
                                const uint8_t *data, uint16_t *ret_place)
{
    size_t size = set->type == TYPE_A ? 4 : 16, at = reply->len;
    unsigned name_count = reply->name_count;
    if (!name_write(reply, &at, owner, ret_place) || at + RR_HEAD - 2 + size > reply->limit) {
        reply->name_count = name_count;
        return false;
    }
    uint8_t head[RR_HEAD];
    head_write(head, 0, set->type, set->ttl);
    wire_write16(head + 10, (unsigned)size);
    memcpy(reply->wire + at, head + 2, RR_HEAD - 2);
    memcpy(reply->wire + at + RR_HEAD - 2, data, size);
    reply->len = at + RR_HEAD - 2 + size;
    reply->counts[SECTION_ADDITIONAL]++;
    return true;
}

bool reply_add_addresses(struct reply *reply, const uint8_t *owner, const struct node *node,
                         const struct rrset *set)
{
    uint16_t place = reply_find_name(reply, owner);
    const uint8_t *data = rrset_data(node, set);
    struct rrset rest = *set;
    /* The name stands nowhere yet: the first record writes it, the others point there; beyond the
     * reach of pointers each writes it. */
    while (rest.count > 0 && (!place || place > POINTER_REACH)) {
        if (!address_write_named(reply, owner, set, data, &place)) {
            return false;
        }
        data += set->type == TYPE_A ? 4 : 16;
        rest.count--;
    }
    return addresses_write(reply, SECTION_ADDITIONAL, place, &rest, data, set->ttl);
}

uint16_t reply_find_name(const struct reply *reply, const uint8_t *name)
{
    unsigned kept;
    uint16_t place = name_best(reply, name, name_labels(name), &kept);
    return kept == 0 ? place : 0;
}
