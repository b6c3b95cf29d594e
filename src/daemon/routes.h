/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the control socket answers: one row an address, one function each. Every response carries
 * the revision and the generation that it speaks of.
 */
#pragma once

#include "api/http.h"
#include "api/until.h"
#include "daemon/state.h"

/* Ends with an empty row; the context of all is the struct state. */
extern const struct http_route ROUTES[];

/* The ledger and what it speaks of, as of now. */
struct until_world until_world_of(const struct state *state);
