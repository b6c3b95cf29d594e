/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * All sockets of one listener: UDP and TCP on the same address and port, one of each for every
 * worker. Sockets that the service manager handed over are used first; workers share them when
 * there are fewer than workers.
 *
 * Sockets of a SO_REUSEPORT group split the queries, so a second server on the same address would
 * go unnoticed and take half of them. Therefore an address is first tried alone.
 */
#pragma once

#include "base/diag.h"
#include "io/socket.h"
#include "registry/desired.h"

struct listener_request {
    const struct desired_listener *listener;
    uint32_t workers;
    bool v6_only;   /* an IPv4 wildcard listens on the same port */
    bool try_alone; /* nobody of ours can hold the address already */
    bool running;   /* at a reload: privileges may be gone */
    const int *inherited;
    uint32_t inherited_count;
};

/* How many sockets of the larger kind were handed over for a listener; each needs a worker. */
uint32_t listener_inherited(const struct desired_listener *listener, const int *inherited,
                            uint32_t inherited_count);

/* Fills udp[workers] and tcp[workers]; a port 0 is resolved in `ret_bound`. On failure everything
 * is closed and a finding names the address and the mend. */
int listener_open(const struct listener_request *request, int *udp, int *tcp,
                  struct endpoint *ret_bound, struct diag_list *diags);
