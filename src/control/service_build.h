/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Between the two halves of putting services into trees: service_nodes.c makes the nodes of all
 * names of a service as one view sees them, service_names.c puts them where they belong.
 *
 *   build_init ─► jobs_make (a node for each name) ─► into each view of the group ─► again ─►
 * deinit
 *
 * A struct build lives as long as one service is put; nobody else sees it.
 */
#pragma once

#include "control/service_state.h"

#include "snapshot/policy.h"

enum {
    SET_TYPES = 6,
    RECORD_HEAD = 12 /* owner as a pointer, type, class, TTL, length */
};

/* A name of the service and its node, for all views of a group. */
struct job {
    uint8_t name[NAME_MAX]; /* absolute */
    ref_t ref;
};

struct slot;

struct build {
    struct services *services;
    const struct names_target *target;
    struct service_run *run;
    const struct service *service;
    const struct desired_site *site; /* whose clients the draft is for; NULL: all others */
    unsigned view;                   /* of the group, that stands for the others */
    unsigned origin_len;             /* of its zone */
    const struct slot *slot;         /* its zone in the view */
    uint32_t ttl_s;                  /* that its records are told with */
    struct arena arena;              /* rdata until the node is encoded */
    struct buf policy;
    struct node_draft draft;
    struct candidate *candidates; /* room for all instances */
    const struct instance_entry **entries;
    struct job *jobs;
    uint32_t job_count, job_cap;
    bool nomem, told;            /* run->kind is set */
    size_t set_bytes[SET_TYPES]; /* of the draft */
};

/* It is meant for the view, and the leak guard does not refuse it there. */
bool address_shown(const struct desired *desired, const struct instance *instance, unsigned index,
                   unsigned view);
bool instance_shown(const struct desired *desired, const struct instance *instance, unsigned view);

/* The nodes of all names of the service (`all`: of its instances, too) as the build's view sees
 * them, in build->jobs. ERR_NOMEM, ERR_LIMIT. */
int jobs_make(struct build *build, bool all);

/* --- service_names.c -----------------------------------------------------------------------------
 */

/* A zone in one view, that a name lies in. */
struct slot {
    bool wanted, done;
    uint32_t zone;
    unsigned origin_len;
    struct twig root; /* of the zone's names, before */
    struct twig made; /* ... and after */
};

/* The zone that has the name in a view; false: none, or not loaded, or the name is its apex. */
bool slot_find(const struct names_target *target, const uint8_t *name, unsigned view,
               struct slot *out);
/* What stands at the name; NULL: nothing. */
const struct node *slot_node(const struct names_target *target, const struct slot *slot,
                             const uint8_t *name);
/* Makes it what base and edits of its zone say; what the draft says. */
int slot_give_back(const struct names_target *target, const struct slot *slot, const uint8_t *name,
                   unsigned view);
int slot_set(const struct names_target *target, const struct slot *slot, const uint8_t *name,
             unsigned view, struct node_draft *draft);
