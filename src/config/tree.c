/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/tree.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/limits.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* An open list or map. */
struct level {
    struct node *node;
    struct node **tail;
    struct node *key; /* read, its value is still to come */
};

struct builder {
    struct arena *arena;
    struct diag_list *diags;
    const char *file;
    struct node *root;
    struct level levels[LIMIT_CONFIG_DEPTH];
    unsigned depth;
    unsigned documents;
    bool done;
};

static struct place place_of(const struct builder *builder, const yaml_mark_t *mark)
{
    return (struct place){builder->file, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1};
}

/* Length of the UTF-8 character at `at`, or 0: RFC 3629 section 4. */
static size_t utf8_length(const uint8_t *at, size_t left)
{
    uint8_t lead = at[0];
    if (lead < 0x80) {
        return 1;
    }
    size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || left < len) {
        return 0;
    }
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

/* Characters of control that YAML does not take. */
static bool is_control(uint8_t byte)
{
    return (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f;
}

static int text_check(const struct builder *builder, const char *text, size_t len)
{
    struct place place = {builder->file, 1, 1};
    for (size_t at = 0; at < len;) {
        uint8_t byte = (uint8_t)text[at];
        size_t step = utf8_length((const uint8_t *)text + at, len - at);
        if (step == 0) {
            diag_add(builder->diags, SEVERITY_ERROR, place, "save the file as UTF-8",
                     "byte 0x%02x is not UTF-8", byte);
            return ERR_INVALID;
        }
        if (is_control(byte)) {
            diag_add(builder->diags, SEVERITY_ERROR, place, "remove it",
                     "a control character (0x%02x)", byte);
            return ERR_INVALID;
        }
        place.column++;
        if (byte == '\n') {
            place.line++;
            place.column = 1;
        }
        at += step;
    }
    return ERR_OK;
}

/* What libyaml says, and what to do about it; the first row that matches. */
struct advice {
    const char *problem, *context, *mend;
};

static const struct advice ADVICE[] = {
    {"alphabetic or numeric character", "alias", "put a wildcard in quotes: \"*.apps\""},
    {"alphabetic or numeric character", "anchor", "put the text in quotes"},
    {"cannot start any token", NULL, "put the text in quotes"},
    {"mapping values are not allowed", NULL,
     "check the indentation; put a text that holds ': ' in quotes"},
    {"could not find expected ':'", NULL, "write 'key: value', with a blank after the colon"},
    {"did not find expected ',' or", NULL,
     "close the bracket; put an IPv6 address between brackets in quotes"},
    {"unexpected end of stream", NULL, "close the quote"},
    {"did not find expected", NULL,
     "check the indentation; put a text with brackets, as \"[::1]:53\", in quotes"},
};

static const char *advice_for(const char *problem, const char *context)
{
    for (size_t i = 0; i < sizeof(ADVICE) / sizeof(*ADVICE); i++) {
        const struct advice *row = &ADVICE[i];
        if (strstr(problem, row->problem) && (!row->context || strstr(context, row->context))) {
            return row->mend;
        }
    }
    return NULL;
}

/* Where a byte of checked text stands. */
static struct place place_at(const char *file, const char *text, size_t offset)
{
    struct place place = {file, 1, 1};
    for (size_t at = 0; at < offset; at++) {
        if (text[at] == '\n') {
            place.line++;
            place.column = 1;
        } else if (((uint8_t)text[at] & 0xc0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

/* The character that a mark points at, or NULL beyond the end. */
static const char *char_at(const char *text, size_t len, const yaml_mark_t *mark)
{
    size_t characters = 0;
    for (size_t at = 0; at < len; at++) {
        if (((uint8_t)text[at] & 0xc0) != 0x80 && characters++ == mark->index) {
            return &text[at];
        }
    }
    return NULL;
}

static int syntax_error(const struct builder *builder, const yaml_parser_t *parser,
                        const char *text, size_t len)
{
    if (parser->error == YAML_MEMORY_ERROR) {
        return ERR_NOMEM;
    }
    if (parser->error == YAML_READER_ERROR) {
        size_t offset = parser->problem_offset < len ? parser->problem_offset : len;
        diag_add(builder->diags, SEVERITY_ERROR, place_at(builder->file, text, offset), "remove it",
                 "a character that YAML does not take (U+%04X)", (unsigned)parser->problem_value);
        return ERR_INVALID;
    }
    const char *at = char_at(text, len, &parser->problem_mark);
    const char *problem = parser->problem ? parser->problem : "not YAML";
    const char *context = parser->context ? parser->context : "";
    const char *mend =
        at && *at == '\t' ? "indent with blanks, not tabs" : advice_for(problem, context);
    struct place place = place_of(builder, &parser->problem_mark);
    diag_add(builder->diags, SEVERITY_ERROR, place, mend, "%s%s%s", problem, *context ? " " : "",
             context);
    return ERR_INVALID;
}

static struct node *node_new(struct builder *builder, enum node_kind kind, const yaml_mark_t *mark)
{
    struct node *node = arena_new_zero(builder->arena, sizeof(*node));
    if (node) {
        node->kind = kind;
        node->place = place_of(builder, mark);
    }
    return node;
}

/* Puts a node where the text has it: at the root, in a list, as a key, or as a key's value. */
static void node_attach(struct builder *builder, struct node *node)
{
    if (builder->depth == 0) {
        builder->root = node;
        return;
    }
    struct level *level = &builder->levels[builder->depth - 1];
    if (level->node->kind == NODE_MAP && !level->key) {
        level->key = node;
        if (node->kind == NODE_LIST || node->kind == NODE_MAP) {
            diag_add(builder->diags, SEVERITY_ERROR, node->place,
                     "put a text with brackets in quotes", "a key must be plain text");
        }
        return;
    }
    node->key = level->key;
    level->key = NULL;
    if (node->key && node->key->kind != NODE_TEXT) {
        return;
    }
    *level->tail = node;
    level->tail = &node->next;
    level->node->count++;
}

static void decoration_check(struct builder *builder, struct node *node, const yaml_char_t *anchor,
                             const yaml_char_t *tag)
{
    if (anchor) {
        diag_add(builder->diags, SEVERITY_ERROR, node->place,
                 "write the value again where it is needed, or put the text in quotes",
                 "'&%s': anchors are not taken here", (const char *)anchor);
    }
    if (tag) {
        diag_add(builder->diags, SEVERITY_ERROR, node->place,
                 "remove it, or put the text in quotes", "'%s': tags are not taken here",
                 (const char *)tag);
    }
}

static int alias_take(struct builder *builder, const yaml_event_t *event)
{
    struct node *node = node_new(builder, NODE_BAD, &event->start_mark);
    if (!node) {
        return ERR_NOMEM;
    }
    diag_add(builder->diags, SEVERITY_ERROR, node->place,
             "write the value again, or put the text in quotes",
             "'*%s': aliases are not taken here", (const char *)event->data.alias.anchor);
    node_attach(builder, node);
    return ERR_OK;
}

/* Escapes in double quotes may bring characters that the text itself could not hold. */
static bool scalar_is_clean(const uint8_t *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (is_control(value[i]) || value[i] == '\t' || value[i] == '\r') {
            return false;
        }
    }
    return true;
}

static int scalar_take(struct builder *builder, const yaml_event_t *event)
{
    const uint8_t *value = event->data.scalar.value;
    size_t len = event->data.scalar.length;
    yaml_scalar_style_t style = event->data.scalar.style;
    struct node *node = node_new(builder, NODE_TEXT, &event->start_mark);
    if (!node) {
        return ERR_NOMEM;
    }
    if (!scalar_is_clean(value, len)) {
        diag_add(builder->diags, SEVERITY_ERROR, node->place, "remove it",
                 "the text holds a tab or another control character");
        node->kind = NODE_BAD;
    }
    if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE) {
        while (len > 0 && value[len - 1] == '\n') {
            len--;
        }
    }
    char *text = arena_new(builder->arena, len + 1);
    if (!text) {
        return ERR_NOMEM;
    }
    memcpy(text, value, len);
    text[len] = '\0';
    node->text = text;
    node->quoted = style != YAML_PLAIN_SCALAR_STYLE;
    decoration_check(builder, node, event->data.scalar.anchor, event->data.scalar.tag);
    node_attach(builder, node);
    return ERR_OK;
}

static int level_open(struct builder *builder, enum node_kind kind, const yaml_event_t *event)
{
    struct node *node = node_new(builder, kind, &event->start_mark);
    if (!node) {
        return ERR_NOMEM;
    }
    if (builder->depth == LIMIT_CONFIG_DEPTH) {
        diag_add(builder->diags, SEVERITY_ERROR, node->place, NULL,
                 "lists and maps are nested deeper than %d levels", (int)LIMIT_CONFIG_DEPTH);
        return ERR_INVALID;
    }
    if (kind == NODE_MAP) {
        decoration_check(builder, node, event->data.mapping_start.anchor,
                         event->data.mapping_start.tag);
    } else {
        decoration_check(builder, node, event->data.sequence_start.anchor,
                         event->data.sequence_start.tag);
    }
    node_attach(builder, node);
    builder->levels[builder->depth++] = (struct level){node, &node->first, NULL};
    return ERR_OK;
}

static int key_order(const void *a, const void *b)
{
    const struct node *left = *(struct node *const *)a, *right = *(struct node *const *)b;
    int order = strcmp(left->key->text, right->key->text);
    if (order == 0 && left->key->place.line != right->key->place.line) {
        return left->key->place.line < right->key->place.line ? -1 : 1;
    }
    if (order == 0) {
        return left->key->place.column < right->key->place.column ? -1 : 1;
    }
    return order;
}

/* A key written twice is a finding; readers see the first one only. */
static int duplicates_check(struct builder *builder, const struct node *map)
{
    if (map->count < 2) {
        return ERR_OK;
    }
    const struct alloc *alloc = builder->arena->alloc;
    struct node **sorted = mem_new(alloc, map->count * sizeof(struct node *));
    if (!sorted) {
        return ERR_NOMEM;
    }
    uint32_t count = 0;
    for (struct node *node = map->first; node; node = node->next) {
        sorted[count++] = node;
    }
    qsort(sorted, count, sizeof(struct node *), key_order);
    for (uint32_t i = 1; i < count; i++) {
        const struct node *before = sorted[i - 1]->key, *key = sorted[i]->key;
        if (strcmp(before->text, key->text) == 0) {
            diag_add(builder->diags, SEVERITY_ERROR, key->place, "join the two, or remove one",
                     "'%s' is written twice; the other is in line %u", key->text,
                     before->place.line);
            sorted[i]->kind = NODE_BAD;
        }
    }
    mem_free(alloc, sorted);
    return ERR_OK;
}

static int level_close(struct builder *builder)
{
    ASSERT(builder->depth > 0); /* libyaml closes only what it opened */
    const struct node *node = builder->levels[--builder->depth].node;
    return node->kind == NODE_MAP ? duplicates_check(builder, node) : ERR_OK;
}

static int document_take(struct builder *builder, const yaml_event_t *event)
{
    if (builder->documents++ == 0) {
        return ERR_OK;
    }
    diag_add(builder->diags, SEVERITY_ERROR, place_of(builder, &event->start_mark),
             "keep one document; remove the '---'", "a second YAML document begins here");
    return ERR_INVALID;
}

static int event_take(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return document_take(builder, event);
    case YAML_SCALAR_EVENT:
        return scalar_take(builder, event);
    case YAML_ALIAS_EVENT:
        return alias_take(builder, event);
    case YAML_SEQUENCE_START_EVENT:
        return level_open(builder, NODE_LIST, event);
    case YAML_MAPPING_START_EVENT:
        return level_open(builder, NODE_MAP, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return level_close(builder);
    case YAML_STREAM_END_EVENT:
        builder->done = true;
        return ERR_OK;
    default:
        return ERR_OK;
    }
}

static int events_take(struct builder *builder, const char *text, size_t len)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return ERR_NOMEM;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    int err = ERR_OK;
    while (err == ERR_OK && !builder->done) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            err = syntax_error(builder, &parser, text, len);
            break;
        }
        err = event_take(builder, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return err;
}

int tree_read(struct arena *arena, const char *file, const char *text, size_t len,
              struct diag_list *diags, struct node **ret_root)
{
    struct builder builder = {.arena = arena, .diags = diags, .file = file};
    if (len > LIMIT_CONFIG_BYTES) {
        diag_add(diags, SEVERITY_ERROR, (struct place){file, 0, 0}, NULL,
                 "the file has %zu bytes; at most %d are read", len, (int)LIMIT_CONFIG_BYTES);
        return ERR_INVALID;
    }
    if (len >= 3 && memcmp(text, BYTE_ORDER_MARK, 3) == 0) {
        text += 3;
        len -= 3;
    }
    int err = text_check(&builder, text, len);
    if (err == ERR_OK) {
        err = events_take(&builder, text, len);
    }
    if (err == ERR_OK) {
        *ret_root = builder.root;
    }
    return err;
}

const struct node *tree_get(const struct node *map, const char *key)
{
    for (const struct node *node = map->first; node; node = node->next) {
        if (strcmp(node->key->text, key) == 0) {
            return node;
        }
    }
    return NULL;
}

bool tree_is_empty(const struct node *node)
{
    return node->kind == NODE_TEXT && !node->quoted &&
           (*node->text == '\0' || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}
