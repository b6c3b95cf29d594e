/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source/pieces.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/limits.h"
#include "dns/zonesplit.h"
#include "io/cores.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    PIECES_MOST = 64, /* several for each thread, as they do not take equally long */
    THREADS_MOST = LIMIT_LOADING - 1,
};

struct piece {
    struct zone_piece text;
    struct records records;
    int err; /* ERR_AGAIN: it had a finding, if only a warning */
    bool done;
};

struct reading {
    const struct alloc *alloc;
    struct zonetext_source source;
    bool owns_text;
    unsigned count;  /* pieces */
    unsigned joined; /* of them in the reader's list */
    pthread_t thread[THREADS_MOST];
    unsigned threads;
    pthread_mutex_t mutex; /* guards `taken`, and a piece until it is done */
    pthread_cond_t changed;
    unsigned taken;
    struct piece piece[PIECES_MOST];
};

/* --- one piece ----------------------------------------------------------------------------------
 */

/* The directives before a piece, a line each; NULL without memory. */
static char *directives_copy(const struct alloc *alloc, const struct zone_piece *piece)
{
    size_t bytes = piece->origin_len + piece->ttl_len + 3;
    char *text = mem_new(alloc, bytes);
    if (text) {
        snprintf(text, bytes, "%.*s\n%.*s\n", (int)piece->origin_len,
                 piece->origin ? piece->origin : "", (int)piece->ttl_len,
                 piece->ttl ? piece->ttl : "");
    }
    return text;
}

static int piece_parse(const struct reading *reading, const struct zone_piece *piece,
                       struct records *out)
{
    struct zonetext_source source = reading->source;
    struct diag_list diags;
    char *before = directives_copy(reading->alloc, piece);
    if (!before) {
        return ERR_NOMEM;
    }
    source.text = piece->text;
    source.len = piece->len;
    source.first_line = piece->first_line;
    source.before = before;
    source.include_open = NULL; /* there is none, or it is a finding */
    diag_init(&diags, reading->alloc);
    int err = zonetext_parse(&source, out, &diags);
    if (err != ERR_NOMEM && diags.errors + diags.warnings > 0) {
        err = ERR_AGAIN;
    }
    diag_deinit(&diags);
    mem_free(reading->alloc, before);
    return err;
}

/* Nobody reads the text of a piece again: its memory goes back before the list needs as much. */
static void text_forget(const struct reading *reading, const struct zone_piece *piece)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)piece->text + page - 1) & ~(page - 1);
    uintptr_t to = ((uintptr_t)piece->text + piece->len) & ~(page - 1);
    if (reading->owns_text && from < to) {
        (void)madvise((void *)from, to - from, MADV_DONTNEED);
    }
}

/* Parses the next piece that nobody has; the mutex is held on entry and return. */
static void piece_take(struct reading *reading)
{
    struct piece *piece = &reading->piece[reading->taken++];
    pthread_mutex_unlock(&reading->mutex);
    int err = piece_parse(reading, &piece->text, &piece->records);
    text_forget(reading, &piece->text);
    pthread_mutex_lock(&reading->mutex);
    piece->err = err;
    piece->done = true;
    pthread_cond_broadcast(&reading->changed);
}

static void *pieces_take(void *arg)
{
    struct reading *reading = arg;
    pthread_mutex_lock(&reading->mutex);
    while (reading->taken < reading->count) {
        piece_take(reading);
    }
    pthread_mutex_unlock(&reading->mutex);
    return NULL;
}

/* --- the reader's list --------------------------------------------------------------------------
 */

static void reading_free(struct reading *reading)
{
    pthread_mutex_lock(&reading->mutex);
    reading->taken = reading->count; /* nobody begins another */
    pthread_mutex_unlock(&reading->mutex);
    while (reading->threads > 0) {
        pthread_join(reading->thread[--reading->threads], NULL);
    }
    for (unsigned i = 0; i < reading->count; i++) {
        records_deinit(&reading->piece[i].records);
    }
    if (reading->owns_text) {
        mem_free(reading->alloc, (void *)(uintptr_t)reading->source.text);
    }
    pthread_cond_destroy(&reading->changed);
    pthread_mutex_destroy(&reading->mutex);
    mem_free(reading->alloc, reading);
}

static void reading_drop(void *ctx)
{
    reading_free(ctx);
}

/* The next piece in order, by whoever; then the list has it. */
static int reading_more(void *ctx, struct records *list)
{
    struct reading *reading = ctx;
    if (reading->joined == reading->count) {
        list->source = NULL;
        reading_free(reading);
        return ERR_NOT_FOUND;
    }
    struct piece *piece = &reading->piece[reading->joined];
    pthread_mutex_lock(&reading->mutex);
    while (!piece->done) {
        if (reading->taken < reading->count) {
            piece_take(reading);
        } else {
            pthread_cond_wait(&reading->changed, &reading->mutex);
        }
    }
    pthread_mutex_unlock(&reading->mutex);
    if (piece->err == ERR_OK) {
        records_join(list, &piece->records);
        reading->joined++;
    }
    return piece->err;
}

static const struct records_source SOURCE = {reading_more, reading_drop};

/* Signals are for the owner of the loop. */
static void threads_make(struct reading *reading)
{
    unsigned most = cores_count() - 1;
    sigset_t all, before;
    most = most < THREADS_MOST ? most : THREADS_MOST;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (reading->threads < most &&
           pthread_create(&reading->thread[reading->threads], NULL, pieces_take, reading) == 0) {
        pthread_setname_np(reading->thread[reading->threads++], "piece");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static int reading_begin(const struct zonetext_source *source, size_t least, bool own,
                         struct records *out)
{
    struct zone_piece cuts[PIECES_MOST];
    size_t share = source->len / PIECES_MOST;
    unsigned count = zone_text_split(source->text, source->len, source->first_line,
                                     share < least ? least : share, cuts, PIECES_MOST);
    if (count == 1) {
        return ERR_UNSUPPORTED;
    }
    struct reading *reading = mem_new_zero(out->alloc, 1, sizeof(*reading));
    if (!reading) {
        return ERR_NOMEM;
    }
    int file = records_add_file(out, source->file);
    if (file < 0) {
        mem_free(out->alloc, reading);
        return file;
    }
    reading->alloc = out->alloc;
    reading->source = *source;
    reading->owns_text = own;
    reading->count = count;
    pthread_mutex_init(&reading->mutex, NULL);
    pthread_cond_init(&reading->changed, NULL);
    for (unsigned i = 0; i < count; i++) {
        reading->piece[i].text = cuts[i];
        records_init(&reading->piece[i].records, out->alloc);
    }
    threads_make(reading);
    out->source = &SOURCE;
    out->source_ctx = reading;
    return ERR_OK;
}

int zone_pieces_begin(const struct zonetext_source *source, size_t least, struct records *out)
{
    ASSERT(out->count == 0 && out->file_count == 0);
    return source->len < 2 * least ? ERR_UNSUPPORTED : reading_begin(source, least, true, out);
}

int zone_pieces_parse(const struct zonetext_source *source, size_t least, struct records *out,
                      struct diag_list *diags)
{
    ASSERT(out->count == 0 && out->file_count == 0);
    bool worth = source->len >= 2 * least && cores_count() > 1;
    int err = worth ? reading_begin(source, least, false, out) : ERR_UNSUPPORTED;
    while (err == ERR_OK) {
        err = out->source->more(out->source_ctx, out);
    }
    if (err == ERR_NOT_FOUND) {
        return ERR_OK; /* that was all */
    }
    records_deinit(out);
    return err == ERR_NOMEM ? err : zonetext_parse(source, out, diags);
}
