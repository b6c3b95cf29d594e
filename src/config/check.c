/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What one value cannot show: how listeners, matches, zones and overlays stand to each other.
 *
 *   matches   sorted by (listener, prefix); equal ones of two views are an error; one that longer
 *             prefixes cover wholly never decides anything and is a warning
 *   public    a private prefix that may arrive where anybody can send from it
 *   zones     entries of one name must be for different views
 */
#include "config/read.h"

#include "base/error.h"
#include "dns/name.h"
#include "dns/type.h"

#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 address_number;

struct match_ref {
    const struct desired_match *match;
    uint32_t view;
    address_number first, last;
    address_number covered; /* longer prefixes have been seen up to here */
    bool gap;               /* something between them is left for this one */
    bool end;               /* they reach its last address */
    bool other;             /* one of them belongs to another view */
};

static address_number number_of(const struct address *address)
{
    address_number number = 0;
    for (unsigned i = 0; i < 16; i++) {
        number = number << 8 | address->bytes[i];
    }
    return number;
}

static address_number last_of(const struct prefix *prefix)
{
    address_number ones = ~(address_number)0;
    address_number host = prefix->bits == 0 ? ones : prefix->bits == 128 ? 0 : ones >> prefix->bits;
    return number_of(&prefix->base) | host;
}

/* By listener, then address, then the shorter prefix; the earlier line of equal ones. */
static int match_order(const void *a, const void *b)
{
    const struct match_ref *left = a, *right = b;
    if (left->match->listener != right->match->listener) {
        return left->match->listener < right->match->listener ? -1 : 1;
    }
    if (left->first != right->first) {
        return left->first < right->first ? -1 : 1;
    }
    if (left->last != right->last) {
        return left->last > right->last ? -1 : 1;
    }
    if (left->match->place.line != right->match->place.line) {
        return left->match->place.line < right->match->place.line ? -1 : 1;
    }
    return left->match->place.column < right->match->place.column ? -1 : 1;
}

static struct match_ref *matches_collect(struct reading *reading, uint32_t *ret_count)
{
    const struct desired *desired = &reading->config->desired;
    uint32_t count = 0;
    for (uint32_t v = 0; v < desired->view_count; v++) {
        count += desired->views[v].match_count;
    }
    struct match_ref *refs = arena_new_zero(reading->scratch, (count + 1) * sizeof(*refs));
    reading->nomem |= !refs;
    *ret_count = refs ? count : 0;
    for (uint32_t v = 0, at = 0; refs && v < desired->view_count; v++) {
        for (uint32_t m = 0; m < desired->views[v].match_count; m++, at++) {
            const struct desired_match *match = &desired->views[v].matches[m];
            refs[at] = (struct match_ref){.match = match, .view = v};
            refs[at].first = refs[at].covered = number_of(&match->prefix.base);
            refs[at].last = last_of(&match->prefix);
        }
    }
    return refs;
}

static void match_twice(struct reading *reading, const struct match_ref *before,
                        const struct match_ref *after)
{
    const struct desired_view *views = reading->config->desired.views;
    char prefix[PREFIX_TEXT_BYTES];
    prefix_to_text(&after->match->prefix, prefix);
    if (before->view == after->view) {
        reading_warning(reading, after->match->place, "remove one",
                        "%s is written twice in view '%s'", prefix, views[after->view].name);
        return;
    }
    reading_error(reading, after->match->place, "keep it in one of them, or name a listener",
                  "%s is in view '%s' and in view '%s', line %u", prefix, views[after->view].name,
                  views[before->view].name, before->match->place.line);
}

static bool same_match(const struct match_ref *a, const struct match_ref *b)
{
    return a->match->listener == b->match->listener && a->first == b->first && a->last == b->last;
}

/* A longer prefix is complete: what it leaves of its parent. */
static void cover(struct match_ref *parent, const struct match_ref *child, uint32_t view)
{
    parent->gap |= child->first > parent->covered;
    parent->other |= child->view != view;
    parent->end = child->last == parent->last;
    parent->covered = child->last + 1;
}

