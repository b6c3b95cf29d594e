/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A whole server in memory, without files, sockets or threads: views and zones are declared, the
 * texts go the way that a zone file goes (zonetext, control), and a snapshot comes out to be asked.
 * For the tests of the answer function and for its fuzzers.
 *
 *   world_init ─► world_view, world_zone, world_edit ... ─► world_serve ─► answer(world.snapshot,
 * ...)
 *
 * Arrays are fixed and small; a zone that control refuses stays unloaded, and is counted.
 */
#pragma once

#include "answer/answer.h"
#include "base/assert.h"
#include "base/error.h"
#include "control/control.h"
#include "dns/name.h"
#include "dns/zonetext.h"

#include <stdlib.h>
#include <string.h>

enum {
    WORLD_VIEWS = 4,
    WORLD_MATCHES = 4,
    WORLD_ZONES = 8,
    WORLD_EDITS = 8,
    WORLD_SUBTREES = 2,
};

struct world_zone {
    const char *text; /* not owned; NULL: never loaded */
    uint8_t origin[NAME_MAX];
    struct desired_overlay overlays[WORLD_EDITS]; /* one edit each */
    struct desired_edit edits[WORLD_EDITS];
    uint8_t owners[WORLD_EDITS][NAME_MAX];
    struct desired_subtree subtrees[WORLD_SUBTREES];
    uint8_t subtree_names[WORLD_SUBTREES][NAME_MAX];
};

struct world {
    struct desired desired;
    struct desired_view views[WORLD_VIEWS];
    const char *view_names[WORLD_VIEWS];
    struct desired_match matches[WORLD_VIEWS][WORLD_MATCHES];
    struct prefix subnet_from[WORLD_VIEWS];
    struct desired_zone zones[WORLD_ZONES];
    struct world_zone contents[WORLD_ZONES];
    struct scope scope;
    struct view_match *match;
    struct slab_backing backing;
    struct control *control;
    struct snapshot *snapshot;
    unsigned refused; /* zones */
};

static inline int world_commit(void *ctx, size_t bytes)
{
    const struct slab_backing *backing = ctx;
    return bytes <= backing->reserved ? ERR_OK : ERR_LIMIT;
}

/* `bytes`: room for the nodes of all zones. */
static inline void world_init(struct world *world, size_t bytes)
{
    memset(world, 0, sizeof(*world));
    world->desired.views = world->views;
    world->desired.zones = world->zones;
    world->scope.view_names = world->view_names;
    world->scope.udp_payload = LIMIT_UDP_PAYLOAD;
    world->backing.base = calloc(1, bytes);
    world->backing.reserved = bytes;
    world->backing.commit = world_commit;
    world->backing.ctx = &world->backing;
    ASSERT(world->backing.base);
}

/* A view for clients in `prefix` (NULL: the default view). All views may hand out private
 * addresses. */
static inline void world_view(struct world *world, const char *name, const char *prefix)
{
    unsigned index = world->desired.view_count++;
    ASSERT(index < WORLD_VIEWS);
    struct desired_view *view = &world->views[index];
    *view = (struct desired_view){.name = name, .internal = true, .matches = world->matches[index]};
    world->view_names[index] = name;
    if (!prefix) {
        view->is_default = true;
        return;
    }
    struct desired_match *match = &view->matches[view->match_count++];
    match->listener = -1;
    ASSERT(prefix_from_text(prefix, &match->prefix) == ERR_OK);
}

/* One more prefix of the view declared last. */
static inline void world_match(struct world *world, const char *prefix)
{
    struct desired_view *view = &world->views[world->desired.view_count - 1];
    ASSERT(view->match_count < WORLD_MATCHES);
    struct desired_match *match = &view->matches[view->match_count++];
    match->listener = -1;
    ASSERT(prefix_from_text(prefix, &match->prefix) == ERR_OK);
}

/* The resolver whose client subnet option counts, listed by the view declared last. */
static inline void world_subnet_from(struct world *world, const char *resolver)
{
    unsigned index = world->desired.view_count - 1;
    ASSERT(prefix_from_text(resolver, &world->subnet_from[index]) == ERR_OK);
    world->views[index].subnet_from = &world->subnet_from[index];
    world->views[index].subnet_from_count = 1;
}

