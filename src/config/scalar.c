/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One value of each type, from its text to its field. Each reader makes its own finding with the
 * mend.
 */
#include "config/read.h"

#include "base/error.h"
#include "config/suggest.h"
#include "dns/name.h"

#include <stdio.h>
#include <string.h>

/* Digits at the start of a text; false without any, or beyond 18 of them. Moves `text` past them.
 */
static bool digits_read(const char **text, uint64_t *out)
{
    size_t count = strspn(*text, "0123456789");
    if (count == 0 || count > 18) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        value = value * 10 + (uint64_t)((*text)[i] - '0');
    }
    *text += count;
    *out = value;
    return true;
}

static void range_error(struct reading *reading, const struct option *option,
                        const struct node *node)
{
    char range[RANGE_TEXT_BYTES];
    reading_error(reading, node->place,
                  reading_text(reading, "write %s", option_range_text(option, range)),
                  "%s: %s is out of range", option->path, node->text);
}

static void number_read(struct reading *reading, const struct option *option,
                        const struct node *node, void *field)
{
    char range[RANGE_TEXT_BYTES];
    const char *text = node->text;
    uint64_t value;
    if (!digits_read(&text, &value) || *text || node->quoted) {
        const char *mend =
            reading_text(reading, "write a whole number from %s", option_range_text(option, range));
        if (text > node->text) {
            mend = reading_text(reading, "write %.*s", (int)(text - node->text), node->text);
        }
        reading_error(reading, node->place, mend, "%s: '%s' is not a plain number", option->path,
                      node->text);
        return;
    }
    if (value < option->min || value > option->max) {
        range_error(reading, option, node);
        return;
    }
    if (option->size == sizeof(uint8_t)) {
        *(uint8_t *)field = (uint8_t)value;
    } else if (option->size == sizeof(uint16_t)) {
        *(uint16_t *)field = (uint16_t)value;
    } else {
        *(uint32_t *)field = (uint32_t)value;
    }
}

static void bool_read(struct reading *reading, const struct option *option, const struct node *node,
                      void *field)
{
    static const char *const yes[] = {"yes", "on", "True", "TRUE", "Yes", "On", "y", "1"};
    if (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0) {
        *(bool *)field = node->text[0] == 't';
        return;
    }
    const char *mend = "write true or false";
    static const char *const no[] = {"no", "off", "False", "FALSE", "No", "Off", "n", "0"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
        mend = strcmp(node->text, yes[i]) == 0 ? "write true" : mend;
        mend = strcmp(node->text, no[i]) == 0 ? "write false" : mend;
    }
    reading_error(reading, node->place, mend, "%s: '%s' is not true or false", option->path,
                  node->text);
}

/* Milliseconds of a unit, 0 when it is none. */
static uint32_t unit_ms(const char *unit)
{
    static const struct {
        const char *name;
        uint32_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (strcmp(unit, units[i].name) == 0) {
            return units[i].ms;
        }
    }
    return 0;
}

/* What a person who wrote `value` and then `rest` may have meant. */
static const char *duration_mend(struct reading *reading, const struct option *option,
                                 uint64_t value, const char *rest)
{
    static const struct {
        const char *start, *unit;
    } words[] = {{"ms", "ms"}, {"milli", "ms"}, {"s", "s"}, {"S", "s"}, {"min", "m"},
                 {"m", "m"},   {"M", "m"},      {"h", "h"}, {"H", "h"}};
    rest += strspn(rest, " ");
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (strncmp(rest, words[i].start, strlen(words[i].start)) == 0) {
            return reading_text(reading, "write %llu%s", (unsigned long long)value, words[i].unit);
        }
    }
    return reading_text(reading, "write a whole number and ms, s, m or h, such as %s",
                        option->fallback ? option->fallback : "10s");
}

static void duration_read(struct reading *reading, const struct option *option,
                          const struct node *node, void *field)
{
    const char *text = node->text;
    uint64_t value = 0;
    bool digits = digits_read(&text, &value);
    if (digits && *text == '\0') {
        const char *mend = reading_text(reading, "write %ss for seconds, or %sms for milliseconds",
                                        node->text, node->text);
        reading_error(reading, node->place, mend, "%s: %s has no unit", option->path, node->text);
        return;
    }
    uint32_t unit = digits ? unit_ms(text) : 0;
    if (unit == 0) {
        const char *mend = duration_mend(reading, option, value, digits ? text : "");
        reading_error(reading, node->place, mend, "%s: '%s' is not a duration", option->path,
                      node->text);
        return;
    }
    if (value > UINT32_MAX || value * unit < option->min || value * unit > option->max) {
        range_error(reading, option, node);
        return;
    }
    *(uint32_t *)field = (uint32_t)(value * unit);
}

/* A text without line feeds; in a reason they become blanks. */
static const char *line_of(struct reading *reading, const struct option *option,
                           const struct node *node)
{
    if (!strchr(node->text, '\n')) {
        return node->text;
    }
    if (option->type != OPTION_REASON) {
        reading_error(reading, node->place, "write it in one line", "%s has more than one line",
                      option->path);
        return NULL;
    }
    char *text = arena_text(reading->scratch, node->text);
    reading->nomem |= !text;
    for (char *at = text; at && (at = strchr(at, '\n'));) {
        *at = ' ';
    }
    return text;
}

