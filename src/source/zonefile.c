/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source/zonefile.h"

#include "base/error.h"
#include "base/limits.h"
#include "dns/name.h"
#include "dns/zonetext.h"
#include "io/folder.h"
#include "source/pieces.h"

#include <stdio.h>
#include <string.h>

/* RFC 1035 demands a TTL; a text that gives none, neither $TTL nor at the record, gets an hour. */
enum {
    DEFAULT_TTL_S = 3600,
    PIECE_BYTES = 1 << 20, /* a text of two such is worth another thread */
};

/* One text with what it includes. */
struct reading {
    const struct alloc *alloc;
    const struct desired_zone *zone;
    struct diag_list *diags;
    const char *file;  /* the main one */
    size_t prefix_len; /* of its folder and slash, with which the names of others begin too */
    char *folder;      /* nothing outside it is included */
    char *name;        /* of the file included last */
    bool early;        /* the list may be read while it is being made */
};

/* What is wrong with a file that cannot be read, and what helps. */
static const struct {
    int err;
    const char *text, *mend;
} FAULTS[] = {
    {ERR_NOT_FOUND, "there is no such file", "create it, or correct the path"},
    {ERR_PERMISSION, "no permission to read it",
     "let the user that horizon runs as read the file and enter its folders"},
    {ERR_INVALID, "it is a folder, a pipe or a device", "give the path of a regular file"},
    {ERR_LIMIT, "it is larger than 4 GiB", "divide the zone"},
    {ERR_REFUSED, "it is outside the folder of the zone file",
     "move it into that folder; links that lead outside do not count"},
    {ERR_IO, "the system reported a read error", "look at the disk, and at the system's log"},
};

/* Adds the finding; the error that loading ends with. */
static int fault_add(const struct reading *reading, struct place place, const char *name, int err)
{
    for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++) {
        if (FAULTS[i].err == err) {
            char origin[NAME_TEXT_MAX];
            diag_add(reading->diags, SEVERITY_ERROR, place, FAULTS[i].mend,
                     "zone %s: cannot read %s: %s", name_to_text(reading->zone->origin, origin),
                     name, FAULTS[i].text);
            return ERR_INVALID;
        }
    }
    return err;
}

/* "FOLDER OF from" + name, in the words that the person used; NULL without memory. */
static char *name_join(const struct alloc *alloc, const char *from, const char *name)
{
    const char *slash = name[0] == '/' ? NULL : strrchr(from, '/');
    size_t head = slash ? (size_t)(slash - from) + 1 : 0, tail = strlen(name) + 1;
    char *joined = mem_new(alloc, head + tail);
    if (joined) {
        memcpy(joined, from, head);
        memcpy(joined + head, name, tail);
    }
    return joined;
}

static int include_open(void *ctx, const char *from, const char *name, struct place place,
                        struct diag_list *diags, const char **file, const char **text, size_t *len)
{
    struct reading *reading = ctx;
    (void)diags; /* the same list as the reading's */
    char *joined = name_join(reading->alloc, from, name), *read;
    if (!joined) {
        return ERR_NOMEM;
    }
    bool known = strncmp(joined, reading->file, reading->prefix_len) == 0;
    const char *within = known ? joined + reading->prefix_len : joined;
    int err = folder_file_read(reading->alloc, reading->folder, within, LIMIT_ZONE_TEXT_BYTES,
                               &read, len);
    if (err != ERR_OK) {
        err = fault_add(reading, place, joined, err);
        mem_free(reading->alloc, joined);
        return err;
    }
    mem_free(reading->alloc, reading->name);
    reading->name = joined;
    *file = joined;
    *text = read;
    return ERR_OK;
}

static void include_close(void *ctx, const char *text, size_t len)
{
    struct reading *reading = ctx;
    (void)len;
    mem_free(reading->alloc, (void *)(uintptr_t)text);
}