static void hidden_check(struct reading *reading, const struct match_ref *ref)
{
    char prefix[PREFIX_TEXT_BYTES];
    if (ref->end && !ref->gap && ref->other) {
        reading_warning(reading, ref->match->place, "remove it, or one of the longer prefixes",
                        "%s decides nothing: longer prefixes cover all of it",
                        prefix_to_text(&ref->match->prefix, prefix));
    }
}

/* Walks the sorted prefixes with the open ones on a stack; a prefix is judged when it closes. */
static void matches_cover(struct reading *reading, struct match_ref *refs, uint32_t count)
{
    struct match_ref *open[130];
    unsigned depth = 0;
    for (uint32_t i = 0; i <= count; i++) {
        struct match_ref *ref = i < count ? &refs[i] : NULL;
        while (depth > 0 && (!ref || ref->match->listener != open[depth - 1]->match->listener ||
                             ref->first > open[depth - 1]->last)) {
            struct match_ref *closed = open[--depth];
            hidden_check(reading, closed);
            if (depth > 0) {
                cover(open[depth - 1], closed, open[depth - 1]->view);
            }
        }
        if (!ref) {
            return;
        }
        if (depth > 0 && same_match(open[depth - 1], ref)) {
            match_twice(reading, open[depth - 1], ref);
            continue;
        }
        open[depth++] = ref;
    }
}

/* A match for any listener is dead when on every listener a rule that names it covers the prefix.
 */
static void shadow_check(struct reading *reading, const struct match_ref *refs, uint32_t count,
                         const struct match_ref *any)
{
    const struct desired *desired = &reading->config->desired;
    uint64_t shadowed = 0;
    for (uint32_t i = 0; i < count; i++) {
        int listener = refs[i].match->listener;
        if (listener >= 0 && refs[i].first <= any->first && refs[i].last >= any->last) {
            shadowed |= UINT64_C(1) << listener;
        }
    }
    uint64_t all =
        desired->listener_count >= 64 ? UINT64_MAX : (UINT64_C(1) << desired->listener_count) - 1;
    char prefix[PREFIX_TEXT_BYTES];
    if (all != 0 && shadowed == all) {
        reading_warning(reading, any->match->place, "remove it, or name a listener",
                        "%s decides nothing: on every listener a match that names it wins",
                        prefix_to_text(&any->match->prefix, prefix));
    }
}

static void check_matches(struct reading *reading)
{
    uint32_t count;
    struct match_ref *refs = matches_collect(reading, &count);
    if (!refs || count == 0) {
        return;
    }
    qsort(refs, count, sizeof(*refs), match_order);
    matches_cover(reading, refs, count);
    bool named = refs[count - 1].match->listener >= 0;
    for (uint32_t i = 0; named && i < count && refs[i].match->listener < 0; i++) {
        shadow_check(reading, refs, count, &refs[i]);
    }
}

static void check_views(struct reading *reading)
{
    const struct desired *desired = &reading->config->desired;
    const struct desired_view *first = NULL;
    for (uint32_t i = 0; i < desired->view_count; i++) {
        const struct desired_view *view = &desired->views[i];
        if (view->is_default && first) {
            reading_error(reading, view->place, "keep `default: true` in one of them",
                          "views '%s' and '%s' are both the default", first->name, view->name);
        }
        if (!view->is_default && !view->matches) {
            reading_warning(reading, view->place, "add `match`, or `default: true`",
                            "nobody is in view '%s'", view->name);
        }
        first = !first && view->is_default ? view : first;
    }
}

static bool kind_is_private(enum address_kind kind)
{
    return kind == ADDRESS_PRIVATE || kind == ADDRESS_ULA || kind == ADDRESS_CGNAT ||
           kind == ADDRESS_LINKLOCAL;
}

/* Can queries from outside arrive here? An unspecified address may stand for a public one. */
static const struct desired_listener *listener_public(const struct desired *desired, int only)
{
    for (uint32_t i = 0; i < desired->listener_count; i++) {
        enum address_kind kind = address_kind(&desired->listeners[i].address);
        if (only >= 0 ? (int)i == only && kind == ADDRESS_PUBLIC
                      : kind == ADDRESS_PUBLIC || kind == ADDRESS_UNSPECIFIED) {
            return &desired->listeners[i];
        }
    }
    return NULL;
}

