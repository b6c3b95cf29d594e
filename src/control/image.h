/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The image: all that is served, in a form that a start goes on with at once. Trees as they lie in
 * memory (snapshot/relocate.h), and a list of the zones they belong to; where it is kept is the
 * shell's business.
 *
 *   control ─► control_image_begin() ─► plan ─► image_plan_write(), in any thread ─► two parts
 *   two parts ─► control_adopt() ─► control_configure() ─► control_restore() ─► served
 *
 * A zone is taken as its trees are only when everything that decides what its views see is the same
 * as when the image was made: overlays, `only`, views, exceptions of the leak guard, this program's
 * version. Else its base tree is compiled and judged anew, under the rules of today. Views,
 * listeners and access always come from the configuration, never from the image.
 *
 * A zone served from an image is ZONE_STALE until its text has been read. That text is judged like
 * every reload: one that lost too much is held.
 */
#pragma once

#include "control/control.h"

struct image_plan;

struct image_parts {
    size_t tree_bytes;   /* from the start of the output */
    uint64_t live_bytes; /* of them in blocks */
    size_t list_bytes;   /* of the list of zones, right behind the trees */
};

/* Holds what is served as it is now, until control_image_end(). ERR_NOMEM. */
int control_image_begin(struct control *control, struct image_plan **ret_plan);
/* The most that image_plan_write() can need. */
size_t image_plan_bytes(const struct image_plan *plan);
/* Writes both parts to out (on 8 bytes). Control may go on meanwhile. ERR_NOMEM, ERR_SPACE. */
int image_plan_write(struct image_plan *plan, uint8_t *out, size_t size, struct image_parts *ret);
void control_image_end(struct control *control, struct image_plan *plan);

/* The memory of a fresh control holds the trees of an image already, `committed` bytes of it are
 * usable. */
void control_adopt(struct control *control, const struct image_parts *parts, size_t committed);

/* Serves what the list has of the configured zones; once, after control_configure(). The rest of
 * the trees goes. *ret_zones: how many. Findings say which zone cannot be served from the image and
 * why. ERR_INVALID: no list of this version, nothing is served. ERR_NOMEM: some are. */
int control_restore(struct control *control, const uint8_t *list, size_t bytes,
                    struct diag_list *diags, uint32_t *ret_zones);
