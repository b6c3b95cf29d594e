/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The one writer, as a state machine. Inputs: a configuration, a zone's new content, a person's
 * acceptance of a held reload. It judges (zone checks, leak guard, reload guard), compiles what
 * changed into the next snapshot, and hands that out as an effect; it knows no files, sockets or
 * threads.
 *
 *   control_configure(desired, scope) ──┐
 *   control_zone_loaded(zone, records) ─┼─► decide ─► compile ─► control_take_snapshot() ─► publish
 *   control_accept(zone, serial) ───────┘                        control_retire(snapshot) ◄─ after
 * grace
 *
 * All calls from one thread. A failed call leaves the state as it was.
 */
#pragma once

#include "base/diag.h"
#include "base/time.h"
#include "dns/records.h"
#include "snapshot/node.h"
#include "snapshot/snapshot.h"

struct control;

struct control_limits {
    uint32_t hold_removed_percent, hold_removed_names;
};

/* The parsed content of a zone: its file's records, and those of its overlays' files. */
struct zone_content {
    struct records base;
    struct records *overlays; /* one per desired overlay (empty list when it has no file) */
    uint32_t overlay_count;
};

enum zone_state {
    ZONE_UNLOADED, /* SERVFAIL */
    ZONE_LOADED,
    ZONE_STALE, /* the last reload failed; the old version is served */
    ZONE_HELD,  /* the last reload waits for a person; the old version is served */
};

struct zone_status {
    const char *origin; /* text */
    const char *file;
    enum zone_state state;
    uint32_t serial;      /* served */
    bool held;            /* a version waits for a person, whatever became of newer ones */
    uint32_t held_serial; /* its serial */
    uint64_t names, records;
    uint64_t only;         /* views that have it */
    struct wall loaded_at; /* of the served version */
    const char *problem;   /* why STALE, HELD or UNLOADED; NULL otherwise */
    uint64_t overlay_names;
};

int control_new(const struct alloc *alloc, const struct slab_backing *backing,
                struct control **out);
void control_free(struct control *control);

/* Keeps account of what is told in `ledger`, which must outlive it. */
struct ledger;
void control_ledger_set(struct control *control, struct ledger *ledger);

/* A new configuration. Zones that stay keep their content; zones that go vanish; new ones are
 * unloaded. Overlays, views and leak guard are judged anew against loaded content. `desired` and
 * `scope` must live until the matching control_retire() of the last snapshot that was taken while
 * they were current. */
int control_configure(struct control *control, const struct desired *desired,
                      const struct scope *scope, const struct control_limits *limits,
                      struct diag_list *diags);

/* The same with new content for some zones at once (contents[i] NULL: none, the zone keeps what it
 * has), so that a reload becomes visible as a whole. A zone whose new content is refused or held
 * keeps its old version; the configuration is refused (ERR_INVALID, nothing changed) only when
 * content that is already served breaks its rules. control_configure() is this without contents. */
int control_reload(struct control *control, const struct desired *desired,
                   const struct scope *scope, const struct control_limits *limits,
                   const struct zone_content *const *contents, struct wall now,
                   struct diag_list *diags);

/* New content for zone i of the desired state; the control takes what it needs, the caller keeps
 * ownership of `content`. ERR_INVALID: refused, the old version stays (findings say why). ERR_HELD:
 * kept aside by the reload guard. ERR_AGAIN: content that was still coming will not become whole;
 * nothing has changed. */
int control_zone_loaded(struct control *control, uint32_t zone, const struct zone_content *content,
                        struct wall now, struct diag_list *diags);
/* Its text could not be read or parsed. */
void control_zone_failed(struct control *control, uint32_t zone, const char *problem);

/* Sets the records of one owner name in the base of zone i, in every view that sees it (no records:
 * the name goes). The incremental path: costs some copied paths, whatever the zone's size. The
 * zone's rules are the caller's to keep; the leak guard is applied. */
int control_change_name(struct control *control, uint32_t zone, const uint8_t *owner,
                        const struct draft_record *records, uint32_t count,
                        struct diag_list *diags);

/* Releases a held reload; ERR_NOT_FOUND when none is held with that serial. */
int control_accept(struct control *control, uint32_t zone, uint32_t serial, struct wall now,
                   struct diag_list *diags);

/* The snapshot to publish, if something changed since the last call; NULL otherwise. It needs no
 * memory: what a change cannot be shown with, it asks for before it changes anything. The caller
 * hands every taken snapshot back, in order, when the grace period after its replacement is over.
 */
struct snapshot *control_take_snapshot(struct control *control);
void control_retire(struct control *control, const struct snapshot *snapshot);

int control_zone_status(const struct control *control, uint32_t zone, struct zone_status *out);
uint32_t control_zone_count(const struct control *control);
uint32_t control_zone_find(const struct control *control, const uint8_t *origin, unsigned view);

struct control_memory {
    uint64_t live_bytes, free_bytes, retired_bytes;
};
void control_memory(const struct control *control, struct control_memory *out);
