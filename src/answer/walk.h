/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * RFC 1034 4.3.2 over one view's zones, link by link of an alias chain, with RFC 4592 (wildcards),
 * RFC 6672 (DNAME), RFC 6604 (rcode and AA of chains), RFC 8020 (empty non-terminals), RFC 9471
 * (glue).
 */
#pragma once

#include "answer/answer.h"
#include "answer/reply.h"
#include "answer/trace.h"

struct walk_result {
    uint8_t rcode;
    uint8_t kind; /* enum answer_kind */
    bool authoritative, truncated;
    bool per_client; /* another client of the view might be told something else */
    int ede;         /* enum dns_ede */
    uint32_t zone;   /* of the first link; UINT32_MAX: none */
};

/* What registered names may draw on: who asks, and chance. */
struct walk_draw {
    const struct address *client;
    uint64_t random;
};

/* Fills the sections of `reply` for a question of class IN in the given view. */
void walk_answer(const struct snapshot *snapshot, unsigned view, const struct query *query,
                 const struct walk_draw *draw, struct reply *reply, struct walk_result *out,
                 struct told_list *told, struct trace *trace);
