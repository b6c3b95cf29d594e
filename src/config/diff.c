/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/diff.h"

#include "base/error.h"
#include "config/options.h"
#include "dns/name.h"

#include <stdlib.h>
#include <string.h>

/* The comparison under way. */
struct comparison {
    const struct config *before, *after;
    struct config_diff *diff;
    uint8_t view_now[LIMIT_VIEWS]; /* index of an old view in the new configuration, or VIEW_NONE */
    bool nomem;
};

__attribute__((format(printf, 5, 6))) static void change_add(struct comparison *comparison,
                                                             enum config_subject subject,
                                                             bool restart, struct place place,
                                                             const char *format, ...)
{
    struct config_diff *diff = comparison->diff;
    struct config_change *change = arena_new_zero(&diff->arena, sizeof(*change));
    va_list args;
    va_start(args, format);
    const char *text = arena_format_args(&diff->arena, format, args);
    va_end(args);
    if (!change || !text) {
        comparison->nomem = true;
        return;
    }
    *change = (struct config_change){
        .subject = subject, .restart = restart, .place = place, .text = text};
    *diff->last = change;
    diff->last = &change->next;
    diff->counts[subject]++;
    diff->restarts += restart;
}

/* Texts, either of which may be missing. */
static bool text_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void option_compare(struct comparison *comparison, const struct option *option)
{
    char before[OPTION_VALUE_BYTES], after[OPTION_VALUE_BYTES];
    option_value_text(option, comparison->before, before);
    option_value_text(option, comparison->after, after);
    if (strcmp(before, after) != 0) {
        struct place place = {comparison->after->file, 0, 0};
        change_add(comparison, SUBJECT_OPTION, option->flags & OPTION_RESTART, place,
                   "%s: %s -> %s", option->path, before, after);
    }
}

static void options_compare(struct comparison *comparison)
{
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];
        if (option->size > 0 &&
            (option_in_group(option, "server") || option_in_group(option, "server.tcp") ||
             option_in_group(option, "reload") || option_in_group(option, "caches") ||
             option_in_group(option, "registry"))) {
            option_compare(comparison, option);
        }
    }
}

static const struct desired_listener *listener_find(const struct desired *desired,
                                                    const struct desired_listener *wanted)
{
    for (uint32_t i = 0; i < desired->listener_count; i++) {
        const struct desired_listener *listener = &desired->listeners[i];
        if (listener->port == wanted->port &&
            memcmp(&listener->address, &wanted->address, sizeof(wanted->address)) == 0) {
            return listener;
        }
    }
    return NULL;
}

static void listener_change(struct comparison *comparison, const struct desired_listener *listener,
                            struct place place, const char *what)
{
    char address[ADDRESS_TEXT_BYTES];
    bool v4 = address_is_v4(&listener->address);
    change_add(comparison, SUBJECT_LISTENER, false, place, "listener %s%s%s:%u %s", v4 ? "" : "[",
               address_to_text(&listener->address, address), v4 ? "" : "]", listener->port, what);
}

static void listeners_compare(struct comparison *comparison)
{
    const struct desired *before = &comparison->before->desired;
    const struct desired *after = &comparison->after->desired;
    struct place gone = {comparison->after->file, 0, 0};
    for (uint32_t i = 0; i < before->listener_count; i++) {
        if (!listener_find(after, &before->listeners[i])) {
            listener_change(comparison, &before->listeners[i], gone, "removed");
        }
    }
    for (uint32_t i = 0; i < after->listener_count; i++) {
        const struct desired_listener *listener = &after->listeners[i];
        const struct desired_listener *old = listener_find(before, listener);
        if (!old) {
            listener_change(comparison, listener, listener->place, "added");
        } else if (!text_equal(old->name, listener->name)) {
            listener_change(comparison, listener, listener->place, "changed: name");
        }
    }
}

/* Matches are equal when prefix and the listener itself, not its number, are. */
static bool match_equal(const struct comparison *comparison, const struct desired_match *before,
                        const struct desired_match *after)
{
    if (memcmp(&before->prefix, &after->prefix, sizeof(before->prefix)) != 0) {
        return false;
    }
    if (before->listener < 0 || after->listener < 0) {
        return before->listener == after->listener;
    }
    const struct desired_listener *old = &comparison->before->desired.listeners[before->listener];
    return listener_find(&comparison->after->desired, old) ==
           &comparison->after->desired.listeners[after->listener];
}

static bool matches_equal(const struct comparison *comparison, const struct desired_view *before,
                          const struct desired_view *after)
{
    bool equal = before->match_count == after->match_count;
    for (uint32_t i = 0; equal && i < before->match_count; i++) {
        equal = match_equal(comparison, &before->matches[i], &after->matches[i]);
    }
    return equal;
}

