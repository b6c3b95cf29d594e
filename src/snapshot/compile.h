/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From a zone's base tree and its overlays to what each view sees. A view's tree starts as the
 * base's (one shared root) and copies only the paths to names that its overlays touch or its `only`
 * rules take away, so a view costs memory for its differences.
 *
 *   base ─┬─► view without overlay: the same root
 *         └─► view with overlays: root' ─► (shared nodes ..., changed paths)
 */
#pragma once

#include "registry/desired.h"
#include "snapshot/build.h"

/* One overlay edit, ready to apply. Edits of one owner lie together, in the order of the
 * configuration. */
struct zone_edit {
    uint8_t *owner; /* absolute */
    enum edit_op op;
    bool from_file; /* of the overlay */
    uint16_t type;  /* 0: not named */
    uint32_t order, overlay;
    uint64_t views;
    struct place place;
    struct draft_record *records;
    uint32_t record_count;
};

struct zone_edits {
    struct arena arena;
    struct zone_edit *edits;
    uint32_t count;
    uint32_t names; /* different owners */
};

/* Parses the overlays of a zone: their inline texts, and the records of their files
 * (file_records[i] of overlay i; the array or an entry's list may be empty). ERR_INVALID after
 * findings. */
int zone_edits_build(const struct alloc *alloc, const struct desired_zone *zone,
                     const struct records *file_records, uint32_t file_count,
                     struct diag_list *diags, struct zone_edits *out);
void zone_edits_deinit(struct zone_edits *edits);

/* Edits of one owner: first index, and how many. */
uint32_t zone_edits_find(const struct zone_edits *edits, const uint8_t *owner, uint32_t *count);

struct zone_tree {
    struct twig root;
    bool wildcard;
};

/* The tree of one view, from the base. Takes a reference to the base's root. On failure out->root
 * is what the caller must release. */
int zone_compile_view(struct txn *txn, const struct desired_zone *zone,
                      const struct zone_base *base, const struct zone_edits *edits, unsigned view,
                      struct findings *findings, struct zone_tree *out);

/* Brings a change of one base name into a view's tree: shares the base's new path where nothing
 * differs, applies the view's edits of that name where something does. */
int zone_compile_change(struct txn *txn, const struct desired_zone *zone, struct twig base_old,
                        struct twig base_new, const struct zone_edits *edits, unsigned view,
                        const struct qp_name *name, struct zone_tree *tree);

/* Makes one name of a view's tree what base and edits say, whatever stands there. */
int zone_compile_name(struct txn *txn, const struct desired_zone *zone,
                      const struct zone_base *base, const struct zone_edits *edits, unsigned view,
                      const struct qp_name *name, struct zone_tree *tree);
