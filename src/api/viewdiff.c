/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/viewdiff.h"

#include "api/json_text.h"
#include "base/error.h"
#include "base/limits.h"
#include "control/viewdiff.h"
#include "dns/name.h"
#include "dns/zonetext.h"
#include "snapshot/policy.h"

#include <stdio.h>

/* Text of one rdata in a listing; what is longer ends in dots. */
enum {
    RDATA_SHOWN_BYTES = 1024
};

struct listing {
    json_t *list;
    json_int_t undeclared;
};

static void add_set(json_t *list, const struct node *node, const struct rrset *set)
{
    const uint8_t *at = rrset_data(node, set);
    for (unsigned i = 0; i < set->count; i++) {
        char text[RDATA_SHOWN_BYTES], type[TYPE_TEXT_MAX];
        uint16_t len;
        const uint8_t *rdata = rdata_next(set, &at, &len);
        if (rdata_to_text(set->type, rdata, len, text, sizeof(text)) < 0) {
            snprintf(text, sizeof(text), "... (%u bytes)", len);
        }
        json_array_append_new(list, json_pack("{s:I, s:s, s:s}", "ttl", (json_int_t)set->ttl,
                                              "type", type_to_text(set->type, type), "data", text));
    }
}

/* What one view has there: the set that differs, or the whole name. */
static json_t *side_json(const struct node *node, const struct rrset *set, uint16_t type)
{
    json_t *list = json_array();
    if (set) {
        add_set(list, node, set);
    } else if (node && !type) {
        unsigned count;
        const struct rrset *sets = node_visible_sets(node, &count);
        for (unsigned i = 0; i < count; i++) {
            add_set(list, node, &sets[i]);
        }
    }
    return list;
}

static json_t *difference_json(const struct view_difference *difference)
{
    static const char *const kinds[] = {
        [DIFFERENCE_ZONE] = "zone",
        [DIFFERENCE_NAME] = "name",
        [DIFFERENCE_SET] = "set",
    };
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], place[4096];
    const struct place *where = &difference->place;
    bool placed = where->file && where->line;
    if (placed) {
        snprintf(place, sizeof(place), "%s:%u", where->file, where->line);
    }
    return json_pack("{s:s, s:s, s:s?, s:b, s:b, s:o, s:o, s:b, s:o, s:o}", "kind",
                     kinds[difference->kind], "name", name_to_text(difference->owner, name), "type",
                     difference->type ? type_to_text(difference->type, type) : NULL, "in_a",
                     (int)difference->in_a, "in_b", (int)difference->in_b, "a",
                     side_json(difference->node_a, difference->set_a, difference->type), "b",
                     side_json(difference->node_b, difference->set_b, difference->type), "declared",
                     (int)difference->declared, "reason", json_text(difference->reason), "place",
                     json_text(placed ? place : NULL));
}

static void each_difference(void *ctx, const struct view_difference *difference)
{
    struct listing *listing = ctx;
    listing->undeclared += !difference->declared;
    if (json_array_size(listing->list) < LIMIT_DIFFERENCES) {
        json_array_append_new(listing->list, difference_json(difference));
    }
}

static unsigned find_view(const struct desired *desired, const char *name, unsigned usual)
{
    return name                          ? desired_view_find(desired, name)
           : usual < desired->view_count ? usual
                                         : VIEW_NONE;
}

int viewdiff_to_json(const struct explain_world *world, const struct viewdiff_question *question,
                     json_t **ret_json, struct explain_refusal *refusal)
{
    const struct desired *desired = world->desired;
    unsigned a = find_view(desired, question->a, 0), b = find_view(desired, question->b, 1);
    uint8_t name[NAME_MAX];
    if (desired->view_count < 2) {
        *refusal = (struct explain_refusal){"a", "there is only one view",
                                            "a configuration with two views has a difference"};
        return ERR_INVALID;
    }
    if (a == VIEW_NONE || b == VIEW_NONE) {
        *refusal = (struct explain_refusal){a == VIEW_NONE ? "a" : "b", "no view is called that",
                                            "'horizon status' names the views"};
        return ERR_INVALID;
    }
    if (question->name && name_from_text(question->name, NULL, name) != ERR_OK) {
        *refusal =
            (struct explain_refusal){"name", "that is not a domain name", "as in corp.example.com"};
        return ERR_INVALID;
    }
    struct listing listing = {.list = json_array()};
    uint64_t count = control_view_diff(world->control, a, b, question->name ? name : NULL,
                                       each_difference, &listing);
    json_t *json = json_pack("{s:s, s:s, s:I, s:I, s:o}", "a", desired->views[a].name, "b",
                             desired->views[b].name, "count", (json_int_t)count, "undeclared",
                             listing.undeclared, "differences", listing.list);
    if (!json) {
        return ERR_NOMEM;
    }
    *ret_json = json;
    return ERR_OK;
}
