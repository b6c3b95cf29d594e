/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * YAML text as a tree whose every node knows its line and column. Only what a configuration needs:
 * scalars, lists and maps; one document; no anchors, aliases or tags, so that a small file cannot
 * grow into a large tree; UTF-8 only; depth and size bounded by LIMIT_CONFIG_DEPTH and
 * LIMIT_CONFIG_BYTES.
 *
 *   map ── first ─► value (key "server") ── next ─► value (key "views") ── next ─► ...
 *                     └ first ─► value (key "listen") ─► ...
 *
 * Everything lives in the arena that the caller passes; the tree is read-only once made.
 */
#pragma once

#include "base/diag.h"

enum node_kind {
    NODE_TEXT, /* a scalar; an empty one has no characters and is not quoted */
    NODE_LIST,
    NODE_MAP,
    NODE_BAD, /* a finding has been made already; readers pass over it */
};

struct node {
    enum node_kind kind;
    bool quoted;
    const char *text; /* of NODE_TEXT: UTF-8, no control characters but line feeds */
    struct place place;
    const struct node *key; /* of a map's value: NODE_TEXT */
    struct node *next;      /* in the same list or map, in the order written */
    struct node *first;
    uint32_t count;
};

/* Makes the tree. ret_root: NULL for an empty document. ERR_INVALID when the text cannot be taken
 * as a tree at all (one finding says where); lesser faults, such as a key written twice, are
 * findings and the tree is made nevertheless. ERR_NOMEM. */
int tree_read(struct arena *arena, const char *file, const char *text, size_t len,
              struct diag_list *diags, struct node **ret_root);

/* Value of a key, or NULL. The first one if the key was written twice. */
const struct node *tree_get(const struct node *map, const char *key);

/* No value was written: `key:` alone, `~` or `null`. */
bool tree_is_empty(const struct node *node);