static bool resolvers_equal(const struct desired_view *before, const struct desired_view *after)
{
    return before->subnet_from_count == after->subnet_from_count &&
           (before->subnet_from_count == 0 ||
            memcmp(before->subnet_from, after->subnet_from,
                   before->subnet_from_count * sizeof(*before->subnet_from)) == 0);
}

static void view_compare(struct comparison *comparison, const struct desired_view *before,
                         const struct desired_view *after)
{
    bool internal = before->internal != after->internal;
    bool is_default = before->is_default != after->is_default;
    bool match = !matches_equal(comparison, before, after);
    bool resolvers = !resolvers_equal(before, after);
    if (internal || is_default || match || resolvers || before->implicit != after->implicit) {
        change_add(comparison, SUBJECT_VIEW, false, after->place, "view %s changed:%s%s%s%s",
                   after->name, internal ? " internal" : "", is_default ? " default" : "",
                   match ? " match" : "", resolvers ? " client-subnet-from" : "");
    }
}

static void views_compare(struct comparison *comparison)
{
    const struct desired *before = &comparison->before->desired;
    const struct desired *after = &comparison->after->desired;
    struct place gone = {comparison->after->file, 0, 0};
    for (uint32_t i = 0; i < before->view_count; i++) {
        unsigned now = desired_view_find(after, before->views[i].name);
        comparison->view_now[i] = (uint8_t)now;
        if (now == VIEW_NONE) {
            change_add(comparison, SUBJECT_VIEW, false, gone, "view %s removed",
                       before->views[i].name);
        } else {
            view_compare(comparison, &before->views[i], &after->views[now]);
        }
    }
    for (uint32_t i = 0; i < after->view_count; i++) {
        if (desired_view_find(before, after->views[i].name) == VIEW_NONE) {
            change_add(comparison, SUBJECT_VIEW, false, after->views[i].place, "view %s added",
                       after->views[i].name);
        }
    }
}

/* A set of old views in the numbers of the new configuration. A view that is gone is left out: its
 * removal is a change of its own. */
static uint64_t views_translate(const struct comparison *comparison, uint64_t views)
{
    if (views == VIEWS_ALL) {
        return views;
    }
    uint64_t now = 0;
    for (uint32_t i = 0; i < comparison->before->desired.view_count; i++) {
        if ((views >> i & 1) && comparison->view_now[i] != VIEW_NONE) {
            now |= UINT64_C(1) << comparison->view_now[i];
        }
    }
    return now;
}

static bool subtrees_equal(const struct comparison *comparison, const struct desired_zone *before,
                           const struct desired_zone *after)
{
    bool equal = before->subtree_count == after->subtree_count;
    for (uint32_t i = 0; equal && i < before->subtree_count; i++) {
        const struct desired_subtree *a = &before->subtrees[i], *b = &after->subtrees[i];
        equal = name_equal(a->name, b->name) && views_translate(comparison, a->only) == b->only;
    }
    return equal;
}

static bool edits_equal(const struct desired_overlay *before, const struct desired_overlay *after)
{
    bool equal = before->edit_count == after->edit_count;
    for (uint32_t i = 0; equal && i < before->edit_count; i++) {
        const struct desired_edit *a = &before->edits[i], *b = &after->edits[i];
        equal = a->op == b->op && a->type == b->type && name_equal(a->owner, b->owner) &&
                text_equal(a->text, b->text);
    }
    return equal;
}

static bool overlays_equal(const struct comparison *comparison, const struct desired_zone *before,
                           const struct desired_zone *after)
{
    bool equal = before->overlay_count == after->overlay_count;
    for (uint32_t i = 0; equal && i < before->overlay_count; i++) {
        const struct desired_overlay *a = &before->overlays[i], *b = &after->overlays[i];
        equal = views_translate(comparison, a->views) == b->views &&
                text_equal(a->reason, b->reason) && text_equal(a->file, b->file) &&
                edits_equal(a, b);
    }
    return equal;
}

static void zone_compare(struct comparison *comparison, const struct desired_zone *before,
                         const struct desired_zone *after)
{
    char name[NAME_TEXT_MAX];
    bool file = !text_equal(before->file, after->file);
    bool only = views_translate(comparison, before->only) != after->only;
    bool subtrees = !subtrees_equal(comparison, before, after);
    bool overlays = !overlays_equal(comparison, before, after);
    if (file || only || subtrees || overlays) {
        change_add(comparison, SUBJECT_ZONE, false, after->place, "zone %s changed:%s%s%s%s",
                   name_to_text(after->origin, name), file ? " file" : "", only ? " only" : "",
                   subtrees ? " subtrees" : "", overlays ? " overlays" : "");
    }
}

