/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reading a workload file whole, and checking every length in it once, so that the sending loop
 * need not. The format is drawn in query_set.h.
 */
#include "query_set.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char set_magic[8] = {'H', 'Z', 'Q', 'S', 'E', 'T', '1', '\n'};
enum {
    SET_HEADER_BYTES = 16,
    RECORD_HEADER_BYTES = 12,
    LABEL_MAX_BYTES = 63
};

static uint16_t bytes_read_u16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return le16toh(value);
}

static uint32_t bytes_read_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

/* The whole file in one allocation, or NULL with errno set. */
static uint8_t *file_read_whole(const char *path, size_t *ret_bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    uint8_t *content = NULL;
    long size = -1;
    if (fseek(file, 0, SEEK_END) == 0) {
        size = ftell(file);
    }
    if (size > 0 && fseek(file, 0, SEEK_SET) == 0) {
        content = malloc((size_t)size);
    }
    if (content != NULL && fread(content, 1, (size_t)size, file) != (size_t)size) {
        free(content);
        content = NULL;
        errno = EIO;
    }
    fclose(file);
    *ret_bytes = size > 0 ? (size_t)size : 0;
    return content;
}

/* Length of the question (name, type, class) that starts at offset 12, or 0 if it is cut short. */
static uint16_t question_measure(const uint8_t *message, size_t length)
{
    size_t at = QUERY_HEADER_BYTES;
    while (at < length && message[at] != 0) {
        if (message[at] > LABEL_MAX_BYTES) {
            return 0;
        }
        at += 1U + message[at];
    }
    at += 1 + 4;
    return at <= length ? (uint16_t)(at - QUERY_HEADER_BYTES) : 0;
}

/* Reads the record at `at`; returns its size in the file, or 0 if it does not fit. */
static size_t record_read(uint8_t *at, size_t left, struct query *query)
{
    if (left < RECORD_HEADER_BYTES) {
        return 0;
    }
    query->length_bytes = bytes_read_u16(at);
    query->rcode = at[2];
    query->answers = bytes_read_u16(at + 4);
    query->address_sum = bytes_read_u32(at + 8);
    query->bytes = at + RECORD_HEADER_BYTES;
    if (query->length_bytes > QUERY_MAX_BYTES || query->length_bytes > left - RECORD_HEADER_BYTES) {
        return 0;
    }
    query->question_bytes = question_measure(query->bytes, query->length_bytes);
    return query->question_bytes == 0 ? 0 : RECORD_HEADER_BYTES + (size_t)query->length_bytes;
}

static bool set_index(struct query_set *set, size_t file_bytes)
{
    size_t at = SET_HEADER_BYTES;
    for (uint32_t i = 0; i < set->count; i++) {
        size_t record = record_read(set->file + at, file_bytes - at, &set->queries[i]);
        if (record == 0) {
            return false;
        }
        at += record;
    }
    return at == file_bytes;
}

bool query_set_read(struct query_set *set, const char *path)
{
    *set = (struct query_set){0};
    size_t file_bytes = 0;
    set->file = file_read_whole(path, &file_bytes);
    if (set->file == NULL) {
        fprintf(stderr, "load: %s: %s\n", path, strerror(errno));
        return false;
    }
    if (file_bytes >= SET_HEADER_BYTES && memcmp(set->file, set_magic, sizeof set_magic) == 0) {
        set->count = bytes_read_u32(set->file + 8);
    }
    /* a count that the file cannot hold must not choose how much memory is asked for */
    if (set->count > 0 && set->count <= file_bytes / RECORD_HEADER_BYTES) {
        set->queries = calloc(set->count, sizeof *set->queries);
    }
    if (set->queries == NULL || !set_index(set, file_bytes)) {
        fprintf(stderr, "load: %s: not a workload file (write one with bench/workload.py)\n", path);
        query_set_free(set);
        return false;
    }
    return true;
}

void query_set_free(struct query_set *set)
{
    free(set->queries);
    free(set->file);
    *set = (struct query_set){0};
}
