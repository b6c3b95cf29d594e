/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Probing targets: the port of control/probe.h with real sockets. Each order becomes a target with
 * a beat of its own; kinds are rows of a table, one file each (README.md says how to add one).
 *
 *   beat ─► kind->begin() ─► events of sockets ─► target_finish(outcome) ─► next beat
 *                                 └ the timeout comes first: failed
 *
 * First beats are spread over the interval by a hash of the target, later ones keep their distance
 * with a little chance, so that a thousand targets are not asked at the same moment. A target that
 * nobody has looked at yet is asked at once; LIMIT_PROBES at a time, the others stand in a queue.
 *
 * Everything in the loop's thread.
 */
#pragma once

#include "control/probe.h"
#include "io/loop.h"

struct prober;

typedef void prober_told(void *ctx, struct probe *probe, enum outcome_kind outcome,
                         const char *detail);

/* `seed` spreads the beats. */
int prober_new(const struct alloc *alloc, struct loop *loop, uint64_t seed, prober_told *told,
               void *ctx, struct prober **ret);
/* All orders must have been stopped. */
void prober_free(struct prober *prober);

/* The port for control; valid as long as the prober. */
struct probe_port prober_port(struct prober *prober);
