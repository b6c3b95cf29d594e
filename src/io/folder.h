/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Texts from other hands: a whole file, read without ever waiting for anybody, and if wanted only
 * from below a folder, so that a name written in one file cannot reach another part of the system,
 * neither by "..", nor as an absolute path, nor through a symbolic link. Thread-safe: no state.
 *
 * A folder, a pipe, a socket and a device are refused, not opened and waited for.
 */
#pragma once

#include "base/alloc.h"

/* The whole file `name`, with a terminating 0 that *ret_len does not count. `folder` NULL: `name`
 * is a path like any other; else a path in that folder, and what leads outside is ERR_REFUSED.
 * ERR_NOT_FOUND, ERR_PERMISSION, ERR_INVALID (not a regular file), ERR_LIMIT (more than `most`
 * bytes), ERR_IO, ERR_NOMEM. */
int folder_file_read(const struct alloc *alloc, const char *folder, const char *name, size_t most,
                     char **ret_text, size_t *ret_len);
