/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reading zones: a few at a time in the thread pool, each handed to the control thread as it comes.
 * A zone that cannot be read stops nobody.
 *
 *   wanted zones ─► pool: read and parse (LIMIT_LOADING at once) ─► take(zone) ... ─► done()
 *                                                      ▲ once more └─ ERR_AGAIN
 *
 * Which zones are wanted: those without content, those whose last reading failed, and those of
 * which a file changed since.
 */
#pragma once

#include "daemon/state.h"

/* One zone as read. `err` is not ERR_OK when it could not be; its findings say why. */
struct loaded_zone {
    uint32_t zone;
    const struct desired_zone *desired;
    int err;
    struct zone_content content;
    struct zone_files files;
    struct diag_list findings;
};

struct load_target {
    /* Control thread; what it wants to keep it moves out, leaving an initialized shell. ERR_AGAIN:
     * content that came early will not become whole; it is read anew, and comes again. */
    int (*take)(void *ctx, struct loaded_zone *loaded);
    /* May content come early, that is, does take() work on it at once? Its findings are then those
     * of a second reading, if there are any. */
    bool early;
    /* All were taken, or the daemon is stopping. */
    void (*done)(void *ctx);
    void *ctx;
};

/* Reads zones (indices in `desired`). `done` is called from the loop, or before this returns when
 * there is nothing to read. ERR_NOMEM: nothing was begun, `done` is not called. */
int load_start(struct state *state, const struct desired *desired, const uint32_t *zones,
               uint32_t count, const struct load_target *target);

/* Gives content read for the current configuration to control, and its findings to the log and to
 * `findings`. */
/* Logs that the zone was not loaded, if memory was missing even for that finding. */
void load_tell_lost(const struct loaded_zone *loaded, int err);
/* ERR_AGAIN: see load_target; nothing was done. */
int load_deliver(struct state *state, struct loaded_zone *loaded, struct diag_list *findings);
/* Tells control and the findings that a zone could not be read. */
void load_deliver_failure(struct state *state, struct loaded_zone *loaded);
void loaded_zone_deinit(const struct alloc *alloc, struct loaded_zone *loaded);

/* Zones of `epoch` that must be read, an array of the caller's: epoch is the current one, or one to
 * take its place. ERR_NOMEM. */
int load_wanted(const struct state *state, const struct epoch *epoch, uint32_t **ret_zones,
                uint32_t *ret_count);
