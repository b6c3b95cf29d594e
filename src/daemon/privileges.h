/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Giving up root once every socket is bound: groups, group, user, capabilities, and the way back
 * (no_new_privs). Called before any thread that opens files or sockets exists.
 */
#pragma once

#include "config/config.h"

struct identity {
    unsigned user, group; /* ids; UINT_MAX: stay who we are */
    const char *name;     /* of the user; NULL: stay */
};

/* Looks the configured user and group up. ERR_NOT_FOUND, ERR_PERMISSION with a finding. */
int identity_find(const struct config *config, struct diag_list *diags, struct identity *ret);

/* Becomes `identity` for good. Keeps CAP_NET_BIND_SERVICE if asked to, and no other capability
 * unless the process stays root. A failure leaves the process half changed: the caller must end. */
int privileges_drop(const struct identity *identity, bool keep_bind_capability,
                    struct diag_list *diags);
