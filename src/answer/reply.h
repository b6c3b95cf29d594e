/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Writing a reply: records behind the question, names compressed (RFC 1035 4.1.4), never past the
 * limit. A record that does not fit leaves the reply as it was and says so; the caller decides
 * whether that means TC.
 *
 *   [header][question][answer records][authority][additional] ... limit ... [room kept for OPT]
 *
 * Owner names are hardly ever written out: an owner is a place in the reply where its name stands
 * already (the question, or the rdata of a record before it).
 */
#pragma once

#include "base/limits.h"
#include "dns/message.h"
#include "answer/pick.h"

struct reply {
    uint8_t *wire;
    size_t len, limit;
    uint16_t counts[3];             /* answer, authority, additional */
    uint16_t names[LIMIT_COMPRESS]; /* places of names that later ones may point to */
    unsigned name_count;
    /* The zone at hand stands in the reply already, as the end of the name asked for. */
    const uint8_t *origin; /* lower case */
    unsigned origin_len;   /* 0: no zone yet */
    uint16_t origin_place;
};

enum reply_section {
    SECTION_ANSWER,
    SECTION_AUTHORITY,
    SECTION_ADDITIONAL
};

/* Starts behind a question that is already in `wire`. */
void reply_init(struct reply *reply, uint8_t *wire, size_t len, size_t limit);

/* From here on names of this zone may point to its origin at `place`. */
void reply_zone_set(struct reply *reply, const uint8_t *origin, unsigned origin_len,
                    uint16_t place);

/* Place in the reply of the name at `at` without its first `labels` labels; follows pointers. */
uint16_t reply_name_skip(const struct reply *reply, uint16_t at, unsigned labels);

/* Is the name at place `at` of the reply `name`, apart from case? */
bool reply_name_is(const struct reply *reply, uint16_t at, const uint8_t *name);

/* Adds one record set; each record whole or not at all. Returns whether all fitted. When `target`
 * is not NULL it receives the place of the (last) record's first compressible name. */
bool reply_add_set(struct reply *reply, enum reply_section section, uint16_t owner,
                   const struct node *node, const struct rrset *set, uint32_t ttl,
                   uint16_t *target);

/* The same, beginning with record `start` and going round. */
bool reply_add_rotated(struct reply *reply, enum reply_section section, uint16_t owner,
                       const struct node *node, const struct rrset *set, uint32_t ttl,
                       unsigned start);

/* Adds the picked records in their order, as many as fit; returns how many. */
unsigned reply_add_picked(struct reply *reply, enum reply_section section, uint16_t owner,
                          const struct node *node, const struct rrset *set, uint32_t ttl,
                          const struct pick *pick);

/* Adds one record with an uncompressed name as its only rdata (a synthesized CNAME). */
bool reply_add_name(struct reply *reply, enum reply_section section, uint16_t owner, uint16_t type,
                    uint32_t ttl, const uint8_t *name, uint16_t *target);

/* Adds a set of A or AAAA records of `owner` to the additional section. Returns whether all fitted.
 */
bool reply_add_addresses(struct reply *reply, const uint8_t *owner, const struct node *node,
                         const struct rrset *set);

/* Place of an absolute name that stands in the reply already, 0 if it does not. */
uint16_t reply_find_name(const struct reply *reply, const uint8_t *name);

/* Forgets everything behind `mark` (a copy taken earlier). */
void reply_rewind(struct reply *reply, const struct reply *mark);
