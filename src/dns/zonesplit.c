/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/zonesplit.h"

#include <stdbool.h>
#include <string.h>

struct split {
    const char *text, *end;
    const char *quote, *open; /* the next " and ( from here on; the end: none */
    uint32_t line;
    struct zone_piece now; /* directives so far */
    struct zone_piece *pieces;
    unsigned count, most;
    size_t least;
};

static const char *find(const char *at, const char *end, char byte)
{
    const char *found = at < end ? memchr(at, byte, (size_t)(end - at)) : NULL;
    return found ? found : end;
}

/* Behind a record that has quotes or parentheses: the start of the next line outside them. NULL: it
 * is not certain where that is. */
static const char *record_skip(struct split *split, const char *at)
{
    bool inside = false, quoted = false;
    for (; at < split->end; at++) {
        if (*at == '\\') {
            at++;
            if (at < split->end && *at == '\n') {
                return NULL;
            }
        } else if (*at == '\n') {
            split->line++;
            if (quoted) {
                return NULL;
            }
            if (!inside) {
                return at + 1;
            }
        } else if (*at == '"') {
            quoted = !quoted;
        } else if (quoted) {
            continue;
        } else if (*at == ';') {
            at = find(at, split->end, '\n') - 1;
        } else if (*at == '(' || *at == ')') {
            if (inside == (*at == '(')) {
                return NULL;
            }
            inside = *at == '(';
        }
    }
    return inside || quoted ? NULL : split->end;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Is the name behind the word of a directive absolute, and simple? */
static bool name_is_absolute(const char *at, const char *end)
{
    while (at < end && is_blank(*at)) {
        at++;
    }
    const char *name = at;
    while (at < end && !is_blank(*at) && *at != ';') {
        at++;
    }
    return at > name && at[-1] == '.';
}

/* Does the line begin with this word, given in lower case, and a blank? */
static bool begins_with(const char *at, size_t len, const char *word)
{
    size_t bytes = strlen(word);
    if (len <= bytes || !is_blank(at[bytes])) {
        return false;
    }
    for (size_t i = 1; i < bytes; i++) {
        if ((at[i] | 0x20) != word[i]) {
            return false;
        }
    }
    return at[0] == word[0];
}

/* Remembers a directive; false: it cannot be followed. */
static bool directive_note(struct split *split, const char *at, const char *end)
{
    static const char ORIGIN[] = "$origin", TTL[] = "$ttl";
    size_t len = (size_t)(end - at);
    if (memchr(at, '\\', len) || memchr(at, '"', len) || memchr(at, '(', len)) {
        return false;
    }
    while (len > 0 && is_blank(at[len - 1])) {
        len--;
    }
    if (begins_with(at, len, ORIGIN)) {
        split->now.origin = at;
        split->now.origin_len = len;
        return name_is_absolute(at + strlen(ORIGIN), at + len);
    }
    if (begins_with(at, len, TTL)) {
        split->now.ttl = at;
        split->now.ttl_len = len;
        return true;
    }
    return false;
}

/* Does a line that begins so name the owner of its record? */
static bool names_owner(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '*' || byte == '@' ||
           byte == '-' || byte == '\\';
}

static void piece_begin(struct split *split, const char *at)
{
    struct zone_piece *piece = &split->pieces[split->count++];
    *piece = split->now;
    piece->text = at;
    piece->first_line = split->line;
}

/* Behind the line that begins at `at`, or behind the record that goes on from it; NULL: uncertain.
 */
static const char *line_skip(struct split *split, const char *at)
{
    const char *end = find(at, split->end, '\n');
    if (*at == '$') {
        if (!directive_note(split, at, end)) {
            return NULL;
        }
    } else {
        if (split->quote < at) {
            split->quote = find(at, split->end, '"');
        }
        if (split->open < at) {
            split->open = find(at, split->end, '(');
        }
        if (split->quote < end || split->open < end) {
            return record_skip(split, at);
        }
    }
    split->line++;
    return end < split->end ? end + 1 : end;
}

static bool text_walk(struct split *split)
{
    const char *at = split->text;
    if (split->end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) {
        at += 3; /* the byte order mark that some editors write */
    }
    while (at && at < split->end) {
        const struct zone_piece *last = &split->pieces[split->count - 1];
        if (split->count < split->most && (size_t)(at - last->text) >= split->least &&
            names_owner(*at)) {
            piece_begin(split, at);
        }
        at = line_skip(split, at);
    }
    return at != NULL;
}

unsigned zone_text_split(const char *text, size_t len, uint32_t first_line, size_t least,
                         struct zone_piece *pieces, unsigned most)
{
    struct split split = {.text = text,
                          .end = text + len,
                          .line = first_line,
                          .pieces = pieces,
                          .most = most,
                          .least = least > 0 ? least : 1};
    split.quote = find(text, split.end, '"');
    split.open = find(text, split.end, '(');
    piece_begin(&split, text);
    if (most < 2 || len < 2 * split.least || !text_walk(&split)) {
        pieces[0] = (struct zone_piece){.text = text, .len = len, .first_line = first_line};
        return 1;
    }
    for (unsigned i = 0; i < split.count; i++) {
        const char *end = i + 1 < split.count ? pieces[i + 1].text : split.end;
        pieces[i].len = (size_t)(end - pieces[i].text);
    }
    return split.count;
}
