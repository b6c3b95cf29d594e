/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The control socket: a unix stream socket that only its owner and group may use. Opened before the
 * daemon gives up root, so that it may lie in a folder of root's; one left behind by a dead daemon
 * is replaced, one that somebody answers is not.
 */
#pragma once

#include "base/diag.h"

#include <stddef.h>

/* Where it is when nothing says otherwise: /run/horizon/control.sock, or for a user other than root
 * $XDG_RUNTIME_DIR/horizon/control.sock when only that folder can hold it. Returns out. */
const char *control_socket_default(char *out, size_t size);

struct control_socket_owner {
    unsigned user, group; /* ids; UINT_MAX: leave as it is */
};

/* Listens at `path`; the missing last folder is made. Owner and group may use it, nobody else.
 * ERR_BUSY: a daemon answers there. ERR_LIMIT: the path is too long. ERR_PERMISSION, ERR_NOT_FOUND,
 * ERR_IO; a finding says why. */
int control_socket_open(const char *path, const struct control_socket_owner *owner,
                        struct diag_list *diags, int *ret_fd);