/* Takes over `text` when it succeeds early: then it is NULL afterwards. */
static int text_parse(struct reading *reading, const char *file, char **text, size_t len,
                      struct records *out)
{
    const char *slash = strrchr(file, '/');
    reading->file = file;
    reading->prefix_len = slash ? (size_t)(slash - file) + 1 : 0;
    reading->folder = mem_new(reading->alloc, reading->prefix_len + 2);
    if (!reading->folder) {
        return ERR_NOMEM;
    }
    snprintf(reading->folder, reading->prefix_len + 2, "%.*s", slash ? (int)reading->prefix_len : 1,
             slash ? file : ".");
    struct zonetext_source source = {
        .file = file,
        .text = *text,
        .len = len,
        .first_line = 1,
        .origin = reading->zone->origin,
        .default_ttl = DEFAULT_TTL_S,
        .include_open = include_open,
        .include_close = include_close,
        .include_ctx = reading,
    };
    int err = reading->early ? zone_pieces_begin(&source, PIECE_BYTES, out) : ERR_UNSUPPORTED;
    if (err == ERR_OK) {
        *text = NULL;
    } else if (err == ERR_UNSUPPORTED) {
        err = zone_pieces_parse(&source, PIECE_BYTES, out, reading->diags);
    }
    mem_free(reading->alloc, reading->folder);
    mem_free(reading->alloc, reading->name);
    return err;
}

/* Reads and parses one file into a fresh list; `place` is where the configuration names it. */
static int text_load(const struct alloc *alloc, const struct desired_zone *zone, const char *file,
                     bool early, struct records *out, struct diag_list *diags)
{
    struct reading reading = {.alloc = alloc, .zone = zone, .diags = diags, .early = early};
    struct place place = {.file = file};
    char *text;
    size_t len;
    int err = folder_file_read(alloc, NULL, file, LIMIT_ZONE_TEXT_BYTES, &text, &len);
    if (err != ERR_OK) {
        return fault_add(&reading, place, "the file", err);
    }
    if (len == 0) {
        diag_add(diags, SEVERITY_ERROR, place, "was it cut off while it was written?",
                 "the file is empty");
        err = ERR_INVALID;
    } else {
        err = text_parse(&reading, file, &text, len, out);
    }
    mem_free(alloc, text);
    return err;
}

static int content_load(const struct alloc *alloc, const struct desired_zone *zone, bool early,
                        struct zone_content *content, struct diag_list *diags)
{
    for (uint32_t i = 0; i < zone->overlay_count; i++) {
        early = early && !zone->overlays[i].file; /* mistakes of all files are told at once */
    }
    int err = text_load(alloc, zone, zone->file, early, &content->base, diags);
    /* Go on after a bad text: the mistakes in the overlays are told at once. */
    for (uint32_t i = 0; i < zone->overlay_count && err != ERR_NOMEM; i++) {
        if (zone->overlays[i].file) {
            int found =
                text_load(alloc, zone, zone->overlays[i].file, false, &content->overlays[i], diags);
            err = found == ERR_OK ? err : found;
        }
    }
    return err;
}

int zonefile_load(const struct alloc *alloc, const struct desired_zone *zone, bool early,
                  struct zone_content *out, struct diag_list *diags)
{
    struct zone_content content = {.overlay_count = zone->overlay_count};
    records_init(&content.base, alloc);
    if (zone->overlay_count) {
        content.overlays = mem_new_zero(alloc, zone->overlay_count, sizeof(*content.overlays));
        if (!content.overlays) {
            return ERR_NOMEM;
        }
    }
    for (uint32_t i = 0; i < zone->overlay_count; i++) {
        records_init(&content.overlays[i], alloc);
    }
    int err = content_load(alloc, zone, early, &content, diags);
    if (err != ERR_OK) {
        zone_content_deinit(&content);
        return err;
    }
    *out = content;
    return ERR_OK;
}

void zone_content_deinit(struct zone_content *content)
{
    for (uint32_t i = 0; i < content->overlay_count; i++) {
        records_deinit(&content->overlays[i]);
    }
    mem_free(content->base.alloc, content->overlays);
    records_deinit(&content->base);
    content->overlays = NULL;
    content->overlay_count = 0;
}
