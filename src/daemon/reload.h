/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reload: the configuration is read again, then the zones whose files changed; everything becomes
 * visible in one publish. A configuration with errors, or one whose sockets cannot be opened,
 * changes nothing at all. One reload at a time: those asked for meanwhile share the next one.
 *
 *   ask ─► read configuration (pool) ─► new sockets ─► control ─► read zones (pool) ─► publish
 *            └ refused: the old state stays                          ─► old sockets ─► tell the
 * askers
 *
 * Accepting a held reload of a zone waits its turn here too, but reads nothing.
 */
#pragma once

#include "daemon/state.h"

#include <jansson.h>

struct reload;

/* Told once; `result` is borrowed:
 * {"ok", "result": "reloaded"|"refused"|"accepted"|"partly accepted", "read": zones, "findings":
 * [...], "held": [zones], "changes": [text], "at"} */
typedef void reload_told(void *ctx, const json_t *result);

int reload_new(struct state *state, struct reload **ret_reload);
/* Askers that wait are forgotten. No reload may be under way. */
void reload_free(struct reload *reload);

/* Asks for a reload; `told` may be NULL. ERR_NOMEM. */
int reload_ask(struct reload *reload, reload_told *told, void *ctx);
/* Asks for the release of held zones, each "ZONE@SERIAL" in a JSON array. ERR_NOMEM. */
int reload_accept(struct reload *reload, const json_t *held, reload_told *told, void *ctx);

bool reload_is_under_way(const struct reload *reload);
/* The last result, or NULL. */
const json_t *reload_last(const struct reload *reload);
