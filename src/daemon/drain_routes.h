/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Routes of the API for planned moves.
 *
 *   POST /v1/drain    {"site" | "service" and "instance", "reason", "to"?, "ttl"?, "for"?,
 *                      "dry_run"?}: begins one, and says its number
 *   POST /v1/undrain  {"site" | "service" and "instance"}: ends it
 *   GET  /v1/drains   all of them, newest first; ?drain=NUMBER: that one
 */
#pragma once

#include "api/http.h"

void route_drain(void *ctx, struct http_request *request);
void route_undrain(void *ctx, struct http_request *request);
void route_drains(void *ctx, struct http_request *request);
