/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Zone files: the text of a zone and of its overlays, read and parsed into what control takes over.
 * What a file includes must lie in that file's own folder or below; a path that leads outside, also
 * through a symbolic link, is refused. Nothing here waits for a pipe or a device.
 *
 *   example.com.zone ──┬─► zone_content.base          $INCLUDE hosts/web ─► in the same list, with
 *   internal.overlay ──┴─► zone_content.overlays[i]                         its own file and lines
 *
 * Called from a thread pool: no state, and each call has its own content and findings. A name in
 * $INCLUDE is relative to the file that holds it. The names in records.files can be opened as they
 * are.
 */
#pragma once

#include "control/control.h"

/* Reads one zone of the desired state. ERR_INVALID: it cannot be served, the findings say why, with
 * file and line where there is one. ERR_NOMEM. On failure *out is as it was. The caller gives *out
 * back with zone_content_deinit(). `early`: a long text need not be parsed yet, the list of its
 * records has the rest come (dns/records.h); where that fails with ERR_AGAIN, load without. `zone`
 * must live as long as such a list. */
int zonefile_load(const struct alloc *alloc, const struct desired_zone *zone, bool early,
                  struct zone_content *out, struct diag_list *diags);

/* Takes an all-zero content too. */
void zone_content_deinit(struct zone_content *content);