/* A zone for `only` these views; `text` (kept) NULL: it is configured and never loaded. */
static inline unsigned world_zone(struct world *world, const char *origin, uint64_t only,
                                  const char *text)
{
    static const char *const files[WORLD_ZONES] = {"0.zone", "1.zone", "2.zone", "3.zone",
                                                   "4.zone", "5.zone", "6.zone", "7.zone"};
    unsigned index = world->desired.zone_count++;
    ASSERT(index < WORLD_ZONES);
    struct world_zone *content = &world->contents[index];
    ASSERT(name_from_text(origin, NULL, content->origin) == ERR_OK);
    content->text = text;
    world->zones[index] = (struct desired_zone){
        .origin = content->origin,
        .file = files[index],
        .only = only,
        .subtrees = content->subtrees,
        .overlays = content->overlays,
    };
    return index;
}

/* One overlay of one edit in the zone declared last. `text` is kept. */
static inline void world_edit(struct world *world, uint64_t views, enum edit_op op,
                              const char *owner, uint16_t type, const char *text)
{
    unsigned zone = world->desired.zone_count - 1, index = world->zones[zone].overlay_count++;
    struct world_zone *content = &world->contents[zone];
    ASSERT(index < WORLD_EDITS);
    ASSERT(name_from_text(owner, content->origin, content->owners[index]) == ERR_OK);
    content->edits[index] = (struct desired_edit){
        .op = op, .owner = content->owners[index], .type = type, .text = text};
    content->overlays[index] =
        (struct desired_overlay){.views = views, .edits = &content->edits[index], .edit_count = 1};
}

/* A subtree of the zone declared last that only these views have. */
static inline void world_subtree(struct world *world, const char *name, uint64_t only)
{
    unsigned zone = world->desired.zone_count - 1, index = world->zones[zone].subtree_count++;
    struct world_zone *content = &world->contents[zone];
    ASSERT(index < WORLD_SUBTREES);
    ASSERT(name_from_text(name, content->origin, content->subtree_names[index]) == ERR_OK);
    content->subtrees[index] =
        (struct desired_subtree){.name = content->subtree_names[index], .only = only};
}

static inline void world_load(struct world *world, unsigned index, struct diag_list *diags)
{
    const struct world_zone *content = &world->contents[index];
    struct zonetext_source source = {
        .file = world->zones[index].file,
        .text = content->text,
        .len = strlen(content->text),
        .first_line = 1,
        .origin = content->origin,
        .default_ttl = 3600,
    };
    struct records overlays[WORLD_EDITS];
    struct zone_content loaded = {.overlays = overlays,
                                  .overlay_count = world->zones[index].overlay_count};
    records_init(&loaded.base, &ALLOC_MALLOC);
    for (unsigned i = 0; i < WORLD_EDITS; i++) {
        records_init(&overlays[i], &ALLOC_MALLOC);
    }
    int err = zonetext_parse(&source, &loaded.base, diags);
    if (err == ERR_OK) {
        err = control_zone_loaded(world->control, index, &loaded, (struct wall){0}, diags);
    }
    if (err != ERR_OK) {
        control_zone_failed(world->control, index, "refused");
        world->refused++;
    }
    records_deinit(&loaded.base);
    for (unsigned i = 0; i < WORLD_EDITS; i++) {
        records_deinit(&overlays[i]);
    }
}

/* Loads all zones that have a text. world->snapshot is there afterwards. */
static inline void world_serve(struct world *world, struct diag_list *diags)
{
    static const struct control_limits limits = {100, UINT32_MAX};
    world->scope.view_count = world->desired.view_count;
    ASSERT(view_match_new(&ALLOC_MALLOC, &world->desired, &world->match) == ERR_OK);
    world->scope.match = world->match;
    ASSERT(control_new(&ALLOC_MALLOC, &world->backing, &world->control) == ERR_OK);
    ASSERT(control_configure(world->control, &world->desired, &world->scope, &limits, diags) ==
           ERR_OK);
    for (unsigned i = 0; i < world->desired.zone_count; i++) {
        if (world->contents[i].text) {
            world_load(world, i, diags);
        }
    }
    world->snapshot = control_take_snapshot(world->control);
    ASSERT(world->snapshot);
}

static inline void world_deinit(struct world *world)
{
    if (world->snapshot) {
        control_retire(world->control, world->snapshot);
    }
    control_free(world->control);
    view_match_free(world->match);
    free(world->backing.base);
}
