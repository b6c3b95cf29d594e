/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Keeps the image of what is served in a folder (store/image_file.h), and starts from it.
 *
 *   start:   folder ─► image whole? ─► mapped ─► control ─► answers at once ─► zone files are read
 *   running: published ─► a second's rest ─► written in the pool ─► renamed ─► at least the
 * interval stop:    what changed since is written once more
 *
 * After a start from an image its pages are moved into memory of our own, one large page a tick.
 * Nothing here stops a server from answering: without folder, room or permission it goes on, and
 * says so in the log and in `horizon status`.
 *
 * Control thread only.
 */
#pragma once

#include "daemon/state.h"

#include <jansson.h>

struct image;

/* Opens the folder and maps the image that lies there, while control is fresh. Findings are
 * warnings. Without a folder configured there is none: *ret_image stays. ERR_NOMEM. */
int image_new(struct state *state, const struct config *config, struct diag_list *findings,
              struct image **ret_image);
/* Writes what was not written yet. No job may be under way. Takes NULL. */
void image_free(struct image *image);

/* Serves what the image has of the configured zones; the number of zones. */
uint32_t image_restore(struct image *image);
/* The server answers: goes on with what has time. */
void image_ready(struct image *image);

/* Something was published. */
void image_note(struct image *image);
/* Is the pool at work for it? */
bool image_is_under_way(const struct image *image);

/* {"folder", "written_at", "bytes", "restored", "error"}, or null. */
json_t *image_to_json(const struct image *image);
