/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Overlays: what differs from a zone's file in some views. An edit is read as
 *
 *   replace:  {www AAAA: 60 AAAA fd00::51}  ─►  owner www.example.com., type AAAA,
 *                                               "www.example.com. 60 AAAA fd00::51\n"
 *
 * Rdata is not parsed here; zone text has one reader, in dns/. This one makes sure that a value is
 * one record, so that it cannot end a line or hide half of itself in a comment.
 */
#include "config/read.h"

#include "base/error.h"
#include "dns/name.h"
#include "dns/type.h"

#include <stdlib.h>
#include <string.h>

/* An edit under way: where it was written, and the owner as text. */
struct record {
    struct place place;
    const char *owner;
    enum edit_op op;
    uint16_t type; /* named beside the owner, or 0 */
};

/* Moves past blanks; returns the length of the word that follows. */
static size_t word_next(const char **text)
{
    *text += strspn(*text, " ");
    return strcspn(*text, " ");
}

static bool word_is(const char *word, size_t len, const char *wanted)
{
    return strlen(wanted) == len && strncmp(word, wanted, len) == 0;
}

/* The type at the start of a text of which `len` bytes are the word. */
static int word_type(const char *word, size_t len, uint16_t *out)
{
    char text[TYPE_TEXT_MAX];
    if (len == 0 || len >= sizeof(text)) {
        return ERR_INVALID;
    }
    memcpy(text, word, len);
    text[len] = '\0';
    return type_from_text(text, out);
}

static bool type_is_data(uint16_t type)
{
    return type != 0 && type != TYPE_OPT && (type < TYPE_TKEY || type > TYPE_ANY);
}

static const char *type_mend(struct reading *reading, const char *text)
{
    struct address address;
    if (address_from_text(text, &address) == ERR_OK) {
        return reading_text(reading, "write %s %s", strchr(text, ':') ? "AAAA" : "A", text);
    }
    return "write [TTL] TYPE RDATA, such as '60 A 10.0.1.50'";
}

/* Quotes closed, and nothing outside them that zone text reads as a comment or a line's
 * continuation. */
static bool rdata_check(struct reading *reading, struct place place, const char *rdata)
{
    bool quoted = false;
    for (const char *at = rdata; *at; at++) {
        if (*at == '\\' && at[1]) {
            at++;
        } else if (*at == '"') {
            quoted = !quoted;
        } else if (!quoted && strchr(";()", *at)) {
            reading_error(reading, place, "put the text in double quotes",
                          "a bare '%c' ends or continues a record", *at);
            return false;
        }
    }
    if (quoted) {
        reading_error(reading, place, "close it, or write \\\" for the character",
                      "a double quote is not closed");
    }
    return !quoted;
}

static bool type_check(struct reading *reading, const struct record *record, uint16_t type)
{
    char name[TYPE_TEXT_MAX], wanted[TYPE_TEXT_MAX];
    type_to_text(type, name);
    if (!type_is_data(type)) {
        reading_error(reading, record->place, NULL, "%s is a question, not a record", name);
        return false;
    }
    if (record->type && type != record->type) {
        reading_error(reading, record->place,
                      reading_text(reading, "write the %s below a key of its own", name),
                      "the key names %s, the record is %s", type_to_text(record->type, wanted),
                      name);
        return false;
    }
    if (record->op == EDIT_REPLACE && !record->type && !type_is_address_group(type)) {
        reading_error(
            reading, record->place,
            reading_text(reading, "write the key as \"%s %s\", or use `add`", record->owner, name),
            "%s is not an address: a key without a type replaces addresses only", name);
        return false;
    }
    return true;
}

static bool ttl_check(const char *word, size_t len)
{
    return len <= 10 && strspn(word, "0123456789") >= 1 &&
           strspn(word, "0123456789smhdwSMHDW") >= len;
}

