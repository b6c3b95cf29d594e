/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The port through which control has targets probed. The shell implements it with sockets, a drill
 * with a model; what comes back goes to services_outcome(), in the writer's thread.
 *
 *   control ─► start(order) ─► ... ─► services_outcome(probe, outcome, detail) again and again
 *          ─► stop(probe)   ─► no more of that probe
 *
 * Checks that ask the same of the same target share one probe, whatever services they are for.
 */
#pragma once

#include "health/verdict.h"
#include "registry/service.h"

struct probe; /* control's handle; the shell hands it back */

struct probe_order {
    struct probe *probe;
    struct address address;
    uint16_t port;
    bool at_once;              /* nobody has looked at the target yet */
    const struct check *check; /* kind, times and texts; lives until stop() */
};

struct probe_port {
    void *ctx;
    /* ERR_NOMEM, ERR_UNSUPPORTED. */
    int (*start)(void *ctx, const struct probe_order *order, void **ret_handle);
    void (*stop)(void *ctx, void *handle);
};
