/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The option table: every key that a configuration may hold is one row. The parser (what is known,
 * what it must look like, its default), `horizon check` and the reference page come from the rows;
 * a new option is one row here, its field in struct config or registry/desired.h, and its test.
 *
 *   path            server.tcp.idle, zones[].overlays[].reason, views.NAME.match[].prefix
 *                   ("[]": each item of a list; "NAME": each key, whatever it is called)
 *   group           everything before the last word: the map that the key stands in
 *
 * A scalar row names its field (offset and size in the struct of its group) and needs no code; a
 * row with `read` brings its own reader.
 */
#pragma once

#include "config/config.h"

enum option_type {
    OPTION_GROUP,    /* a map with the keys whose group it is */
    OPTION_LIST,     /* a list; each item is a map, or a short form of it */
    OPTION_NAMED,    /* a map whose keys are names that the user chooses */
    OPTION_NUMBER,   /* uint16_t or uint32_t, by size */
    OPTION_BOOL,     /* bool */
    OPTION_DURATION, /* uint32_t, milliseconds */
    OPTION_TEXT,     /* const char *, NULL when empty; min and max count its bytes */
    OPTION_PATH,   /* const char *, made relative to the configuration's folder; NULL when empty */
    OPTION_REASON, /* const char *; line feeds become blanks */
    OPTION_NAME,   /* a domain name: uint8_t *, absolute, lower case */
    OPTION_VIEWS,  /* a view or a list of views: uint64_t mask */
    OPTION_LISTENER,  /* a listener's name: int, its index */
    OPTION_PREFIX,    /* struct prefix */
    OPTION_PREFIXES,  /* a list of prefixes or addresses */
    OPTION_ENDPOINT,  /* an address and a port */
    OPTION_EDITS,     /* a map: NAME or "NAME TYPE" to records */
    OPTION_REMOVALS,  /* a list of NAME or "NAME TYPE" */
    OPTION_TEXTS,     /* a list of texts: const char **, and behind it uint16_t, how many */
    OPTION_NAMES,     /* a list of names in the zone at hand */
    OPTION_WORD,      /* one of some words; the row's reader knows them */
    OPTION_ADDRESSES, /* an address, or a list; each may name its view: ADDR@VIEW */
    OPTION_MAP,       /* a map of texts */
    OPTION_ENDPOINTS, /* a list of addresses with ports */
};

enum {
    OPTION_REQUIRED = 1,
    OPTION_RESTART = 2, /* a reload does not change it */
};

struct reading;
struct node;
struct option;

/* Reads the value of a row into the struct of its group. Findings go to the reading. */
typedef void option_reader(struct reading *reading, const struct option *option,
                           const struct node *node, void *group);

struct option {
    const char *path;
    enum option_type type;
    unsigned flags;
    const char *fallback; /* the default, as it would be written; NULL: none */
    uint32_t min, max;    /* of a number, a duration in ms, or the bytes of a text */
    const char *unit;     /* of a number; NULL: it counts */
    uint16_t offset, size;
    option_reader *read;
    const char *text; /* one sentence */
};

extern const struct option OPTIONS[];
extern const unsigned OPTION_COUNT;

/* The row with this path, or NULL. */
const struct option *option_find(const char *path);

/* The word after the last dot: the key as it is written. */
const char *option_key(const struct option *option);

/* Does the row stand directly in the map `group` ("" is the whole file, "zones[]" an item of
 * zones)? */
bool option_in_group(const struct option *option, const char *group);

/* "number", "duration", ... as the reference page and findings call it. */
const char *option_type_name(enum option_type type);

enum {
    DURATION_TEXT_BYTES = 16
};
/* 1500 → "1500ms", 2000 → "2s", 60000 → "1m". Returns out. */
char *duration_to_text(uint32_t ms, char out[DURATION_TEXT_BYTES]);

/* What a scalar row accepts, "0 to 256", "100ms to 1h", or "" when nothing limits it. Returns out.
 */
enum {
    RANGE_TEXT_BYTES = 80
};
char *option_range_text(const struct option *option, char out[RANGE_TEXT_BYTES]);

/* The value that a scalar row has in the struct of its group, as it would be written; a text that
 * is longer is cut. Returns out. */
enum {
    OPTION_VALUE_BYTES = 128
};
char *option_value_text(const struct option *option, const void *group,
                        char out[OPTION_VALUE_BYTES]);
