/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One incident as a picture: how much of what caches held still led to the site that failed, from
 * the first sign to the end. Stands by itself: no fonts, scripts or styles from elsewhere.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* `incident` as GET /v1/incidents gives it. */
void incident_svg(FILE *out, const json_t *incident);
