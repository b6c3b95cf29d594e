/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Routes of the API that concern what is registered. Bodies are the forms of api/registry_json.h;
 * every answer carries "revision" (of the registry) and "generation".
 *
 *   POST /v1/register    an instance ("expect": its revision, 0: not there yet)
 *   POST /v1/renew       {"service", "id", "check"?, "status"?, "note"?}: a heartbeat
 *   POST /v1/deregister  {"service", "id"?, "expect"?}: an instance, or the service with all of its
 * own POST /v1/service     a service's policy POST /v1/override    {"name", "instance"?, "action",
 * "reason", "for"?}, or {"name", "end": true} POST /v1/apply       {"services": [], "instances":
 * [], "dry_run"?, "expect"?, "prune"?}: a plan GET  /v1/services, /v1/instances?service=,
 * /v1/history
 */
#pragma once

#include "api/http.h"
#include "daemon/state.h"
#include "registry/service.h"

/* "revision" (of the registry) and "generation" into a reply. */
void body_numbers(const struct state *state, json_t *body, uint64_t revision);
/* Who asks: "unix:UID" of the control socket, "api:NAME" of a token; false: nobody knows. */
bool request_owner(const struct state *state, const struct http_request *request, char *out,
                   size_t size);
/* The reply to what could not be done. */
void request_refuse(struct http_request *request, int err, const struct refusal *refusal);

/* Guards the API over TCP: everybody who reaches it may read; a request that changes something
 * needs a token of the configuration. Pages of other sites get nothing (their browser says who sent
 * it).
 */
void api_guard(void *ctx, struct http_request *request);

void route_register(void *ctx, struct http_request *request);
void route_renew(void *ctx, struct http_request *request);
void route_deregister(void *ctx, struct http_request *request);
void route_service(void *ctx, struct http_request *request);
void route_override(void *ctx, struct http_request *request);
void route_apply(void *ctx, struct http_request *request);
void route_services(void *ctx, struct http_request *request);
void route_instances(void *ctx, struct http_request *request);
void route_overrides(void *ctx, struct http_request *request);
void route_restore(void *ctx, struct http_request *request);
void route_history(void *ctx, struct http_request *request);