/* Appends one record as a line of zone text. */
static void record_read(struct reading *reading, const struct record *record, const char *text,
                        struct buf *out)
{
    const char *at = text;
    uint16_t type;
    size_t ttl_len = 0, len = word_next(&at);
    const char *ttl = at;
    if (*at >= '0' && *at <= '9' && strchr(at, ' ')) {
        ttl_len = len;
        if (!ttl_check(ttl, ttl_len)) {
            reading_error(reading, record->place, type_mend(reading, text), "'%.*s' is not a TTL",
                          (int)len, at);
            return;
        }
        at += len;
        len = word_next(&at);
    }
    if (word_is(at, len, "IN")) {
        at += len;
        len = word_next(&at);
    }
    if (word_type(at, len, &type) != ERR_OK) {
        reading_error(reading, record->place, type_mend(reading, text),
                      "'%.*s' is not a record type", (int)len, at);
        return;
    }
    const char *rdata = at + len;
    if (word_next(&rdata) == 0) {
        reading_error(reading, record->place, type_mend(reading, text), "'%s' has no data", text);
    } else if (type_check(reading, record, type) && rdata_check(reading, record->place, rdata)) {
        const char *line = reading_text(reading, "%s %.*s%s%s\n", record->owner, (int)ttl_len, ttl,
                                        ttl_len ? " " : "", at);
        reading->nomem |= !line || buf_append(out, line, strlen(line)) != ERR_OK;
    }
}

/* One record, or a list of them, to zone text; NULL after a finding. */
static const char *records_read(struct reading *reading, const struct option *option,
                                const struct node *node, struct record *record)
{
    struct buf out;
    uint32_t errors = reading->diags->errors;
    const struct node *item = node->kind == NODE_LIST ? node->first : node;
    if (!item || tree_is_empty(item)) {
        reading_error(reading, node->place, "write a record, or use `remove`", "%s has no record",
                      record->owner);
        return NULL;
    }
    buf_init(&out, reading->scratch->alloc);
    for (; item; item = node->kind == NODE_LIST ? item->next : NULL) {
        record->place = item->place;
        if (!node_expect(reading, option, item, NODE_TEXT)) {
            continue;
        }
        if (strchr(item->text, '\n')) {
            reading_error(reading, item->place, "write a list", "a record has one line");
            continue;
        }
        record_read(reading, record, item->text, &out);
    }
    const char *text = NULL;
    if (errors == reading->diags->errors && node->kind != NODE_BAD) {
        reading->nomem |= buf_append(&out, "", 1) != ERR_OK;
        text = reading->nomem ? NULL : reading_keep(reading, (const char *)out.data);
    }
    buf_deinit(&out);
    return text;
}

/* "NAME" or "NAME TYPE" to owner and type. */
static bool target_read(struct reading *reading, const struct node *node, struct desired_edit *edit)
{
    uint8_t name[NAME_MAX];
    const char *text = node->text;
    size_t len = word_next(&text);
    const char *rest = text + len;
    size_t type_len = word_next(&rest);
    const char *owner = reading_text(reading, "%.*s", (int)len, text);
    if (!owner || !owner_read(reading, node->place, owner, name)) {
        return false;
    }
    if (type_len > 0 && (word_type(rest, type_len, &edit->type) != ERR_OK ||
                         rest[type_len + strspn(rest + type_len, " ")] != '\0')) {
        reading_error(reading, node->place, "write NAME, or NAME TYPE, such as \"www AAAA\"",
                      "'%s' is not a record type", rest);
        return false;
    }
    if (type_len > 0 && !type_is_data(edit->type)) {
        reading_error(reading, node->place, "name the types one by one",
                      "'%s' is a question, not a type of record", rest);
        return false;
    }
    edit->place = node->place;
    edit->owner = name_keep(reading, name);
    return edit->owner != NULL;
}

