/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A DNS message as JSON, for people and scripts: what `query` prints and `explain` shows. Reads any
 * server's reply, so every byte is checked; and makes the query that is asked.
 *
 *   {"id", "rcode", "flags": ["qr", "aa"], "question": {"name", "type"},
 *    "answer": [{"name", "ttl", "type", "data"}], "authority": [...], "additional": [...],
 *    "edns": {"payload", "version", "nsid", "errors": [{"code", "text"}], "subnet": {"prefix",
 * "scope"}}}
 */
#pragma once

#include "base/address.h"

#include <jansson.h>

enum {
    REPLY_QUERY_MAX = 512
};

/* ERR_FORMAT when it is not a whole DNS message; ERR_NOMEM. */
int reply_to_json(const uint8_t *wire, size_t len, json_t **ret_json);

struct reply_question {
    uint16_t id;
    const uint8_t *name; /* absolute */
    uint16_t type;
    uint16_t payload;            /* EDNS payload size; 0: no EDNS */
    const struct prefix *subnet; /* client subnet option; NULL: none */
};

/* Writes the query into out[REPLY_QUERY_MAX]; returns its length. */
size_t reply_make_query(const struct reply_question *question, uint8_t *out);
