/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/records.h"

#include "base/assert.h"
#include "base/error.h"
#include "dns/name.h"

#include <string.h>

/* What an entry spells out, because it differs from the entry before. */
enum entry_flag {
    ENTRY_OWNER = 1,
    ENTRY_TTL = 2,
    ENTRY_TYPE = 4,
    ENTRY_LINE = 8, /* absent: one more than before */
    ENTRY_FILE = 16,
    ENTRY_LONG = 32, /* the length of the rdata takes two bytes */
};

enum {
    ENTRY_HEAD_MAX = 1 + 1 + NAME_MAX + 4 + 2 + 4 + 2 + 2,
    CHUNK_BYTES_MIN = 4096,
    CHUNK_BYTES_MAX = 1 << 20,
    FILES_MAX = UINT16_MAX,
};

struct records_chunk {
    struct records_chunk *next;
    size_t used, size;
    bool afresh; /* its first entry follows nothing: another list was joined here */
    uint8_t data[];
};

void records_init(struct records *list, const struct alloc *alloc)
{
    *list = (struct records){.alloc = alloc};
}

void records_deinit(struct records *list)
{
    if (list->source) {
        list->source->drop(list->source_ctx);
    }
    for (struct records_chunk *chunk = list->first; chunk;) {
        struct records_chunk *next = chunk->next;
        mem_free(list->alloc, chunk);
        chunk = next;
    }
    for (uint16_t i = 0; i < list->file_count; i++) {
        mem_free(list->alloc, list->files[i]);
    }
    mem_free(list->alloc, list->files);
    records_init(list, list->alloc);
}

int records_add_file(struct records *list, const char *file)
{
    if (list->file_count == FILES_MAX) {
        return ERR_LIMIT;
    }
    char **files = mem_resize(list->alloc, list->files, (list->file_count + 1u) * sizeof(*files));
    if (!files) {
        return ERR_NOMEM;
    }
    list->files = files;
    char *copy = mem_copy_text(list->alloc, file);
    if (!copy) {
        return ERR_NOMEM;
    }
    files[list->file_count] = copy;
    return list->file_count++;
}

/* A chunk with room for `bytes`; each is twice as large as the one before. */
static struct records_chunk *chunk_reserve(struct records *list, size_t bytes)
{
    struct records_chunk *last = list->last;
    if (last && last->size - last->used >= bytes) {
        return last;
    }
    size_t size = last ? last->size * 2 : CHUNK_BYTES_MIN;
    size = size > CHUNK_BYTES_MAX ? CHUNK_BYTES_MAX : size;
    size = size < bytes ? bytes : size;
    struct records_chunk *chunk = mem_new(list->alloc, sizeof(*chunk) + size);
    if (!chunk) {
        return NULL;
    }
    *chunk = (struct records_chunk){.size = size};
    *(last ? &last->next : &list->first) = chunk;
    list->last = chunk;
    list->bytes += sizeof(*chunk) + size;
    return chunk;
}

static uint8_t *put(uint8_t *at, const void *data, size_t bytes)
{
    memcpy(at, data, bytes);
    return at + bytes;
}

static uint8_t *owner_put(struct records *list, uint8_t *at, const uint8_t *owner, size_t len)
{
    *at++ = (uint8_t)len;
    memcpy(list->last_owner, owner, len);
    return put(at, owner, len);
}

