/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `zones` with their subtrees, and the leak guard's exceptions. Overlays are read in
 * read_overlays.c.
 */
#include "config/read.h"

#include "base/error.h"
#include "dns/name.h"

#include <string.h>
#include <strings.h>

/* Does the text end with the zone's name at a label's start? Then a final dot was meant. */
static bool ends_with_zone(const char *text, const uint8_t *origin)
{
    char zone[NAME_TEXT_MAX];
    name_to_text(origin, zone);
    size_t zone_len = strlen(zone) - 1, len = strlen(text);
    if (zone_len == 0 || len < zone_len || !strchr(text, '.')) {
        return false;
    }
    zone[zone_len] = '\0';
    return strcasecmp(text + len - zone_len, zone) == 0 &&
           (len == zone_len || text[len - zone_len - 1] == '.');
}

bool owner_read(struct reading *reading, struct place place, const char *text, uint8_t *out)
{
    const uint8_t *origin = reading->zone->origin;
    char zone[NAME_TEXT_MAX];
    if (!origin) {
        return false; /* the zone has no name: a finding says so */
    }
    if (name_from_text(text, ends_with_zone(text, origin) ? NULL : origin, out) != ERR_OK) {
        reading_error(reading, place, "write labels of at most 63 bytes with dots between",
                      "'%s' is not a name", text);
        return false;
    }
    if (!name_in_zone(out, origin)) {
        reading_error(reading, place,
                      "without the final dot it is relative to the zone; or move it to its zone",
                      "'%s' is outside the zone %s", text, name_to_text(origin, zone));
        return false;
    }
    return true;
}

void read_owner(struct reading *reading, const struct option *option, const struct node *node,
                void *group)
{
    uint8_t name[NAME_MAX];
    if (!node_expect(reading, option, node, NODE_TEXT) ||
        !owner_read(reading, node->place, node->text, name)) {
        return;
    }
    if (name_equal(name, reading->zone->origin)) {
        reading_error(reading, node->place, "write `only` beside `zone`",
                      "the subtree is the whole zone");
        return;
    }
    *(uint8_t **)((char *)group + option->offset) = name_keep(reading, name);
}

void read_registry_below(struct reading *reading, const struct option *option,
                         const struct node *node, void *group)
{
    struct desired_zone *zone = group;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    zone->registry_below = reading_new(reading, node->count ? node->count : 1, sizeof(uint8_t *));
    for (const struct node *item = node->first; zone->registry_below && item; item = item->next) {
        uint8_t name[NAME_MAX];
        if (node_expect(reading, option, item, NODE_TEXT) &&
            owner_read(reading, item->place, item->text, name)) {
            zone->registry_below[zone->registry_below_count++] = name_keep(reading, name);
        }
    }
}

static void subtree_check(struct reading *reading, const struct desired_subtree *subtree)
{
    const struct desired_zone *zone = reading->zone;
    if (subtree->only & ~zone->only) {
        reading_error(reading, subtree->place, "add the view to the zone's `only`",
                      "the subtree is for a view that does not see the zone");
    }
    for (uint32_t i = 0; i < zone->subtree_count; i++) {
        if (name_equal(zone->subtrees[i].name, subtree->name)) {
            reading_error(reading, subtree->place, "join the two",
                          "the subtree is written twice; the other is in line %u",
                          zone->subtrees[i].place.line);
        }
    }
}

void read_subtrees(struct reading *reading, const struct option *option, const struct node *node,
                   void *group)
{
    struct desired_zone *zone = group;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    zone->subtrees = reading_new(reading, node->count, sizeof(*zone->subtrees));
    for (const struct node *item = node->first; zone->subtrees && item; item = item->next) {
        struct desired_subtree *subtree = &zone->subtrees[zone->subtree_count];
        *subtree = (struct desired_subtree){.place = item->place};
        if (!node_expect(reading, option, item, NODE_MAP)) {
            continue;
        }
        group_read(reading, "zones[].subtrees[]", item, subtree);
        if (subtree->name && subtree->only) {
            subtree_check(reading, subtree);
            zone->subtree_count++;
        }
    }
}

void read_zones(struct reading *reading, const struct option *option, const struct node *node,
                void *group)
{
    struct desired *desired = &((struct config *)group)->desired;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    if (node->count > LIMIT_ZONES) {
        reading_error(reading, node->place, NULL, "%u zones; at most %d are possible", node->count,
                      (int)LIMIT_ZONES);
        return;
    }
    desired->zones = reading_new(reading, node->count, sizeof(*desired->zones));
    for (const struct node *item = node->first; desired->zones && item; item = item->next) {
        struct desired_zone *zone = &desired->zones[desired->zone_count];
        *zone = (struct desired_zone){.only = VIEWS_ALL, .place = item->place};
        if (!node_expect(reading, option, item, NODE_MAP)) {
            continue;
        }
        reading->zone = zone;
        group_read(reading, "zones[]", item, zone);
        check_overlays(reading, zone);
        if (zone->origin) {
            desired->zone_count++;
        }
    }
}

static void exception_check(struct reading *reading, const struct desired_exception *exception)
{
    const struct desired *desired = &reading->config->desired;
    const uint8_t *name = exception->name;
    uint64_t internal = 0;
    for (uint32_t i = 0; i < desired->view_count; i++) {
        internal |= desired->views[i].internal ? UINT64_C(1) << i : 0;
    }
    if (exception->views & internal) {
        reading_warning(reading, exception->place, "leave it out",
                        "the exception names an internal view, which needs none");
    }
    if (address_kind(&exception->prefix.base) == ADDRESS_PUBLIC && exception->prefix.bits > 96) {
        reading_warning(reading, exception->place, "name the private prefix",
                        "the exception names public addresses, which need none");
    }
    name += name[0] == 1 && name[1] == '*' ? 2 : 0;
    for (uint32_t i = 0; i < desired->zone_count; i++) {
        if (name_in_zone(name, desired->zones[i].origin)) {
            return;
        }
    }
    char text[NAME_TEXT_MAX];
    reading_warning(reading, exception->place, "check the name", "no zone here holds %s",
                    name_to_text(exception->name, text));
}

void read_exceptions(struct reading *reading, const struct option *option, const struct node *node,
                     void *group)
{
    struct desired *desired = &((struct config *)group)->desired;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    desired->exceptions = reading_new(reading, node->count, sizeof(*desired->exceptions));
    for (const struct node *item = node->first; desired->exceptions && item; item = item->next) {
        struct desired_exception *exception = &desired->exceptions[desired->exception_count];
        uint32_t errors = reading->diags->errors;
        *exception = (struct desired_exception){.place = item->place};
        if (node_expect(reading, option, item, NODE_MAP)) {
            group_read(reading, "leak-guard.exceptions[]", item, exception);
        }
        if (errors == reading->diags->errors && exception->name) {
            exception_check(reading, exception);
            desired->exception_count++;
        }
    }
}