static void zone_change(struct comparison *comparison, const struct desired_zone *zone,
                        struct place place, const char *what)
{
    char name[NAME_TEXT_MAX];
    change_add(comparison, SUBJECT_ZONE, false, place, "zone %s %s",
               name_to_text(zone->origin, name), what);
}

/* By name; entries of one name in the order of the file. */
static int zone_order(const void *a, const void *b)
{
    const struct desired_zone *left = *(const struct desired_zone *const *)a;
    const struct desired_zone *right = *(const struct desired_zone *const *)b;
    int order = name_compare(left->origin, right->origin);
    return order ? order : left < right ? -1 : left > right;
}

static const struct desired_zone **zones_sorted(struct comparison *comparison,
                                                const struct desired *desired)
{
    const struct desired_zone **sorted = mem_new(
        comparison->diff->arena.alloc, (desired->zone_count + 1) * sizeof(struct desired_zone *));
    comparison->nomem |= !sorted;
    for (uint32_t i = 0; sorted && i < desired->zone_count; i++) {
        sorted[i] = &desired->zones[i];
    }
    if (sorted && desired->zone_count > 1) {
        qsort(sorted, desired->zone_count, sizeof(struct desired_zone *), zone_order);
    }
    return sorted;
}

static void zones_merge(struct comparison *comparison, const struct desired_zone **before,
                        const struct desired_zone **after)
{
    uint32_t before_count = comparison->before->desired.zone_count;
    uint32_t after_count = comparison->after->desired.zone_count;
    struct place gone = {comparison->after->file, 0, 0};
    for (uint32_t i = 0, j = 0; i < before_count || j < after_count;) {
        int order = i == before_count  ? 1
                    : j == after_count ? -1
                                       : name_compare(before[i]->origin, after[j]->origin);
        if (order < 0) {
            zone_change(comparison, before[i++], gone, "removed");
        } else if (order > 0) {
            zone_change(comparison, after[j], after[j]->place, "added");
            j++;
        } else {
            zone_compare(comparison, before[i++], after[j++]);
        }
    }
}

static void zones_compare(struct comparison *comparison)
{
    const struct alloc *alloc = comparison->diff->arena.alloc;
    const struct desired_zone **before = zones_sorted(comparison, &comparison->before->desired);
    const struct desired_zone **after = zones_sorted(comparison, &comparison->after->desired);
    if (before && after) {
        zones_merge(comparison, before, after);
    }
    mem_free(alloc, before);
    mem_free(alloc, after);
}

static void exceptions_compare(struct comparison *comparison)
{
    const struct desired *before = &comparison->before->desired;
    const struct desired *after = &comparison->after->desired;
    bool equal = before->exception_count == after->exception_count;
    for (uint32_t i = 0; equal && i < before->exception_count; i++) {
        const struct desired_exception *a = &before->exceptions[i], *b = &after->exceptions[i];
        equal = name_equal(a->name, b->name) && views_translate(comparison, a->views) == b->views &&
                memcmp(&a->prefix, &b->prefix, sizeof(a->prefix)) == 0 &&
                text_equal(a->reason, b->reason);
    }
    if (!equal) {
        struct place place = {comparison->after->file, 0, 0};
        change_add(comparison, SUBJECT_EXCEPTIONS, false, place, "leak-guard.exceptions changed");
    }
}

int config_diff(const struct alloc *alloc, const struct config *before, const struct config *after,
                struct config_diff *out)
{
    *out = (struct config_diff){0};
    arena_init(&out->arena, alloc);
    out->last = &out->first;
    struct comparison comparison = {.before = before, .after = after, .diff = out};
    options_compare(&comparison);
    listeners_compare(&comparison);
    views_compare(&comparison);
    zones_compare(&comparison);
    exceptions_compare(&comparison);
    return comparison.nomem ? ERR_NOMEM : ERR_OK;
}

void config_diff_deinit(struct config_diff *diff)
{
    arena_deinit(&diff->arena);
    diff->first = NULL;
    diff->last = &diff->first;
}

void config_diff_warn(const struct config_diff *diff, struct diag_list *diags)
{
    for (const struct config_change *change = diff->first; change; change = change->next) {
        if (change->restart) {
            diag_add(diags, SEVERITY_WARNING, change->place, "restart horizon to apply it", "%s",
                     change->text);
        }
    }
}
