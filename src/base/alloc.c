/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/alloc.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK_BYTES 16384u
#define ARENA_ALIGN 16u

struct arena_block {
    struct arena_block *next;
    size_t bytes;
    _Alignas(ARENA_ALIGN) uint8_t data[];
};

static void *heap_resize(void *ctx, void *mem, size_t bytes)
{
    (void)ctx;
    return realloc(mem, bytes);
}

static void heap_release(void *ctx, void *mem)
{
    (void)ctx;
    free(mem);
}

const struct alloc ALLOC_MALLOC = {heap_resize, heap_release, NULL};

void *mem_new(const struct alloc *alloc, size_t bytes)
{
    return alloc->resize(alloc->ctx, NULL, bytes ? bytes : 1);
}

void *mem_new_zero(const struct alloc *alloc, size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        return NULL;
    }
    void *mem = mem_new(alloc, total);
    if (mem) {
        memset(mem, 0, total);
    }
    return mem;
}

void *mem_resize(const struct alloc *alloc, void *mem, size_t bytes)
{
    return alloc->resize(alloc->ctx, mem, bytes ? bytes : 1);
}

void mem_free(const struct alloc *alloc, void *mem)
{
    if (mem) {
        alloc->release(alloc->ctx, mem);
    }
}

char *mem_copy_text(const struct alloc *alloc, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = mem_new(alloc, bytes);
    if (copy) {
        memcpy(copy, text, bytes);
    }
    return copy;
}

void arena_init(struct arena *arena, const struct alloc *alloc)
{
    *arena = (struct arena){.alloc = alloc};
}

void arena_deinit(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks; block;) {
        struct arena_block *next = block->next;
        mem_free(arena->alloc, block);
        block = next;
    }
    arena->blocks = NULL;
    arena->used = arena->size = 0;
}

void arena_clear(struct arena *arena)
{
    struct arena_block *kept = arena->blocks;
    if (!kept || kept->bytes > ARENA_BLOCK_BYTES) {
        arena_deinit(arena);
        return;
    }
    arena->blocks = kept->next;
    arena_deinit(arena);
    kept->next = NULL;
    arena->blocks = kept;
    arena->size = kept->bytes;
}

void *arena_new(struct arena *arena, size_t bytes)
{
    bytes = (bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (arena->size - arena->used < bytes) {
        size_t size = bytes > ARENA_BLOCK_BYTES ? bytes : ARENA_BLOCK_BYTES;
        struct arena_block *block = mem_new(arena->alloc, sizeof(*block) + size);
        if (!block) {
            return NULL;
        }
        *block = (struct arena_block){.next = arena->blocks, .bytes = size};
        arena->blocks = block;
        arena->size = size;
        arena->used = 0;
    }
    void *mem = arena->blocks ? arena->blocks->data + arena->used : NULL;
    arena->used += bytes;
    return mem;
}

void *arena_new_zero(struct arena *arena, size_t bytes)
{
    void *mem = arena_new(arena, bytes);
    if (mem) {
        memset(mem, 0, bytes);
    }
    return mem;
}

void *arena_copy(struct arena *arena, const void *data, size_t bytes)
{
    void *mem = arena_new(arena, bytes ? bytes : 1);
    if (mem && bytes) {
        memcpy(mem, data, bytes);
    }
    return mem;
}

char *arena_text(struct arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text) + 1);
}

char *arena_format_args(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *text = len < 0 ? NULL : arena_new(arena, (size_t)len + 1);
    if (text) {
        vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    return text;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_format_args(arena, format, args);
    va_end(args);
    return text;
}

void buf_init(struct buf *buf, const struct alloc *alloc)
{
    *buf = (struct buf){.alloc = alloc};
}

void buf_deinit(struct buf *buf)
{
    mem_free(buf->alloc, buf->data);
    buf->data = NULL;
    buf->len = buf->cap = 0;
}

int buf_reserve(struct buf *buf, size_t bytes)
{
    if (buf->cap - buf->len >= bytes) {
        return ERR_OK;
    }
    size_t cap = buf->cap ? buf->cap * 2 : 256;
    while (cap - buf->len < bytes) {
        cap *= 2;
    }
    uint8_t *data = mem_resize(buf->alloc, buf->data, cap);
    if (!data) {
        return ERR_NOMEM;
    }
    buf->data = data;
    buf->cap = cap;
    return ERR_OK;
}

int buf_append(struct buf *buf, const void *data, size_t bytes)
{
    int err = buf_reserve(buf, bytes);
    if (err == ERR_OK && bytes) {
        memcpy(buf->data + buf->len, data, bytes);
        buf->len += bytes;
    }
    return err;
}
