/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The allocator that the core is handed, and growable buffers on top of it. The core never calls
 * malloc: it gets a struct alloc, so a test can fail the n-th allocation and a drill can count
 * them.
 *
 *   struct alloc   three functions and a context; ALLOC_MALLOC in the shell, a failing one in tests
 *   struct arena   bump allocation, freed as a whole; for one parse, one check, one request
 *   struct buf     one growable byte buffer
 *
 * Nothing here is thread-safe: each object has one owner.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct alloc {
    void *(*resize)(void *ctx, void *mem, size_t bytes); /* as realloc; NULL on failure */
    void (*release)(void *ctx, void *mem);               /* takes NULL */
    void *ctx;
};

/* The C library's heap. */
extern const struct alloc ALLOC_MALLOC;

/* Fresh memory, not cleared (mem_new) or cleared (mem_new_zero); NULL when there is none. */
void *mem_new(const struct alloc *alloc, size_t bytes);
void *mem_new_zero(const struct alloc *alloc, size_t count, size_t bytes);
void *mem_resize(const struct alloc *alloc, void *mem, size_t bytes);
void mem_free(const struct alloc *alloc, void *mem);
char *mem_copy_text(const struct alloc *alloc, const char *text);

struct arena_block;

struct arena {
    const struct alloc *alloc;
    struct arena_block *blocks; /* newest first */
    size_t used, size;          /* of the newest block */
};

void arena_init(struct arena *arena, const struct alloc *alloc);
void arena_deinit(struct arena *arena);
/* Empty, and ready for as much again: one block stays. */
void arena_clear(struct arena *arena);
/* 16-byte aligned memory that lives as long as the arena; NULL when there is none. */
void *arena_new(struct arena *arena, size_t bytes);
void *arena_new_zero(struct arena *arena, size_t bytes);
void *arena_copy(struct arena *arena, const void *data, size_t bytes);
char *arena_text(struct arena *arena, const char *text);
/* Formatted text in the arena; NULL when there is no memory. */
__attribute__((format(printf, 2, 3))) char *arena_format(struct arena *arena, const char *format,
                                                         ...);
__attribute__((format(printf, 2, 0))) char *arena_format_args(struct arena *arena,
                                                              const char *format, va_list args);

struct buf {
    const struct alloc *alloc;
    uint8_t *data;
    size_t len, cap;
};

void buf_init(struct buf *buf, const struct alloc *alloc);
void buf_deinit(struct buf *buf);
/* Makes room for `bytes` more; ERR_NOMEM leaves the buffer as it was. */
int buf_reserve(struct buf *buf, size_t bytes);
int buf_append(struct buf *buf, const void *data, size_t bytes);
