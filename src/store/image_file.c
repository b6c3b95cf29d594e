/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/image_file.h"

#include "base/error.h"
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static const char IMAGE_NAME[] = "zones.image", NEW_NAME[] = "zones.image.new";
static const char MAGIC[8] = "HORIZON\n";

enum {
    FORMAT = 1
};

struct image_head {
    char magic[8];
    uint32_t format, head_bytes;
    uint64_t checksum;
    uint64_t tree_bytes, live_bytes, list_bytes;
    int64_t written_ns;
};
_Static_assert(sizeof(struct image_head) <= IMAGE_TREES_AT, "the head fits its page");

/* What is wrong with the folder, and what helps. */
static const struct {
    int err;
    const char *text, *mend;
} FAULTS[] = {
    {ERR_NOT_FOUND, "there is no such folder", "create it, for the user that horizon runs as"},
    {ERR_PERMISSION, "no permission to use it", "give it to the user that horizon runs as"},
    {ERR_BUSY, "another server writes there", "give each server a folder of its own"},
    {ERR_IO, "the system reported an error", "look at the disk, and at the system's log"},
};

static int folder_fault(struct diag_list *diags, const char *path, int err)
{
    for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++) {
        if (FAULTS[i].err == err) {
            diag_add(diags, SEVERITY_WARNING, (struct place){.file = path}, FAULTS[i].mend,
                     "no image of the zones is kept here: %s", FAULTS[i].text);
        }
    }
    return err;
}

int image_folder_open(const struct alloc *alloc, const char *path, struct image_folder *out,
                      struct diag_list *diags)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return folder_fault(diags, path, file_error(errno));
    }
    char *copy = mem_copy_text(alloc, path);
    if (!copy) {
        close(fd);
        return ERR_NOMEM;
    }
    *out = (struct image_folder){.path = copy, .fd = fd};
    int err = image_folder_lock(out);
    return err == ERR_OK ? err : folder_fault(diags, path, err);
}

