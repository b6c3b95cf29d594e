/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The files that a zone was read from, as they were then: what a reload asks before it reads a zone
 * again. First the zone's own file, then those of its overlays in order, then what they included.
 *
 * A file that changed within a moment of being read counts as changed ever after: its time stamp
 * might not show a second change.
 */
#pragma once

#include "control/control.h"
#include "io/file.h"

struct zone_file {
    char *path;
    struct file_stamp stamp; /* zero: differs from everything */
};

struct zone_files {
    struct zone_file *file;
    uint32_t count;
};

/* Before reading: stamps the files that the configuration names. ERR_NOMEM. */
int zone_files_begin(const struct alloc *alloc, const struct desired_zone *zone, struct wall now,
                     struct zone_files *out);
/* After reading: adds what was included. Without memory for that the zone is read at each reload.
 */
void zone_files_end(const struct alloc *alloc, const struct zone_content *content, struct wall now,
                    struct zone_files *files);
void zone_files_deinit(const struct alloc *alloc, struct zone_files *files);

/* Does the zone have to be read again? */
bool zone_files_changed(const struct zone_files *files, const struct desired_zone *zone);

/* An array with one element a zone. */
void zone_files_free(const struct alloc *alloc, struct zone_files *array, uint32_t count);
/* Gives `to` up for `from`, which is empty afterwards. */
void zone_files_move(const struct alloc *alloc, struct zone_files *from, struct zone_files *to);

/* Which zone of `old` each zone of `desired` is (same origin, same file), into map[zone_count of
 * desired]; each old zone at most once. ERR_NOMEM. */
#define ZONE_FILES_NONE UINT32_MAX
int zone_files_match(const struct alloc *alloc, const struct desired *desired,
                     const struct desired *old, uint32_t *map);
