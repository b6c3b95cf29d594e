/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The one publish point: the pointer to the current snapshot, and the grace period after which the
 * previous one may be taken apart. The only user of liburcu (QSBR flavour).
 *
 *   control:  publish_swap(new) ─► later: publish_done() hands back each old snapshot, oldest
 *             first, once no worker can hold it any more
 *   worker:   publish_online(), publish_load() after receive, once a batch; publish_quiescent()
 *             after the batch, or publish_offline() before it blocks in receive again
 *
 * One struct publish per server; nothing at file scope but liburcu's own thread state.
 */
#pragma once

#include "snapshot/snapshot.h"

struct publish;

/* `wake` is called from a helper thread when publish_done() has something; may be NULL. The thread
 * begins with the first publish. */
int publish_new(const struct alloc *alloc, void (*wake)(void *ctx), void *ctx,
                struct publish **out);

/* Ends the helper thread. The current snapshot and those in publish_done() are the caller's: call
 * publish_wait() and take them first. */
void publish_free(struct publish *publish);

/* Control: makes `snapshot` current (NULL: none, at the end). The old one comes back through
 * publish_done(). Never blocks; ERR_NOMEM leaves the old one current (also when the
 * helper found no thread, the first time). */
int publish_swap(struct publish *publish, const struct snapshot *snapshot);
/* Control: gets now what the next publish_swap() needs, so that it cannot fail. */
int publish_reserve(struct publish *publish);
/* Oldest retired snapshot that nobody can hold any more, or NULL. */
const struct snapshot *publish_done(struct publish *publish);
/* Waits until everything retired is done (stop, tests). */
void publish_wait(struct publish *publish);
/* Control thread's own view of the current snapshot. */
const struct snapshot *publish_current(const struct publish *publish);

/* Workers. */
void publish_thread_register(void);
void publish_thread_unregister(void);
void publish_online(void);
void publish_offline(void);
void publish_quiescent(void);
const struct snapshot *publish_load(const struct publish *publish);