static const char *listener_text(struct reading *reading, const struct desired_listener *listener)
{
    char address[ADDRESS_TEXT_BYTES];
    bool v4 = address_is_v4(&listener->address);
    address_to_text(&listener->address, address);
    const char *text = reading_text(reading, v4 ? "%s:%u" : "[%s]:%u", address, listener->port);
    return text ? text : "";
}

static void check_public_view(struct reading *reading, const struct desired_view *view)
{
    const struct desired *desired = &reading->config->desired;
    const struct desired_listener *open = listener_public(desired, -1);
    if (view->is_default && open) {
        reading_warning(reading, view->place, "make a view that is not internal the default",
                        "internal view '%s' is the default, and listener %s may be public: "
                        "anybody gets private addresses",
                        view->name, listener_text(reading, open));
    }
    for (uint32_t i = 0; i < view->match_count; i++) {
        const struct desired_match *match = &view->matches[i];
        char prefix[PREFIX_TEXT_BYTES];
        open = listener_public(desired, match->listener);
        if (open && kind_is_private(address_kind(&match->prefix.base))) {
            reading_warning(reading, match->place,
                            "name a private listener: {prefix: ..., listener: NAME}",
                            "%s may arrive on listener %s, where a source address can be forged",
                            prefix_to_text(&match->prefix, prefix), listener_text(reading, open));
            return; /* one of a view is enough */
        }
    }
}

static void check_listeners(struct reading *reading)
{
    const struct desired *desired = &reading->config->desired;
    for (uint32_t i = 0; i < desired->listener_count; i++) {
        const struct desired_listener *listener = &desired->listeners[i];
        for (uint32_t j = 0; j < i; j++) {
            const struct desired_listener *before = &desired->listeners[j];
            if (listener->name && before->name && strcmp(listener->name, before->name) == 0) {
                reading_error(reading, listener->place, "rename one",
                              "two listeners are called '%s'", listener->name);
            }
            if (listener->port != 0 && listener->port == before->port &&
                memcmp(&listener->address, &before->address, sizeof(listener->address)) == 0) {
                reading_error(reading, listener->place, "remove one", "%s is written twice",
                              listener_text(reading, listener));
            }
        }
    }
}

static void check_tcp(struct reading *reading)
{
    const struct config *config = reading->config;
    struct place place = {config->file, 0, 0};
    if (config->tcp_reserve >= config->tcp_connections) {
        reading_error(reading, place, "make the reserve smaller",
                      "server.tcp: the reserve of %u leaves nothing of %u connections",
                      config->tcp_reserve, config->tcp_connections);
    }
    if (config->tcp_per_client > config->tcp_connections) {
        reading_warning(reading, place, NULL,
                        "server.tcp.per-client %u never counts: there are %u connections in all",
                        config->tcp_per_client, config->tcp_connections);
    }
}

static int zone_order(const void *a, const void *b)
{
    const struct desired_zone *left = *(const struct desired_zone *const *)a;
    const struct desired_zone *right = *(const struct desired_zone *const *)b;
    int order = name_compare(left->origin, right->origin);
    return order ? order : left < right ? -1 : left > right;
}

static void zone_twice(struct reading *reading, const struct desired_zone *before,
                       const struct desired_zone *zone)
{
    char name[NAME_TEXT_MAX];
    const char *mend = zone->file && before->file && !zone->place.line
                           ? "keep one file for each zone"
                           : "give each entry views of its own with `only`";
    reading_error(reading, zone->place, mend, "zone %s is there twice for the same view%s",
                  name_to_text(zone->origin, name),
                  before->place.line
                      ? reading_text(reading, "; the other is in line %u", before->place.line)
                      : "");
}

