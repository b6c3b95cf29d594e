/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the control socket answers: one row an address, one function each. Every response carries
 * the revision and the generation that it speaks of.
 */
#pragma once

#include "api/http.h"

/* Ends with an empty row; the context of all is the struct state. */
extern const struct http_route ROUTES[];