/* A relative path, from the folder of the configuration. */
static const char *path_resolve(struct reading *reading, const char *path)
{
    const char *file = reading->config->file;
    const char *slash = file ? strrchr(file, '/') : NULL;
    if (*path == '/' || !slash) {
        return path;
    }
    return reading_text(reading, "%.*s/%s", (int)(slash - file), file, path);
}

static void text_read(struct reading *reading, const struct option *option, const struct node *node,
                      void *field)
{
    const char *text = line_of(reading, option, node);
    if (!text) {
        return;
    }
    if (*text == '\0') {
        if (option->min > 0) {
            reading_error(reading, node->place, NULL, "%s is empty", option->path);
        }
        *(const char **)field = NULL;
        return;
    }
    if (option->type == OPTION_PATH) {
        text = path_resolve(reading, text);
    }
    if (text && strlen(text) > option->max) {
        reading_error(reading, node->place, "write a shorter one",
                      "%s has %zu bytes, at most %u fit", option->path, strlen(text), option->max);
        return;
    }
    *(const char **)field = text ? reading_keep(reading, text) : NULL;
}

static void name_read(struct reading *reading, const struct option *option, const struct node *node,
                      void *field)
{
    uint8_t name[NAME_MAX];
    if (name_from_text(node->text, NULL, name) != ERR_OK) {
        reading_error(reading, node->place,
                      "write labels of at most 63 bytes with dots between, 255 in all",
                      "%s: '%s' is not a domain name", option->path, node->text);
        return;
    }
    *(uint8_t **)field = name_keep(reading, name);
}

static void listener_read(struct reading *reading, const struct node *node, void *field)
{
    const struct desired *desired = &reading->config->desired;
    struct suggestion near = {.word = node->text};
    for (uint32_t i = 0; i < desired->listener_count; i++) {
        const char *name = desired->listeners[i].name;
        if (name && strcmp(name, node->text) == 0) {
            *(int *)field = (int)i;
            return;
        }
        if (name) {
            suggest_consider(&near, name);
        }
    }
    if (!reading->listeners_unclear) {
        const char *mend =
            near.best ? reading_text(reading, "did you mean '%s'?", near.best)
                      : reading_text(reading, "add {name: %s, address: ...} to server.listen",
                                     node->text);
        reading_error(reading, node->place, mend, "there is no listener '%s'", node->text);
    }
}

/* The prefix that was meant when bits beyond its length are set; false when it is no prefix at all.
 */
static bool prefix_mend(const char *text, char out[PREFIX_TEXT_BYTES])
{
    char base[ADDRESS_TEXT_BYTES];
    const char *slash = strchr(text, '/');
    struct prefix prefix;
    if (!slash || (size_t)(slash - text) >= sizeof(base)) {
        return false;
    }
    snprintf(base, sizeof(base), "%.*s", (int)(slash - text), text);
    const char *rest = slash + 1;
    uint64_t bits;
    if (address_from_text(base, &prefix.base) != ERR_OK || !digits_read(&rest, &bits) || *rest) {
        return false;
    }
    bool v4 = strchr(base, ':') == NULL;
    if (bits > (v4 ? 32 : 128)) {
        return false;
    }
    prefix.bits = (uint8_t)(v4 ? bits + 96 : bits);
    for (unsigned bit = prefix.bits; bit < 128; bit++) {
        prefix.base.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    }
    prefix_to_text(&prefix, out);
    return true;
}

bool prefix_read(struct reading *reading, struct place place, const char *what, const char *text,
                 struct prefix *out)
{
    if (prefix_from_text(text, out) == ERR_OK) {
        return true;
    }
    char meant[PREFIX_TEXT_BYTES];
    if (prefix_mend(text, meant)) {
        reading_error(reading, place, reading_text(reading, "write %s", meant),
                      "%s: %s has address bits beyond its length", what, text);
    } else {
        reading_error(reading, place, "write one as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7",
                      "%s: '%s' is not a prefix", what, text);
    }
    return false;
}

void scalar_read(struct reading *reading, const struct option *option, const struct node *node,
                 void *base)
{
    void *field = (char *)base + option->offset;
    if (option->type == OPTION_VIEWS) {
        views_read(reading, option, node, field);
        return;
    }
    if (!node_expect(reading, option, node, NODE_TEXT)) {
        return;
    }
    if (tree_is_empty(node)) {
        reading_error(reading, node->place, "write one, or leave the key out", "%s has no value",
                      option->path);
        return;
    }
    switch (option->type) {
    case OPTION_NUMBER:
        number_read(reading, option, node, field);
        break;
    case OPTION_BOOL:
        bool_read(reading, option, node, field);
        break;
    case OPTION_DURATION:
        duration_read(reading, option, node, field);
        break;
    case OPTION_NAME:
        name_read(reading, option, node, field);
        break;
    case OPTION_LISTENER:
        listener_read(reading, node, field);
        break;
    case OPTION_PREFIX:
        prefix_read(reading, node->place, option->path, node->text, field);
        break;
    case OPTION_ENDPOINT:
        endpoint_read(reading, node->place, option->path, node->text, base);
        break;
    default:
        text_read(reading, option, node, field);
        break;
    }
}
