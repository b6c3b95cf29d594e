/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * JSON answers turned into text for people: replies, explanations, zones. The same JSON comes from
 * a running daemon and from the offline commands, so both look alike.
 */
#pragma once

#include <jansson.h>

/* Text of a member; "" when it is missing or no text. */
const char *show_text(const json_t *object, const char *key);
json_int_t show_number(const json_t *object, const char *key);

/* The sections of a reply, one record a line. */
void show_reply(const json_t *reply, const char *indent);
/* "NOERROR, aa, 1 record, 62 bytes" into out. Returns out. */
char *show_reply_summary(const json_t *reply, char *out, size_t size);

void show_explanation(const json_t *explanation);
/* A table of zones; all, or only those that are not simply loaded. Returns how many were left out.
 */
size_t show_zones(const json_t *zones, int all);
