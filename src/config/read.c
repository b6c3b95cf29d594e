/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/read.h"

#include "base/error.h"
#include "config/suggest.h"

#include <string.h>

__attribute__((format(printf, 5, 0))) static void finding_add(struct reading *reading,
                                                              enum severity severity,
                                                              struct place place, const char *mend,
                                                              const char *format, va_list args)
{
    const char *text = arena_format_args(reading->scratch, format, args);
    if (!text) {
        reading->nomem = true;
        text = "";
    }
    diag_add(reading->diags, severity, place, mend, "%s", text);
}

void reading_error(struct reading *reading, struct place place, const char *mend,
                   const char *format, ...)
{
    va_list args;
    va_start(args, format);
    finding_add(reading, SEVERITY_ERROR, place, mend, format, args);
    va_end(args);
}

void reading_warning(struct reading *reading, struct place place, const char *mend,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    finding_add(reading, SEVERITY_WARNING, place, mend, format, args);
    va_end(args);
}

const char *reading_text(struct reading *reading, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_format_args(reading->scratch, format, args);
    va_end(args);
    reading->nomem |= !text;
    return text;
}

void *reading_new(struct reading *reading, size_t count, size_t bytes)
{
    void *mem = arena_new_zero(&reading->config->arena, (count ? count : 1) * bytes);
    reading->nomem |= !mem;
    return mem;
}

const char *reading_keep(struct reading *reading, const char *text)
{
    const char *copy = arena_text(&reading->config->arena, text);
    reading->nomem |= !copy;
    return copy;
}

/* "a list", "an empty value", ... for findings about the wrong kind. */
static const char *node_describe(const struct node *node)
{
    switch (node->kind) {
    case NODE_LIST:
        return "a list";
    case NODE_MAP:
        return "a map";
    default:
        return tree_is_empty(node) ? "no value" : "plain text";
    }
}

/* The option, the item of its list, or the name in its map. */
static const char *node_name(struct reading *reading, const struct option *option,
                             const struct node *node)
{
    const char *name = option->path;
    if (!node->key) {
        name = reading_text(reading, "an item of %s", option->path);
    } else if (option->type == OPTION_NAMED && strcmp(node->key->text, option_key(option)) != 0) {
        name = reading_text(reading, "%s.%s", option->path, node->key->text);
    }
    return name ? name : "";
}

bool node_expect(struct reading *reading, const struct option *option, const struct node *node,
                 enum node_kind kind)
{
    static const char *const wanted[] = {
        [NODE_TEXT] = "one value", [NODE_LIST] = "a list", [NODE_MAP] = "a map"};
    if (node->kind == kind) {
        return true;
    }
    if (node->kind == NODE_BAD) {
        return false;
    }
    const char *key = option_key(option);
    const char *mend = kind == NODE_LIST  ? reading_text(reading, "write %s: [ITEM, ...]", key)
                       : kind == NODE_MAP ? "write its keys below it, indented"
                       : node->key        ? reading_text(reading, "write %s: VALUE", key)
                                          : "write one value";
    reading_error(reading, node->place, mend, "%s takes %s, this is %s",
                  node_name(reading, option, node), wanted[kind], node_describe(node));
    return false;
}

static void unknown_key(struct reading *reading, const char *group, const struct node *key)
{
    struct suggestion near = {.word = key->text};
    const char *known = "";
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if (!option_in_group(&OPTIONS[i], group)) {
            continue;
        }
        const char *candidate = option_key(&OPTIONS[i]);
        suggest_consider(&near, candidate);
        const char *longer = reading_text(reading, "%s%s%s", known, *known ? ", " : "", candidate);
        known = longer ? longer : known;
    }
    const char *mend = near.best ? reading_text(reading, "did you mean '%s'?", near.best)
                                 : reading_text(reading, "known are: %s", known);
    reading_error(reading, key->place, mend, "unknown key '%s'%s%s", key->text,
                  *group ? " in " : "", group);
}

