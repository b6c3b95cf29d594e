/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Routes of the API that concern sites and how services move between them.
 *
 *   GET  /v1/sites     every site: its instances, what is declared, which services it failed
 *   GET  /v1/incidents what happened, newest first
 *   GET  /v1/plan      how long a failover will take: ?name=GLOB, budget=TIME, caches=N
 *   POST /v1/accept    {"owner"?, "site"?}: a person lets go what the blast radius holds
 *   POST /v1/failover  {"service", "to": site, "reason", "for"?}, or {"service", "end": true}: away
 *                      from all other sites of the service, at once
 *   POST /v1/failback  {"service"?: glob, "site"?}: sites that work again and wait are taken back
 */
#pragma once

#include "api/http.h"

void route_sites(void *ctx, struct http_request *request);
void route_incidents(void *ctx, struct http_request *request);
void route_plan(void *ctx, struct http_request *request);
void route_accept(void *ctx, struct http_request *request);
void route_failover(void *ctx, struct http_request *request);
void route_failback(void *ctx, struct http_request *request);