int image_folder_lock(struct image_folder *folder)
{
    if (flock(folder->fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? ERR_BUSY : ERR_IO;
    }
    folder->locked = true;
    return ERR_OK;
}

void image_folder_close(const struct alloc *alloc, struct image_folder *folder)
{
    if (folder->fd >= 0) {
        close(folder->fd); /* and the lock with it */
    }
    mem_free(alloc, folder->path);
    *folder = (struct image_folder){.fd = -1};
}

/* --- reading ------------------------------------------------------------------------------------
 */

static uint64_t image_checksum(const uint8_t *data, size_t bytes)
{
    struct image_head head;
    memcpy(&head, data, sizeof(head));
    head.checksum = 0;
    return XXH3_64bits_withSeed(data + sizeof(head), bytes - sizeof(head),
                                XXH3_64bits(&head, sizeof(head)));
}

/* Why the file cannot be used; NULL: it can. */
static const char *image_fault(const uint8_t *data, size_t bytes, struct image_head *head)
{
    if (bytes < IMAGE_TREES_AT) {
        return "it is cut off";
    }
    memcpy(head, data, sizeof(*head));
    if (memcmp(head->magic, MAGIC, sizeof(MAGIC)) != 0) {
        return "it is no image";
    }
    if (head->format != FORMAT || head->head_bytes != sizeof(*head)) {
        return "another version of horizon made it";
    }
    if (head->tree_bytes > bytes || head->list_bytes > bytes ||
        IMAGE_TREES_AT + head->tree_bytes + head->list_bytes != bytes) {
        return "it is cut off";
    }
    return image_checksum(data, bytes) == head->checksum ? NULL : "it is damaged";
}

static int image_map(int fd, struct image_view *out)
{
    struct stat about;
    if (fstat(fd, &about) != 0) {
        return ERR_IO;
    }
    if (!S_ISREG(about.st_mode) || about.st_size <= 0) {
        return ERR_INVALID;
    }
    size_t bytes = (size_t)about.st_size;
    void *data = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (data == MAP_FAILED) {
        return errno == ENOMEM ? ERR_NOMEM : ERR_IO;
    }
    *out = (struct image_view){.fd = fd, .data = data, .bytes = bytes};
    return ERR_OK;
}

int image_view_open(const struct image_folder *folder, struct image_view *out,
                    struct diag_list *diags)
{
    int fd = openat(folder->fd, IMAGE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return file_error(errno);
    }
    struct image_view view = {.fd = fd};
    struct image_head head;
    int err = image_map(fd, &view);
    const char *fault =
        err == ERR_OK ? image_fault(view.data, view.bytes, &head) : "it cannot be read";
    if (fault) {
        diag_add(diags, SEVERITY_WARNING, (struct place){.file = folder->path},
                 "nothing to do: a new one is written once the zones are read",
                 "the image %s is not used: %s", IMAGE_NAME, fault);
        image_view_close(&view);
        return err == ERR_OK ? ERR_INVALID : err;
    }
    view.parts = (struct image_parts){.tree_bytes = (size_t)head.tree_bytes,
                                      .live_bytes = head.live_bytes,
                                      .list_bytes = (size_t)head.list_bytes};
    view.written_at = (struct wall){head.written_ns};
    *out = view;
    return ERR_OK;
}

void image_view_close(struct image_view *view)
{
    if (view->data) {
        munmap((void *)(uintptr_t)view->data, view->bytes);
    }
    if (view->fd >= 0) {
        close(view->fd);
    }
    *view = (struct image_view){.fd = -1};
}

/* --- writing ------------------------------------------------------------------------------------
 */

/* Our error for an errno of writing. */
static int write_error(int number)
{
    return number == ENOSPC || number == EDQUOT || number == EFBIG ? ERR_SPACE : file_error(number);
}

int image_file_begin(const struct image_folder *folder, size_t bytes, struct image_file *out)
{
    int fd =
        openat(folder->fd, NEW_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return write_error(errno);
    }
    struct image_file file = {.folder = folder, .fd = fd, .bytes = IMAGE_TREES_AT + bytes};
    int number = posix_fallocate(fd, 0, (off_t)file.bytes);
    void *data = MAP_FAILED;
    if (number == 0) {
        data = mmap(NULL, file.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        number = data == MAP_FAILED ? errno : 0;
    }
    if (number != 0) {
        image_file_abort(&file);
        return write_error(number);
    }
    file.data = data;
    *out = file;
    return ERR_OK;
}

static void head_write(const struct image_file *file, const struct image_parts *parts,
                       struct wall now, size_t bytes)
{
    struct image_head head = {.format = FORMAT,
                              .head_bytes = sizeof(head),
                              .tree_bytes = parts->tree_bytes,
                              .live_bytes = parts->live_bytes,
                              .list_bytes = parts->list_bytes,
                              .written_ns = now.ns};
    memcpy(head.magic, MAGIC, sizeof(MAGIC));
    memset(file->data, 0, IMAGE_TREES_AT);
    memcpy(file->data, &head, sizeof(head));
    head.checksum = image_checksum(file->data, bytes);
    memcpy(file->data, &head, sizeof(head));
}

int image_file_commit(struct image_file *file, const struct image_parts *parts, struct wall now,
                      size_t *ret_bytes)
{
    const struct image_folder *folder = file->folder;
    size_t bytes = IMAGE_TREES_AT + parts->tree_bytes + parts->list_bytes;
    head_write(file, parts, now, bytes);
    munmap(file->data, file->bytes);
    file->data = NULL;
    if (ftruncate(file->fd, (off_t)bytes) != 0 || fsync(file->fd) != 0 ||
        renameat(folder->fd, NEW_NAME, folder->fd, IMAGE_NAME) != 0) {
        int err = write_error(errno);
        image_file_abort(file);
        return err;
    }
    close(file->fd);
    file->fd = -1;
    *ret_bytes = bytes;
    return fsync(folder->fd) == 0 ? ERR_OK : write_error(errno);
}

void image_file_abort(struct image_file *file)
{
    if (file->data) {
        munmap(file->data, file->bytes);
    }
    if (file->fd >= 0) {
        close(file->fd);
        (void)unlinkat(file->folder->fd, NEW_NAME, 0);
    }
    *file = (struct image_file){.fd = -1};
}
