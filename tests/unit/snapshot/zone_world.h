/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Zones from text, through the builder and the compiler alone, and what came out as text again:
 *
 *   world_base(text) ─► base tree, findings      world_compile(yaml, text, file) ─► a tree for each
 * view world_findings(): "z:5: error: ..."          world_dump(): "www 60 A 192.0.2.1" for each
 * record
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "config/config.h"
#include "dns/name.h"
#include "snapshot/check.h"
#include "snapshot/compile.h"
#include "snapshot/leak.h"
#include "unit/failing.h"
#include "unit/snapshot/audit.h"

enum {
    WORLD_VIEWS = 4,
    WORLD_TEXT = 1 << 17
};

/* The start of most zones: lines 1 to 3. */
#define APEX "@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2.53\n"

struct zone_world {
    struct backing backing;
    struct slab slab;
    uint8_t origin[NAME_MAX];
    struct config *config; /* of the last compile */
    void (*config_free)(struct config *config);
    struct records records;
    struct zone_base base;
    struct zone_edits edits;
    struct zone_tree trees[WORLD_VIEWS];
    struct diag_list diags;
    struct retired retired;
    char text[WORLD_TEXT];
};

void world_init(struct zone_world *world, const char *origin);
/* Gives everything up and audits the slab. */
void world_deinit(struct zone_world *world);

/* Builds the base from a zone text (file "z"), sharing with the base before it, which stays when
 * there are errors. The findings are those of this call. */
int world_base(struct zone_world *world, const char *text);

/* Base, and the first zone of world->config for all views, with both guards. `overlay` (may be
 * NULL): the text of the overlays' files, called "o". */
int world_compile_again(struct zone_world *world, const char *text, const char *overlay);

/* Lets go of the views and the configuration. */
void world_views_drop(struct zone_world *world);

/* The same for a configuration as YAML. (Here, so that only tests that use it link config.) */
static inline int world_compile(struct zone_world *world, const char *yaml, const char *text,
                                const char *overlay)
{
    struct diag_list diags;
    world_views_drop(world);
    diag_init(&diags, &ALLOC_MALLOC);
    int err = config_parse(&ALLOC_MALLOC, "c", yaml, strlen(yaml), &diags, &world->config);
    if (err != ERR_OK) {
        fail_msg("%s", diags.first ? diags.first->text : "no finding");
    }
    diag_deinit(&diags);
    world->config_free = config_free;
    return world_compile_again(world, text, overlay);
}

/* Applies one change of a base name to base and views, as control does. Records as zone text. */
int world_change(struct zone_world *world, const char *owner, const char *text);

const char *world_findings(struct zone_world *world);
const char *world_dump(struct zone_world *world, struct twig root);
void world_audit(const struct zone_world *world);
