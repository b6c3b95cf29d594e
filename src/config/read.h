/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reading a tree by the rows of the option table. One struct reading is under way at a time; it
 * holds what all readers need and remembers failure, so that readers go on and every fault of a
 * file is found in one pass:
 *
 *   group_read("zones[]", node, zone)
 *     for each row of the group, in the table's order: its value, or that it is missing
 *     for each key that is no row: an unknown key, and what it may have meant
 *
 * The table's order is the order of reading: listeners before views, views before zones.
 */
#pragma once

#include "config/options.h"
#include "config/tree.h"

struct reading {
    struct config *config;
    struct arena *scratch; /* the tree and texts for findings; gone after reading */
    struct diag_list *diags;
    bool nomem;                /* some allocation failed: the result is worth nothing */
    bool views_unclear;        /* the views could not be read: do not complain about unknown ones */
    bool listeners_unclear;    /* the same for listeners */
    bool listeners_faulty;     /* some listener has no address: do not judge them */
    struct desired_zone *zone; /* whose subtrees and overlays are being read */
};

/* Adds an error. `mend` as from reading_text(), or a literal, or NULL. */
__attribute__((format(printf, 4, 5))) void reading_error(struct reading *reading,
                                                         struct place place, const char *mend,
                                                         const char *format, ...);
__attribute__((format(printf, 4, 5))) void reading_warning(struct reading *reading,
                                                           struct place place, const char *mend,
                                                           const char *format, ...);
/* Text for a mend, in scratch memory; NULL without memory, which is remembered. */
__attribute__((format(printf, 2, 3))) const char *reading_text(struct reading *reading,
                                                               const char *format, ...);

/* Cleared memory that lives as long as the configuration; NULL without memory, which is remembered.
 */
void *reading_new(struct reading *reading, size_t count, size_t bytes);
const char *reading_keep(struct reading *reading, const char *text);

/* Defaults of all rows of a group, from the table. */
void group_default(struct reading *reading, const char *group, void *base);
/* Reads a map: all rows of the group. Defaults are the caller's, by group_default(). */
void group_read(struct reading *reading, const char *group, const struct node *node, void *base);

/* The value has the kind that is needed; a finding otherwise, unless one was made already. */
bool node_expect(struct reading *reading, const struct option *option, const struct node *node,
                 enum node_kind kind);

/* One scalar, by its row; used by group_read() for rows without a reader. */
void scalar_read(struct reading *reading, const struct option *option, const struct node *node,
                 void *base);

/* Pieces that readers share. Each makes its own findings and returns whether the value is good. */
bool prefix_read(struct reading *reading, struct place place, const char *what, const char *text,
                 struct prefix *out);
bool endpoint_read(struct reading *reading, struct place place, const char *what, const char *text,
                   struct desired_listener *out);
bool views_read(struct reading *reading, const struct option *option, const struct node *node,
                uint64_t *out);
uint8_t *name_keep(struct reading *reading, const uint8_t *name);

/* Names of views and listeners: letters, digits, '-', '_', '.', at most 63. */
bool label_check(struct reading *reading, struct place place, const char *what, const char *text);

/* A name inside reading->zone: relative to it, unless it ends with a dot or with the zone's own
 * name. */
bool owner_read(struct reading *reading, struct place place, const char *text, uint8_t *out);

/* What one value cannot show: how listeners, matches and zones stand to each other (check.c). */
void check_config(struct reading *reading);
void check_overlays(struct reading *reading, const struct desired_zone *zone);

option_reader read_registry_below, read_sites, read_site_match, read_locality, read_nothing,
    read_group, read_listen, read_nsid, read_views_map, read_match, read_subnet_from;
option_reader read_zones, read_subtrees, read_owner, read_overlays, read_edits, read_removals,
    read_exceptions, read_services, read_instances, read_checks, read_texts, read_policy, read_ttl,
    read_flap_hold, read_status, read_addresses, read_meta, read_targets, read_references,
    read_api_listen, read_tokens;
