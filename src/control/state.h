/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The state of control, shared by its files and nobody else.
 *
 *   control ─┬─ slab, views[]      what is served now: a tree of zones for each view
 *            ├─ zones[]            one entry a desired zone: its base tree, edits, state, held
 * version └─ taken (latest) ─►  what was replaced since waits in `retired` for the next take
 */
#pragma once

#include "control/control.h"
#include "ledger/ledger.h"
#include "snapshot/compile.h"

/* The records of one overlay's file; path NULL: the overlay has none. */
struct overlay_file {
    char *path;
    struct records records;
};

/* One version of a zone's content, judged by itself: its base tree and its overlays' edits. */
struct version {
    struct zone_base base;
    struct zone_edits edits;
    struct overlay_file *overlay_files; /* kept, for compiling again under another configuration */
    uint32_t overlay_file_count;
    bool present;
};

struct zone_entry {
    const struct desired_zone *desired;
    char *origin_text;
    struct version served, held;
    enum zone_state state;
    bool newest_failed; /* the file's newest version could not be loaded */
    bool matched;       /* during a reload: an entry of the new configuration continues this one */
    char *problem;
    struct wall loaded_at;
};

struct taken {
    struct taken *next;     /* that took its place */
    struct retired retired; /* to reclaim once this snapshot is handed back */
    struct snapshot snapshot;
};

struct services;

struct control {
    const struct alloc *alloc;
    struct services *services; /* NULL: nothing can be registered */
    struct ledger *ledger;     /* NULL: nobody keeps account of what is told */
    struct slab slab;
    struct twig views[LIMIT_VIEWS];
    const struct desired *desired;
    const struct scope *scope;
    struct control_limits limits;
    struct zone_entry *zones;
    uint32_t zone_count;
    uint64_t generation, revision;
    struct retired retired;
    struct taken *taken; /* latest */
    struct taken *spare; /* for the next: got before anything changes, so that taking cannot fail */
    bool changed;
};

/* version.c: makes and judges versions. */
int version_make(struct control *control, const struct desired_zone *zone,
                 const struct zone_content *content, const struct zone_base *old,
                 struct version *out, struct diag_list *diags);
/* The overlays of a version again, for another desired zone of the same origin: files that `from`
 * has, or else `other` (may be NULL). They are found by path, as overlays come and go. ERR_INVALID:
 * a file that neither has, or a finding in a text. On failure `out` holds what the caller must
 * drop. */
int version_overlays_again(struct control *control, const struct desired_zone *zone,
                           const struct version *from, const struct version *other,
                           struct version *out, struct diag_list *diags);
/* Drops what it holds; its tree goes to `retired`. */
void version_drop(struct control *control, struct version *version, struct retired *retired);

/* compile of one zone for all views into trees[]; views not in the result have empty roots.
 * `records` (may be NULL) give findings their lines. On failure nothing is left but notes in the
 * transaction. */
int version_compile(struct control *control, struct txn *txn, const struct desired *desired,
                    const struct desired_zone *zone, const struct zone_base *base,
                    const struct zone_edits *edits, const struct records *records,
                    struct zone_tree *trees, struct diag_list *diags);

/* Puts the compiled trees (or, without trees, an unloaded zone) into the trees of zones. Takes over
 * the trees' roots, also on failure. */
int zone_put(struct txn *txn, const struct desired_zone *zone, uint32_t index, uint32_t view_count,
             const struct zone_tree *trees, struct twig *views);

/* Releases the roots of compiled trees that nobody has seen. */
void trees_drop(struct slab *slab, const struct zone_tree *trees, uint32_t count);

/* Serves a version of zone i: compiled for the current views, or with the trees that are `ready`
 * (their roots are taken over, also on failure; NULL: none). Takes the version over on success. */
int version_serve(struct control *control, uint32_t index, struct version *version,
                  const struct zone_tree *ready, const struct records *records, struct wall now,
                  struct diag_list *diags);

/* Sentence about a zone's state, copied; NULL for none. */
void zone_problem_set(struct control *control, struct zone_entry *entry, const char *problem);

/* Must a person look at the change from `old` to `new` first? Then `reason` says why. */
bool version_guard(const struct control *control, const struct zone_base *old,
                   const struct zone_base *new, char *reason, size_t size);

/* One change of the trees, all of it or none: `change` puts names in, into `target`. */
struct names_target;
typedef int trees_change(struct services *services, const struct names_target *target);
int control_trees_change(struct control *control, trees_change *change, struct services *services);
