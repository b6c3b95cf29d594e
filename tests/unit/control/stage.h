/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A control on a stage: configurations as YAML, zone files from a table, snapshots published to
 * readers that let go of them late, questions asked through answer(), and the audit of the slab
 * behind it all.
 *
 *   stage_init ─► stage_file... ─► stage_configure ─► stage_publish ─► stage_ask ─► stage_deinit
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/scope.h"
#include "control/state.h"
#include "unit/failing.h"
#include "unit/snapshot/audit.h"

enum {
    STAGE_FILES = 12,
    STAGE_READERS = 4,
    STAGE_SLAB_BYTES = 32 << 20,
    STAGE_SLAB_SMALL_BYTES = 1 << 20,
    STAGE_TEXT = 2048
};

/* A configuration lives until the last snapshot taken under it comes back. */
struct stage_epoch {
    struct config *config;
    struct scope *scope;
};

/* A published snapshot that somebody may still read, and what it said when it was new. */
struct stage_reader {
    const struct snapshot *snapshot;
    uint64_t content;
    struct stage_epoch over; /* ends with it */
};

struct stage {
    struct failing failing; /* what control allocates from */
    struct backing backing;
    struct control *control;
    struct diag_list diags; /* of the last call */
    struct stage_epoch epoch;
    struct stage_epoch replaced; /* still that of the latest snapshot */
    struct {
        const char *path, *text;
    } files[STAGE_FILES];
    struct stage_reader readers[STAGE_READERS]; /* oldest first */
    unsigned reader_count;
    char answer[STAGE_TEXT];
};

void stage_init(struct stage *stage);
/* With a small slab: quick to make many times. */
void stage_init_small(struct stage *stage);
/* Retires every snapshot in order, frees everything, and sees that nothing is left. */
void stage_deinit(struct stage *stage);

/* Sets the text of a file (kept by reference). */
void stage_file(struct stage *stage, const char *path, const char *text);

/* The configuration with the content of its zones' files (load), or without. The result of
 * control_reload(). */
int stage_configure(struct stage *stage, const char *yaml, bool load);

/* Loads zone i anew from its files. */
int stage_load(struct stage *stage, uint32_t zone);

/* Replaces the records of `owner`, as zone text; "" removes the name. */
int stage_change(struct stage *stage, uint32_t zone, const char *owner, const char *text);

/* Takes a snapshot, if there is one, and lets the oldest reader go when there are too many. Returns
 * whether there was a new one. */
bool stage_publish(struct stage *stage);
/* Lets the oldest reader go: what it sees must be what it saw. */
void stage_reader_leave(struct stage *stage);

/* Asks the newest snapshot (or reader `age` back): "www.example.com A" from "10.0.0.1" gives
 * "NOERROR 192.0.2.1 192.0.2.2", sorted as sent. */
const char *stage_ask(struct stage *stage, const char *from, const char *question);
const char *stage_ask_old(struct stage *stage, unsigned age, const char *from,
                          const char *question);
void stage_expect(struct stage *stage, const char *from, const char *question, const char *answer);

/* Every block of the slab is accounted for. */
void stage_audit(const struct stage *stage);

/* A sum over all names and records that a snapshot (or control itself) has, views apart. */
uint64_t stage_content(const struct slab *slab, const struct twig *views, uint32_t view_count);
