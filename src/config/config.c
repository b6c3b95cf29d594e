/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/config.h"

#include "base/error.h"
#include "config/read.h"
#include "dns/name.h"

#include <stdlib.h>
#include <string.h>

static struct config *config_new(const struct alloc *alloc, const char *file)
{
    struct config *config = mem_new_zero(alloc, 1, sizeof(*config));
    if (!config) {
        return NULL;
    }
    arena_init(&config->arena, alloc);
    config->file = arena_text(&config->arena, file ? file : "");
    if (!config->file) {
        config_free(config);
        return NULL;
    }
    config->file = file ? config->file : NULL;
    return config;
}

void config_free(struct config *config)
{
    if (config) {
        const struct alloc *alloc = config->arena.alloc;
        arena_deinit(&config->arena);
        mem_free(alloc, config);
    }
}

static void defaults_read(struct reading *reading)
{
    group_default(reading, "server", reading->config);
    group_default(reading, "server.tcp", reading->config);
    group_default(reading, "reload", reading->config);
    group_default(reading, "caches", reading->config);
    group_default(reading, "registry", reading->config);
}

/* Without views, everybody is in one; it counts as internal. */
static void implicit_view(struct reading *reading)
{
    struct desired *desired = &reading->config->desired;
    desired->views = reading_new(reading, 1, sizeof(*desired->views));
    const char *name = reading_keep(reading, "default");
    if (!desired->views || !name) {
        return;
    }
    desired->view_count = 1;
    desired->views[0] =
        (struct desired_view){.name = name, .internal = true, .is_default = true, .implicit = true};
    desired->views[0].place.file = reading->config->file;
}

static void document_read(struct reading *reading, const struct node *root)
{
    struct place top = {reading->config->file, 1, 1};
    if (!root || root->kind != NODE_MAP) {
        reading_error(reading, root ? root->place : top, "begin with 'server:' and 'zones:'",
                      root ? "the file is not a map of options" : "the file is empty");
        return;
    }
    if (!tree_get(root, "views")) {
        implicit_view(reading);
    }
    group_read(reading, "", root, reading->config);
    if (reading->config->desired.zone_count == 0 && !tree_get(root, "zones")) {
        reading_warning(reading, top, "add 'zones:'", "no zones: every query is refused");
    }
    check_config(reading);
}

static bool place_before(const struct diag *a, const struct diag *b)
{
    return a->place.line != b->place.line ? a->place.line < b->place.line
                                          : a->place.column < b->place.column;
}

/* Findings in the order of the file: stable insertion, LIMIT_DIAGS of each severity at most. */
static void findings_sort(struct diag_list *list)
{
    struct diag *sorted = NULL;
    for (struct diag *diag = list->first, *next; diag; diag = next) {
        next = diag->next;
        struct diag **at = &sorted;
        while (*at && !place_before(diag, *at)) {
            at = &(*at)->next;
        }
        diag->next = *at;
        *at = diag;
    }
    list->first = sorted;
}

/* Hands the findings on; `faulty` says whether they leave no configuration. */
static int reading_end(struct reading *reading, bool faulty, struct diag_list *diags,
                       struct config **out)
{
    findings_sort(reading->diags);
    diag_move(diags, reading->diags);
    int err = reading->nomem ? ERR_NOMEM : faulty ? ERR_INVALID : ERR_OK;
    arena_deinit(reading->scratch);
    diag_deinit(reading->diags);
    if (err == ERR_OK) {
        *out = reading->config;
    } else {
        config_free(reading->config);
    }
    return err;
}

int config_parse(const struct alloc *alloc, const char *file, const char *text, size_t len,
                 struct diag_list *diags, struct config **out)
{
    return config_parse_and_check(alloc, file, text, len, NULL, NULL, diags, out);
}

int config_parse_and_check(const struct alloc *alloc, const char *file, const char *text,
                           size_t len, bool (*exists)(void *ctx, const char *path), void *ctx,
                           struct diag_list *diags, struct config **out)
{
    struct arena scratch;
    struct diag_list found;
    struct node *root = NULL;
    struct config *config = config_new(alloc, file);
    if (!config) {
        return ERR_NOMEM;
    }
    arena_init(&scratch, alloc);
    diag_init(&found, alloc);
    struct reading reading = {.config = config, .scratch = &scratch, .diags = &found};
    defaults_read(&reading);
    int err = tree_read(&scratch, config->file, text, len, &found, &root);
    reading.nomem |= err == ERR_NOMEM;
    if (err == ERR_OK) {
        document_read(&reading, root);
    }
    bool faulty = found.errors > 0;
    if (exists && !reading.nomem) {
        config_check_files(config, exists, ctx, &found);
    }
    return reading_end(&reading, faulty, diags, out);
}

void config_file_fault(struct diag_list *diags, const char *file, int err)
{
    static const struct {
        int err;
        const char *text, *mend;
    } faults[] = {
        {ERR_NOT_FOUND, "there is no such file", "create it, or correct the path"},
        {ERR_PERMISSION, "no permission to read it",
         "let the user that horizon runs as read the file and enter its folders"},
        {ERR_INVALID, "it is a folder, a socket or a device", "give the path of a regular file"},
        {ERR_LIMIT, "it is larger than it may be", "give the right file"},
    };
    const char *text = error_text(err), *mend = NULL;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (faults[i].err == err) {
            text = faults[i].text;
            mend = faults[i].mend;
        }
    }
    diag_add(diags, SEVERITY_ERROR, (struct place){.file = file}, mend,
             "this file cannot be read: %s", text);
}

