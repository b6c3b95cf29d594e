/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is registered, on disk: SQLite in WAL mode, one writer, everything of one call in one
 * transaction that is durable when the call returns.
 *
 *   object   kind, name, id → owner, revision, body (JSON): what is registered now
 *   verdict  name, id → verdict: what a restart goes on with
 *   history  revision → who, when, why, and the object before and after
 *   meta     schema, revision; drains (JSON)
 *
 * Anyone may read the file beside us (sqlite3 FOLDER/registry.db). Calls block, so they belong into
 * a thread of their own; one call at a time.
 */
#pragma once

#include "base/diag.h"
#include "base/time.h"

#include <stddef.h>

struct registry_store;

enum store_row_kind {
    STORE_SERVICE,
    STORE_INSTANCE,
    STORE_OVERRIDE
};

struct store_row {
    enum store_row_kind kind;
    const char *name, *id; /* id "" where there is none */
    const char *owner;
    uint64_t revision;
    const char *body;   /* JSON; NULL: the object goes */
    const char *before; /* JSON of what it was, for the history; NULL: it is new, or no history */
    bool history;
    const char *by, *why; /* of the history: who asked for it, and why; why may be NULL */
};

struct store_verdict {
    const char *name, *id;
    const char *verdict; /* NULL: forget it */
};

struct store_change {
    const struct store_row *rows;
    size_t row_count;
    const struct store_verdict *verdicts;
    size_t verdict_count;
    uint64_t revision;  /* of the last row; 0: rows are none */
    struct wall at;
    const char *drains; /* JSON of those that run; NULL: as it is */
};

/* Opens or makes FOLDER/registry.db; a damaged one is an error with a finding that says what helps,
 * never an empty registry. ERR_INVALID, ERR_PERMISSION, ERR_BUSY, ERR_SPACE, ERR_IO, ERR_NOMEM. */
int registry_store_open(const struct alloc *alloc, const char *folder, struct diag_list *diags,
                        struct registry_store **ret);
void registry_store_close(struct registry_store *store);

/* Everything or nothing. ERR_SPACE (disk full), ERR_IO, ERR_BUSY, ERR_NOMEM. */
int registry_store_write(struct registry_store *store, const struct store_change *change);

/* What is there, services before instances. Stops when `each` returns an error. */
typedef int registry_store_row(void *ctx, const struct store_row *row);
int registry_store_objects(struct registry_store *store, registry_store_row *each, void *ctx);
typedef int registry_store_seen(void *ctx, const struct store_verdict *verdict);
int registry_store_verdicts(struct registry_store *store, registry_store_seen *each, void *ctx);
/* As written last; NULL: nothing was. Free with mem_free(). */
char *registry_store_drains(struct registry_store *store);
uint64_t registry_store_revision(const struct registry_store *store);

struct store_event {
    uint64_t revision;
    struct wall at;
    enum store_row_kind kind;
    const char *name, *id, *owner, *why;
    const char *before, *after; /* JSON or NULL */
};
/* The last `limit` changes of declared state, newest first. */
typedef int registry_store_told(void *ctx, const struct store_event *event);
int registry_store_history(struct registry_store *store, uint64_t before, unsigned limit,
                           registry_store_told *each, void *ctx);

/* What SQLite said last, for a person. */
const char *registry_store_problem(const struct registry_store *store);