static void check_zones(struct reading *reading)
{
    const struct desired *desired = &reading->config->desired;
    uint32_t count = desired->zone_count;
    const struct desired_zone **sorted =
        arena_new(reading->scratch, (count + 1) * sizeof(struct desired_zone *));
    reading->nomem |= !sorted;
    if (!sorted || count == 0) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = &desired->zones[i];
    }
    qsort(sorted, count, sizeof(struct desired_zone *), zone_order);
    for (uint32_t i = 1, start = 0; i < count; i++) {
        if (!name_equal(sorted[i]->origin, sorted[start]->origin)) {
            start = i;
        }
        for (uint32_t j = start; j < i; j++) {
            if (sorted[j]->only & sorted[i]->only) {
                zone_twice(reading, sorted[j], sorted[i]);
                break;
            }
        }
    }
}

void check_config(struct reading *reading)
{
    const struct desired *desired = &reading->config->desired;
    check_views(reading);
    check_matches(reading);
    check_tcp(reading);
    check_zones(reading);
    if (reading->listeners_faulty || reading->listeners_unclear) {
        return;
    }
    check_listeners(reading);
    for (uint32_t i = 0; i < desired->view_count; i++) {
        if (desired->views[i].internal && !desired->views[i].implicit) {
            check_public_view(reading, &desired->views[i]);
        }
    }
}

/* An edit with the overlay that it stands in, to find what is written twice. */
struct edit_ref {
    const struct desired_edit *edit;
    uint64_t views;
};

static int edit_ref_order(const void *a, const void *b)
{
    const struct desired_edit *left = ((const struct edit_ref *)a)->edit;
    const struct desired_edit *right = ((const struct edit_ref *)b)->edit;
    int order = name_compare(left->owner, right->owner);
    order = order ? order : (int)left->op - (int)right->op;
    order = order ? order : (int)left->type - (int)right->type;
    order = order ? order
                  : (left->place.line > right->place.line) - (left->place.line < right->place.line);
    return order ? order
                 : (left->place.column > right->place.column) -
                       (left->place.column < right->place.column);
}

static bool same_target(const struct desired_edit *a, const struct desired_edit *b)
{
    return a->op == b->op && a->type == b->type && name_equal(a->owner, b->owner);
}

static void subtree_edit_check(struct reading *reading, const struct desired_zone *zone,
                               const struct edit_ref *ref)
{
    char name[NAME_TEXT_MAX];
    for (uint32_t i = 0; i < zone->subtree_count; i++) {
        const struct desired_subtree *subtree = &zone->subtrees[i];
        if ((ref->views & ~subtree->only) && name_in_zone(ref->edit->owner, subtree->name)) {
            reading_warning(reading, ref->edit->place, "leave that view out of the overlay",
                            "%s does not exist in every view of this overlay: subtree in line %u",
                            name_to_text(ref->edit->owner, name), subtree->place.line);
        }
    }
}

void check_overlays(struct reading *reading, const struct desired_zone *zone)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < zone->overlay_count; i++) {
        count += zone->overlays[i].edit_count;
    }
    struct edit_ref *refs = count ? arena_new(reading->scratch, count * sizeof(*refs)) : NULL;
    reading->nomem |= count > 0 && !refs;
    if (!refs) {
        return;
    }
    for (uint32_t i = 0, at = 0; i < zone->overlay_count; i++) {
        const struct desired_overlay *overlay = &zone->overlays[i];
        for (uint32_t e = 0; e < overlay->edit_count; e++, at++) {
            refs[at] = (struct edit_ref){&overlay->edits[e], overlay->views};
            subtree_edit_check(reading, zone, &refs[at]);
        }
    }
    qsort(refs, count, sizeof(*refs), edit_ref_order);
    for (uint32_t i = 1; i < count; i++) {
        const struct desired_edit *before = refs[i - 1].edit, *edit = refs[i].edit;
        char name[NAME_TEXT_MAX];
        if (edit->op != EDIT_ADD && same_target(before, edit) &&
            (refs[i].views & refs[i - 1].views)) {
            reading_error(reading, edit->place, "join the two",
                          "%s is %s twice for the same view; the other is in line %u",
                          name_to_text(edit->owner, name),
                          edit->op == EDIT_REPLACE ? "replaced" : "removed", before->place.line);
        }
    }
}