int records_append(struct records *list, const struct record *record)
{
    ASSERT(record->owner || list->count);
    struct records_chunk *chunk = chunk_reserve(list, ENTRY_HEAD_MAX + (size_t)record->rdata_len);
    if (!chunk) {
        return ERR_NOMEM;
    }
    uint8_t *start = chunk->data + chunk->used, *at = start + 1;
    struct record *latest = &list->latest;
    unsigned flags = 0;
    size_t owner_len = record->owner ? name_len(record->owner) : 0;
    if (record->owner &&
        (list->count == 0 || memcmp(record->owner, list->last_owner, owner_len) != 0)) {
        flags |= ENTRY_OWNER;
        at = owner_put(list, at, record->owner, owner_len);
    }
    if (record->ttl != latest->ttl) {
        flags |= ENTRY_TTL;
        at = put(at, &record->ttl, sizeof(record->ttl));
    }
    if (record->type != latest->type) {
        flags |= ENTRY_TYPE;
        at = put(at, &record->type, sizeof(record->type));
    }
    if (record->line != latest->line + 1) {
        flags |= ENTRY_LINE;
        at = put(at, &record->line, sizeof(record->line));
    }
    if (record->file != latest->file) {
        flags |= ENTRY_FILE;
        at = put(at, &record->file, sizeof(record->file));
    }
    if (record->rdata_len > UINT8_MAX) {
        flags |= ENTRY_LONG;
        at = put(at, &record->rdata_len, sizeof(record->rdata_len));
    } else {
        *at++ = (uint8_t)record->rdata_len;
    }
    if (record->rdata_len) {
        at = put(at, record->rdata, record->rdata_len);
    }
    *start = (uint8_t)flags;
    chunk->used = (size_t)(at - chunk->data);
    *latest = *record;
    list->count++;
    return ERR_OK;
}

void records_join(struct records *list, struct records *more)
{
    ASSERT(list->alloc == more->alloc && list->file_count >= more->file_count && !more->source);
    if (more->first) {
        more->first->afresh = true;
        *(list->last ? &list->last->next : &list->first) = more->first;
        list->last = more->last;
        list->count += more->count;
        list->bytes += more->bytes;
        list->latest = more->latest;
        memcpy(list->last_owner, more->last_owner, sizeof(list->last_owner));
    }
    more->first = more->last = NULL;
    records_deinit(more);
}

void records_iter_init(struct records_iter *iter, const struct records *list)
{
    /* Only a list with a source grows while it is read. */
    *iter = (struct records_iter){.list = (struct records *)(uintptr_t)list};
}

/* Steps to the next chunk, which the source may have to make first. */
static bool chunk_step(struct records_iter *iter)
{
    struct records *list = iter->list;
    const struct records_chunk *const *next =
        (const struct records_chunk *const *)(iter->chunk ? &iter->chunk->next : &list->first);
    while (!*next && list->source && iter->err == ERR_OK) {
        int err = list->source->more(list->source_ctx, list);
        iter->err = err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    if (!*next) {
        return false;
    }
    iter->chunk = *next;
    iter->at = 0;
    if (iter->chunk->afresh) {
        iter->latest = (struct record){0};
    }
    return true;
}

static const uint8_t *get(const uint8_t *at, void *out, size_t bytes)
{
    memcpy(out, at, bytes);
    return at + bytes;
}

/* Reads one entry over the one before it; returns where the next begins. */
static const uint8_t *entry_read(const uint8_t *at, struct record *latest)
{
    unsigned flags = *at++;
    if (flags & ENTRY_OWNER) {
        size_t len = *at++;
        latest->owner = at;
        at += len;
    }
    if (flags & ENTRY_TTL) {
        at = get(at, &latest->ttl, sizeof(latest->ttl));
    }
    if (flags & ENTRY_TYPE) {
        at = get(at, &latest->type, sizeof(latest->type));
    }
    if (flags & ENTRY_LINE) {
        at = get(at, &latest->line, sizeof(latest->line));
    } else {
        latest->line++;
    }
    if (flags & ENTRY_FILE) {
        at = get(at, &latest->file, sizeof(latest->file));
    }
    if (flags & ENTRY_LONG) {
        at = get(at, &latest->rdata_len, sizeof(latest->rdata_len));
    } else {
        latest->rdata_len = *at++;
    }
    latest->rdata = at;
    return at + latest->rdata_len;
}

bool records_iter_next(struct records_iter *iter, struct record *out)
{
    while (!iter->chunk || iter->at == iter->chunk->used) {
        if (!chunk_step(iter)) {
            return false;
        }
    }
    const uint8_t *next = entry_read(iter->chunk->data + iter->at, &iter->latest);
    iter->at = (size_t)(next - iter->chunk->data);
    *out = iter->latest;
    return true;
}