static void flag_listens(struct reading *reading, const char *const *listens, size_t count)
{
    struct desired *desired = &reading->config->desired;
    if (count == 0 || count > LIMIT_LISTENERS) {
        reading_error(reading, (struct place){0}, "write --listen 127.0.0.1:53",
                      "--listen is there %zu times; 1 to %d are possible", count,
                      (int)LIMIT_LISTENERS);
        return;
    }
    desired->listeners = reading_new(reading, count, sizeof(*desired->listeners));
    for (size_t i = 0; desired->listeners && i < count; i++) {
        struct desired_listener *listener = &desired->listeners[i];
        listener->slot = (uint16_t)i;
        desired->listener_count++;
        reading->listeners_faulty |=
            !endpoint_read(reading, (struct place){0}, "--listen", listens[i], listener);
    }
}

static void flag_zone(struct reading *reading, const char *text, struct desired_zone *zone)
{
    uint8_t name[NAME_MAX];
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || equals[1] == '\0') {
        const char *what = equals == text ? "zone name missing" : "file missing";
        const char *mend = equals == text ? "write ORIGIN=FILE"
                                          : reading_text(reading, "write %.*s=FILE",
                                                         (int)strcspn(text, "="), text);
        reading_error(reading, (struct place){0}, mend, "--zone %s: %s", text, what);
        return;
    }
    const char *origin = reading_text(reading, "%.*s", (int)(equals - text), text);
    if (origin && name_from_text(origin, NULL, name) != ERR_OK) {
        reading_error(reading, (struct place){0}, "write ORIGIN=FILE, such as example.com=FILE",
                      "--zone %s: '%s' is not a domain name", text, origin);
        return;
    }
    zone->only = VIEWS_ALL;
    zone->file = reading_keep(reading, equals + 1);
    zone->origin = origin ? name_keep(reading, name) : NULL;
}

static void flag_zones(struct reading *reading, const char *const *zones, size_t count)
{
    struct desired *desired = &reading->config->desired;
    if (count > LIMIT_ZONES) {
        reading_error(reading, (struct place){0}, NULL, "%zu zones; at most %d are possible", count,
                      (int)LIMIT_ZONES);
        return;
    }
    if (count == 0) {
        reading_warning(reading, (struct place){0}, "add --zone ORIGIN=FILE",
                        "no zones: every query is refused");
        return;
    }
    desired->zones = reading_new(reading, count, sizeof(*desired->zones));
    for (size_t i = 0; desired->zones && i < count; i++) {
        struct desired_zone *zone = &desired->zones[desired->zone_count];
        flag_zone(reading, zones[i], zone);
        if (zone->origin) {
            desired->zone_count++;
        }
    }
}

int config_from_flags(const struct alloc *alloc, const char *const *listens, size_t listen_count,
                      const char *const *zones, size_t zone_count, struct diag_list *diags,
                      struct config **out)
{
    struct arena scratch;
    struct diag_list found;
    struct config *config = config_new(alloc, NULL);
    if (!config) {
        return ERR_NOMEM;
    }
    arena_init(&scratch, alloc);
    diag_init(&found, alloc);
    struct reading reading = {.config = config, .scratch = &scratch, .diags = &found};
    defaults_read(&reading);
    implicit_view(&reading);
    flag_listens(&reading, listens, listen_count);
    flag_zones(&reading, zones, zone_count);
    check_config(&reading);
    return reading_end(&reading, found.errors > 0, diags, out);
}

int config_api_listen(struct config *config, const char *text, struct diag_list *diags)
{
    struct arena scratch;
    struct reading reading = {.config = config, .scratch = &scratch, .diags = diags};
    struct node node = {.kind = NODE_TEXT, .text = text};
    struct option option = *option_find("api.listen");
    uint32_t errors = diags->errors;
    option.path = "--api";
    arena_init(&scratch, config->arena.alloc);
    read_api_listen(&reading, &option, &node, config);
    arena_deinit(&scratch);
    return reading.nomem ? ERR_NOMEM : diags->errors > errors ? ERR_INVALID : ERR_OK;
}

static void file_check(const char *path, struct place place, const char *what,
                       bool (*exists)(void *ctx, const char *path), void *ctx,
                       struct diag_list *diags)
{
    if (path && !exists(ctx, path)) {
        diag_add(diags, SEVERITY_ERROR, place, "create it, or correct the path",
                 "%s %s cannot be read", what, path);
    }
}

void config_check_files(const struct config *config, bool (*exists)(void *ctx, const char *path),
                        void *ctx, struct diag_list *diags)
{
    const struct desired *desired = &config->desired;
    for (uint32_t i = 0; i < desired->zone_count; i++) {
        const struct desired_zone *zone = &desired->zones[i];
        file_check(zone->file, zone->place, "zone file", exists, ctx, diags);
        for (uint32_t j = 0; j < zone->overlay_count; j++) {
            const struct desired_overlay *overlay = &zone->overlays[j];
            file_check(overlay->file, overlay->place, "overlay file", exists, ctx, diags);
        }
    }
}
