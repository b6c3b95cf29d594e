/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The image of control (control/image.h) as a file in a folder of its own: written beside the one
 * before and renamed over it, checked as a whole before anything of it is used, mapped.
 *
 *   0          4096
 *   [head]     [trees ........................][list of zones]
 *    magic, format, sizes, time                 └ lies behind the trees in the file, too
 *    checksum (XXH3, 64 bits) of everything but itself
 *
 * Format 1 says: numbers in the machine's own order, blocks as in snapshot/slab.h, trees as in
 * snapshot/qp.h and node.h. Whatever changes those changes the number; an image of another format
 * is not used.
 *
 * The folder is locked while it is open, so two servers never write over each other's images.
 */
#pragma once

#include "base/diag.h"
#include "base/time.h"
#include "control/image.h"

struct image_folder {
    char *path;
    int fd;      /* -1: not open */
    bool locked; /* ours to write to */
};

/* Opens the folder; what is wrong with it becomes a warning, for a server answers without it.
 * ERR_NOT_FOUND, ERR_PERMISSION, ERR_BUSY (another server has it: it may be read, not written),
 * ERR_IO, ERR_NOMEM. */
int image_folder_open(const struct alloc *alloc, const char *path, struct image_folder *out,
                      struct diag_list *diags);
/* Tries again to get the folder that another server had. ERR_BUSY, ERR_IO. */
int image_folder_lock(struct image_folder *folder);
void image_folder_close(const struct alloc *alloc, struct image_folder *folder);

/* An image that was found whole. */
struct image_view {
    int fd;
    const uint8_t *data; /* the whole file, read only */
    size_t bytes;
    struct image_parts parts;
    struct wall written_at;
};

enum {
    IMAGE_TREES_AT = 4096, /* where the trees begin in the file */
};

/* ERR_NOT_FOUND: there is none. ERR_INVALID: damaged, or of another format, with a warning that
 * says so. */
int image_view_open(const struct image_folder *folder, struct image_view *out,
                    struct diag_list *diags);
static inline const uint8_t *image_view_list(const struct image_view *view)
{
    return view->data + IMAGE_TREES_AT + view->parts.tree_bytes;
}
void image_view_close(struct image_view *view);

/* A new image being written, in any one thread. */
struct image_file {
    const struct image_folder *folder;
    int fd;
    uint8_t *data;
    size_t bytes;
};

/* Room for `bytes` of trees and list, on the disk already: what a full disk refuses, it refuses
 * here. ERR_SPACE: the disk is full. ERR_IO, ERR_PERMISSION. */
int image_file_begin(const struct image_folder *folder, size_t bytes, struct image_file *out);
static inline uint8_t *image_file_out(const struct image_file *file)
{
    return file->data + IMAGE_TREES_AT;
}
/* Puts it in place of the one before, once it is safely on the disk. *ret_bytes: size of the file.
 * On failure the one before stays. Ends the file in any case. */
int image_file_commit(struct image_file *file, const struct image_parts *parts, struct wall now,
                      size_t *ret_bytes);
void image_file_abort(struct image_file *file);
