/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/zone_files.h"

#include "base/error.h"
#include "dns/name.h"

#include <stdlib.h>
#include <string.h>

/* Two changes closer than this may carry the same time stamp. */
#define STAMP_GRAIN_NS 50000000

static bool add(const struct alloc *alloc, const char *path, struct wall now,
                struct zone_files *files)
{
    struct zone_file *grown =
        mem_resize(alloc, files->file, (files->count + 1) * sizeof(*files->file));
    if (!grown) {
        return false;
    }
    files->file = grown;
    struct zone_file *file = &files->file[files->count];
    file->path = mem_copy_text(alloc, path);
    if (!file->path) {
        return false;
    }
    file->stamp = file_stamp(path);
    if (now.ns - file->stamp.changed_ns < STAMP_GRAIN_NS) {
        file->stamp = (struct file_stamp){0};
    }
    files->count++;
    return true;
}

int zone_files_begin(const struct alloc *alloc, const struct desired_zone *zone, struct wall now,
                     struct zone_files *out)
{
    struct zone_files files = {0};
    bool good = add(alloc, zone->file, now, &files);
    for (uint32_t i = 0; i < zone->overlay_count && good; i++) {
        good = !zone->overlays[i].file || add(alloc, zone->overlays[i].file, now, &files);
    }
    if (!good) {
        zone_files_deinit(alloc, &files);
        return ERR_NOMEM;
    }
    *out = files;
    return ERR_OK;
}

/* files[0] of a list is the one that was asked for; the rest was included. */
static bool add_included(const struct alloc *alloc, const struct records *records, struct wall now,
                         struct zone_files *files)
{
    for (uint16_t i = 1; i < records->file_count; i++) {
        if (!add(alloc, records->files[i], now, files)) {
            return false;
        }
    }
    return true;
}

void zone_files_end(const struct alloc *alloc, const struct zone_content *content, struct wall now,
                    struct zone_files *files)
{
    bool good = add_included(alloc, &content->base, now, files);
    for (uint32_t i = 0; i < content->overlay_count && good; i++) {
        good = add_included(alloc, &content->overlays[i], now, files);
    }
    if (!good) {
        zone_files_deinit(alloc, files);
    }
}

void zone_files_deinit(const struct alloc *alloc, struct zone_files *files)
{
    for (uint32_t i = 0; i < files->count; i++) {
        mem_free(alloc, files->file[i].path);
    }
    mem_free(alloc, files->file);
    *files = (struct zone_files){0};
}

static bool is_unchanged(const struct zone_file *file)
{
    static const struct file_stamp none;
    struct file_stamp now = file_stamp(file->path);
    return !file_stamp_equal(&file->stamp, &none) && file_stamp_equal(&file->stamp, &now);
}

bool zone_files_changed(const struct zone_files *files, const struct desired_zone *zone)
{
    uint32_t named = 0;
    if (files->count == 0 || strcmp(files->file[named++].path, zone->file) != 0) {
        return true;
    }
    for (uint32_t i = 0; i < zone->overlay_count; i++) {
        const char *path = zone->overlays[i].file;
        if (path && (named >= files->count || strcmp(files->file[named++].path, path) != 0)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < files->count; i++) {
        if (!is_unchanged(&files->file[i])) {
            return true;
        }
    }
    return false;
}

void zone_files_free(const struct alloc *alloc, struct zone_files *array, uint32_t count)
{
    for (uint32_t i = 0; i < count && array; i++) {
        zone_files_deinit(alloc, &array[i]);
    }
    mem_free(alloc, array);
}

void zone_files_move(const struct alloc *alloc, struct zone_files *from, struct zone_files *to)
{
    zone_files_deinit(alloc, to);
    *to = *from;
    *from = (struct zone_files){0};
}

static int zone_order(const struct desired_zone *a, const struct desired_zone *b)
{
    int order = name_compare(a->origin, b->origin);
    return order ? order : strcmp(a->file, b->file);
}

/* One zone of either configuration; sorting keeps equal ones in the order of the file. */
struct sorted {
    const struct desired_zone *zone;
    uint32_t index;
};

static int sorted_order(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;
    int order = zone_order(x->zone, y->zone);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static struct sorted *sort_zones(const struct alloc *alloc, const struct desired *desired)
{
    struct sorted *list = mem_new(alloc, desired->zone_count * sizeof(*list));
    for (uint32_t i = 0; i < desired->zone_count && list; i++) {
        list[i] = (struct sorted){&desired->zones[i], i};
    }
    if (list && desired->zone_count) {
        qsort(list, desired->zone_count, sizeof(*list), sorted_order);
    }
    return list;
}

int zone_files_match(const struct alloc *alloc, const struct desired *desired,
                     const struct desired *old, uint32_t *map)
{
    struct sorted *new_list = sort_zones(alloc, desired), *old_list = sort_zones(alloc, old);
    if (!new_list || !old_list) {
        mem_free(alloc, new_list);
        mem_free(alloc, old_list);
        return ERR_NOMEM;
    }
    for (uint32_t i = 0, j = 0; i < desired->zone_count; i++) {
        int order = 1;
        while (j < old->zone_count &&
               (order = zone_order(old_list[j].zone, new_list[i].zone)) < 0) {
            j++;
        }
        bool same = j < old->zone_count && order == 0;
        map[new_list[i].index] = same ? old_list[j++].index : ZONE_FILES_NONE;
    }
    mem_free(alloc, new_list);
    mem_free(alloc, old_list);
    return ERR_OK;
}
