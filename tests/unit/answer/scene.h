/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A world that the tests of answer() share, how they ask it, and a reply as text to compare.
 *
 *   internal  10.0.0.0/8          example.com with an overlay, corp.example.com; 10.0.0.53 may send
 * a client subnet external  everyone else       example.com both      example.org; broken.test,
 * which is configured and never loads
 */
#pragma once

#include "answer/trace.h"
#include "unit/answer/packet.h"
#include "unit/answer/world.h"

enum {
    SCENE_TEXT_BYTES = 1 << 16,
    SCENE_OPTIONS_BYTES = 512
};

struct scene {
    struct world world;
    struct packet reply; /* of the last question */
    uint8_t wire[LIMIT_MESSAGE_BYTES];
    size_t len;
    struct outcome outcome;
    struct told_list told; /* since it was emptied last */
    char text[SCENE_TEXT_BYTES];
};

struct ask {
    const char *name;
    uint16_t type;
    const char *from; /* NULL: 192.0.2.1, an external client */
    bool tcp, edns, dnssec_ok;
    uint16_t payload, class; /* class 0: IN */
    uint8_t version;
    uint16_t flags; /* RD, opcode, ... */
    const uint8_t *options;
    uint16_t options_len;
    struct trace *trace;
};

/* The shared world; scene_free() takes it down. */
struct scene *scene_new(void);
/* Nothing in it yet: declare, then scene_serve(). */
struct scene *scene_new_empty(size_t bytes);
void scene_serve(struct scene *scene);
void scene_free(struct scene *scene);

/* Asks, and reads the reply strictly into scene->reply. Fails the test when it does not read. */
void scene_ask(struct scene *scene, const struct ask *ask);
size_t scene_query(const struct ask *ask, uint8_t *out);

/* The last reply, a line for its header and one for each record but OPT:
 *
 *     NOERROR aa
 *     an www.example.com. 300 A 192.0.2.80
 */
const char *scene_text(struct scene *scene);