void read_edits(struct reading *reading, const struct option *option, const struct node *node,
                void *group)
{
    struct desired_overlay *overlay = group;
    char owner[NAME_TEXT_MAX];
    if (!node_expect(reading, option, node, NODE_MAP)) {
        return;
    }
    enum edit_op op = strcmp(option_key(option), "add") == 0 ? EDIT_ADD : EDIT_REPLACE;
    for (const struct node *item = node->first; item; item = item->next) {
        struct desired_edit edit = {.op = op};
        if (item->kind == NODE_BAD || !target_read(reading, item->key, &edit)) {
            continue;
        }
        struct record record = {.op = op, .type = edit.type};
        record.owner = name_to_text(edit.owner, owner);
        edit.text = records_read(reading, option, item, &record);
        if (edit.text) {
            overlay->edits[overlay->edit_count++] = edit;
        }
    }
}

void read_removals(struct reading *reading, const struct option *option, const struct node *node,
                   void *group)
{
    struct desired_overlay *overlay = group;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    for (const struct node *item = node->first; item; item = item->next) {
        struct desired_edit edit = {.op = EDIT_REMOVE};
        if (node_expect(reading, option, item, NODE_TEXT) && target_read(reading, item, &edit)) {
            overlay->edits[overlay->edit_count++] = edit;
        }
    }
}

/* Names removed first, then whole addresses replaced, then single types, then what is added: the
 * order in which a person expects them to work, however the keys are ordered in the file. */
static int edit_rank(const struct desired_edit *edit)
{
    switch (edit->op) {
    case EDIT_REMOVE:
        return 0;
    case EDIT_REPLACE:
        return edit->type ? 2 : 1;
    default:
        return 3;
    }
}

static int edit_order(const void *a, const void *b)
{
    const struct desired_edit *left = a, *right = b;
    int order = edit_rank(left) - edit_rank(right);
    if (order == 0) {
        order = left->place.line < right->place.line ? -1 : left->place.line > right->place.line;
    }
    if (order == 0) {
        order = left->place.column < right->place.column ? -1 : 1;
    }
    return order;
}

static uint32_t edits_counted(const struct node *item)
{
    static const char *const keys[] = {"remove", "replace", "add"};
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        const struct node *node = tree_get(item, keys[i]);
        count += node ? node->count : 0;
    }
    return count;
}

static void overlay_views_check(struct reading *reading, const struct node *item,
                                const struct desired_overlay *overlay)
{
    const struct node *view = tree_get(item, "view"), *views = tree_get(item, "views");
    if (!view && !views) {
        reading_error(reading, item->place, "add 'view: NAME'", "the overlay names no view");
    } else if (view && views) {
        reading_error(reading, views->key->place, "write one list in `views`",
                      "the overlay has both `view` and `views`");
    } else if (overlay->views & ~reading->zone->only) {
        reading_error(reading, (view ? view : views)->place, "add the view to the zone's `only`",
                      "the overlay is for a view that does not see the zone");
    }
}

static void overlay_item(struct reading *reading, const struct node *item,
                         struct desired_overlay *overlay)
{
    uint32_t errors = reading->diags->errors;
    overlay->place = item->place;
    overlay->edits = reading_new(reading, edits_counted(item), sizeof(*overlay->edits));
    if (!overlay->edits) {
        return;
    }
    group_read(reading, "zones[].overlays[]", item, overlay);
    overlay_views_check(reading, item, overlay);
    if (errors == reading->diags->errors && overlay->edit_count == 0 && !overlay->file) {
        reading_error(reading, item->place, "add `replace`, `add`, `remove` or `file`",
                      "the overlay changes nothing");
    }
    if (overlay->edit_count > 1) {
        qsort(overlay->edits, overlay->edit_count, sizeof(*overlay->edits), edit_order);
    }
}

void read_overlays(struct reading *reading, const struct option *option, const struct node *node,
                   void *group)
{
    struct desired_zone *zone = group;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    zone->overlays = reading_new(reading, node->count, sizeof(*zone->overlays));
    for (const struct node *item = node->first; zone->overlays && item; item = item->next) {
        if (node_expect(reading, option, item, NODE_MAP)) {
            overlay_item(reading, item, &zone->overlays[zone->overlay_count++]);
        }
    }
}
