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
 * One address gets so many probes a second and no more (pace.h).
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

/* How many probes a second one address may get, whoever asks for them; more wait (PROBER_RATE until
 * it is set). */
#define PROBER_RATE 1000
void prober_rate_set(struct prober *prober, uint32_t rate);
/* How many had to wait for that, ever. */
uint64_t prober_delayed(const struct prober *prober);

/* The port for control; valid as long as the prober. */
struct probe_port prober_port(struct prober *prober);
