/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The desired state that a configuration declares: views (who asks), zones (what is served to
 * whom), overlays (what differs by view) and the leak guard's exceptions. Plain tables, read-only
 * once made; config/ fills them from YAML, the flags of `serve` fill them too, the compiler reads
 * them.
 *
 *   desired ─┬─ listeners[]   name, address:port
 *            ├─ views[]       matches[] (prefix, listener), client-subnet resolvers
 *            ├─ zones[]       origin, file, only, subtrees[], overlays[] ─► edits[]
 *            └─ exceptions[]  what the leak guard lets pass, and why
 *
 * A set of views is a bit mask, bit i = views[i]. All memory lives in one arena owned by the maker.
 */
#pragma once

#include "base/address.h"
#include "base/diag.h"
#include "registry/service.h"

enum {
    VIEW_NONE = 255
};
#define VIEWS_ALL UINT64_MAX

struct desired_listener {
    const char *name; /* NULL when it was given as a bare address */
    struct address address;
    uint16_t port;
    uint16_t slot; /* stable number of its sockets, what the workers call it: the index, until a
                      reload keeps a listener that moved in the list */
    struct place place;
};

struct desired_match {
    struct prefix prefix;
    int listener; /* index, or -1 for any */
    struct place place;
};

struct desired_view {
    const char *name;
    bool internal; /* may hand out private addresses */
    bool is_default;
    bool implicit; /* made from flags alone: internal, the leak guard only warns */
    struct desired_match *matches;
    uint32_t match_count;
    struct prefix *subnet_from; /* resolvers whose client subnet option counts */
    uint32_t subnet_from_count;
    struct place place;
};

enum edit_op {
    EDIT_REPLACE, /* drops the address group of the name (or only `type`), then adds the records */
    EDIT_ADD,     /* adds the records */
    EDIT_REMOVE,  /* drops everything at the name (or only `type`) */
};

struct desired_edit {
    enum edit_op op;
    uint8_t *owner;   /* absolute, lower case */
    uint16_t type;    /* 0: not named */
    const char *text; /* zone text of the records, one a line, owner included; NULL for REMOVE */
    struct place place;
};

struct desired_overlay {
    uint64_t views;
    const char *reason; /* why the views differ; NULL: the difference is undeclared */
    struct desired_edit *edits;
    uint32_t edit_count;
    const char *file; /* more REPLACE edits, as a zone text: every owner in it replaces; or NULL */
    struct place place;
};

struct desired_subtree {
    uint8_t *name; /* absolute, lower case */
    uint64_t only;
    struct place place;
};

struct desired_zone {
    uint8_t *origin;          /* absolute, lower case */
    const char *file;         /* path as it is opened */
    uint64_t only;            /* VIEWS_ALL: everyone */
    bool registry;            /* its negatives are short-lived */
    uint8_t **registry_below; /* or those at and below these names, absolute */
    uint32_t registry_below_count;
    struct desired_subtree *subtrees;
    uint32_t subtree_count;
    struct desired_overlay *overlays;
    uint32_t overlay_count;
    struct place place;
};

/* A datacenter, for who asks: its clients, and which other sites are near, nearest first. */
struct desired_site {
    const char *name;
    struct desired_match *matches;
    uint32_t match_count;
    const char **near;
    uint16_t near_count;
    struct check *checks; /* of the site as a whole, each with a target */
    uint16_t check_count;
    uint16_t need;      /* of them; 0: all */
    struct check *gate; /* at most one: passes once nothing is connected there any more */
    uint16_t gate_count;
    struct place place;
};

struct desired_exception {
    uint8_t *name; /* absolute, lower case; a leading "*." label covers everything below */
    uint64_t views;
    struct prefix prefix;
    const char *reason;
    struct place place;
};

struct desired {
    struct desired_listener *listeners;
    uint32_t listener_count;
    struct desired_view *views;
    uint32_t view_count;
    struct desired_zone *zones;
    uint32_t zone_count;
    struct desired_exception *exceptions;
    uint32_t exception_count;
    struct desired_site *sites;
    uint32_t site_count;
};

/* Index of the view called `name`, or VIEW_NONE. */
unsigned desired_view_find(const struct desired *desired, const char *name);