static void unknown_keys(struct reading *reading, const char *group, const struct node *map)
{
    for (const struct node *node = map->first; node; node = node->next) {
        bool known = false;
        for (unsigned i = 0; i < OPTION_COUNT && !known; i++) {
            known = option_in_group(&OPTIONS[i], group) &&
                    strcmp(option_key(&OPTIONS[i]), node->key->text) == 0;
        }
        if (!known) {
            unknown_key(reading, group, node->key);
        }
    }
}

static void option_missing(struct reading *reading, const struct option *option,
                           const struct node *map)
{
    const char *key = option_key(option);
    reading_error(reading, map->place, reading_text(reading, "add '%s: ...'", key), "%s is missing",
                  option->path);
}

void group_read(struct reading *reading, const char *group, const struct node *node, void *base)
{
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];
        if (!option_in_group(option, group)) {
            continue;
        }
        const struct node *value = tree_get(node, option_key(option));
        if (!value) {
            if (option->flags & OPTION_REQUIRED) {
                option_missing(reading, option, node);
            }
        } else if (option->read) {
            option->read(reading, option, value, base);
        } else {
            scalar_read(reading, option, value, base);
        }
    }
    unknown_keys(reading, group, node);
}

void read_group(struct reading *reading, const struct option *option, const struct node *node,
                void *group)
{
    if (node_expect(reading, option, node, NODE_MAP)) {
        group_read(reading, option->path, node, group);
    }
}

void group_default(struct reading *reading, const char *group, void *base)
{
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];
        if (option->fallback && option_in_group(option, group)) {
            struct node node = {.kind = NODE_TEXT, .text = option->fallback};
            scalar_read(reading, option, &node, base);
        }
    }
}

bool label_check(struct reading *reading, struct place place, const char *what, const char *text)
{
    size_t len = strlen(text);
    size_t good = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
    if (len > 0 && len <= 63 && good == len) {
        return true;
    }
    reading_error(reading, place, "use letters, digits, '-', '_' and '.', at most 63",
                  "'%s' cannot name a %s", text, what);
    return false;
}

uint8_t *name_keep(struct reading *reading, const uint8_t *name)
{
    size_t len = 1;
    for (const uint8_t *label = name; *label; label += *label + 1u) {
        len += *label + 1u;
    }
    uint8_t *copy = arena_copy(&reading->config->arena, name, len);
    reading->nomem |= !copy;
    return copy;
}

/* One view's name to its bit; 0 after a finding. */
static uint64_t view_bit(struct reading *reading, const struct node *node)
{
    const struct desired *desired = &reading->config->desired;
    unsigned view = desired_view_find(desired, node->text);
    if (view != VIEW_NONE) {
        return UINT64_C(1) << view;
    }
    if (reading->views_unclear) {
        return 0;
    }
    struct suggestion near = {.word = node->text};
    for (uint32_t i = 0; i < desired->view_count; i++) {
        suggest_consider(&near, desired->views[i].name);
    }
    const char *mend = near.best ? reading_text(reading, "did you mean '%s'?", near.best)
                                 : "define it in views, or name one of those";
    reading_error(reading, node->place, mend, "there is no view '%s'", node->text);
    return 0;
}

bool views_read(struct reading *reading, const struct option *option, const struct node *node,
                uint64_t *out)
{
    const struct node *item = node;
    if (node->kind == NODE_LIST) {
        item = node->first;
    } else if (!node_expect(reading, option, node, NODE_TEXT)) {
        return false;
    }
    if (!item || tree_is_empty(item)) {
        reading_error(reading, node->place, "name a view, or leave the key out", "%s names no view",
                      option->path);
        return false;
    }
    uint64_t views = 0;
    bool good = true;
    for (; item; item = node->kind == NODE_LIST ? item->next : NULL) {
        uint64_t bit = node_expect(reading, option, item, NODE_TEXT) ? view_bit(reading, item) : 0;
        if (bit & views) {
            reading_error(reading, item->place, "remove one", "view '%s' is named twice",
                          item->text);
        }
        good &= bit != 0;
        views |= bit;
    }
    if (good) {
        *out = views;
    }
    return good;
}
