/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Any bytes as a zone text, included files and all. The input is cut at zero bytes: the first piece
 * is the zone, the next ones are the files "1", "2", ... that it may include.
 *
 * What must hold: records are inside the zone, lower case, well formed for their type; a finding
 * and an error come together; a record shown as text reads back as the same bytes.
 */
#include "base/assert.h"
#include "base/error.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/type.h"
#include "dns/zonesplit.h"
#include "dns/zonetext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECES = 8,
    CUTS_MOST = 500,
    INCLUDES_MAX = 64
};

static const uint8_t ZONE[] = "\7example\3com";

struct pieces {
    const char *text[PIECES];
    size_t len[PIECES];
    int included, open;
};

static int piece_open(void *ctx, const char *from, const char *name, struct place place,
                      struct diag_list *diags, const char **file, const char **text, size_t *len)
{
    struct pieces *pieces = ctx;
    ASSERT(from && place.line > 0);
    unsigned index = name[0] >= '1' && name[0] < '0' + PIECES ? (unsigned)(name[0] - '0') : 0;
    /* A bound on copies of copies, so that an input cannot take for ever. */
    if (index == 0 || !pieces->text[index] || pieces->included++ >= INCLUDES_MAX) {
        diag_add(diags, SEVERITY_ERROR, place, NULL, "no file %s", name);
        return ERR_NOT_FOUND;
    }
    static const char *const files[PIECES] = {"0", "1", "2", "3", "4", "5", "6", "7"};
    pieces->open++;
    *file = files[index];
    *text = pieces->text[index];
    *len = pieces->len[index];
    return ERR_OK;
}

static void piece_close(void *ctx, const char *text, size_t len)
{
    struct pieces *pieces = ctx;
    ASSERT(text || len == 0);
    pieces->open--;
}

static void pieces_cut(struct pieces *pieces, const char *data, size_t size)
{
    for (unsigned i = 0; i < PIECES; i++) {
        const char *zero = size ? memchr(data, 0, size) : NULL;
        size_t len = zero ? (size_t)(zero - data) : size;
        pieces->text[i] = data;
        pieces->len[i] = len;
        if (!zero) {
            return;
        }
        data = zero + 1;
        size -= len + 1;
    }
}

/* A name as libzscanner surely reads it: every byte as \DDD. */
static char *name_spell(const uint8_t *name, char *out)
{
    char *at = out;
    for (; *name; name += *name + 1u) {
        for (unsigned i = 1; i <= *name; i++) {
            at += sprintf(at, "\\%03u", name[i]);
        }
        *at++ = '.';
    }
    *at = '\0';
    return out;
}

/* Times of signatures are serial numbers (RFC 4034 3.1.5): libknot shows one that lies more than 68
 * years ahead as a date before 1970, which libzscanner does not read. */
static bool record_has_far_date(const struct record *record)
{
    enum {
        SIG = 24,
        EXPIRATION = 8,
        INCEPTION = 12,
        TIMES_END = 16
    };
    return (record->type == TYPE_RRSIG || record->type == SIG) && record->rdata_len >= TIMES_END &&
           (record->rdata[EXPIRATION] & 0x80 || record->rdata[INCEPTION] & 0x80);
}

/* The tag of a CAA record is letters and digits (RFC 8659 4.1); libknot shows any other byte of it
 * bare, so that libzscanner takes a parenthesis for its own. */
static bool record_has_odd_tag(const struct record *record)
{
    enum {
        CAA = 257,
        TAG_LEN = 1,
        TAG = 2
    };
    if (record->type != CAA || record->rdata_len < TAG) {
        return false;
    }
    for (unsigned i = 0; i < record->rdata[TAG_LEN] && TAG + i < record->rdata_len; i++) {
        uint8_t byte = record->rdata[TAG + i];
        if (!(byte >= '0' && byte <= '9') && !((byte | 32) >= 'a' && (byte | 32) <= 'z')) {
            return true;
        }
    }
    return false;
}

/* Names of types that libknot writes into bitmaps and signatures and libzscanner does not read:
 * found by asking both for all 65536. */
static bool text_names_odd_type(const char *text)
{
    static const char *const odd[] = {"NULL", "SIG", "OPT", "TKEY", "TSIG", "IXFR", "AXFR", "ANY"};
    for (const char *word = text; *word; word += strspn(word, " ")) {
        size_t len = strcspn(word, " ");
        for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
            if (len == strlen(odd[i]) && memcmp(word, odd[i], len) == 0) {
                return true;
            }
        }
        word += len;
    }
    return false;
}

/* The rdata as text, or as bytes (RFC 3597 5) where the two libraries do not understand each other.
 */
static size_t rdata_spell(const struct record *record, char *out, size_t size)
{
    int len = rdata_to_text(record->type, record->rdata, record->rdata_len, out, size);
    ASSERT(len >= 0);
    if (!record_has_far_date(record) && !record_has_odd_tag(record) && !text_names_odd_type(out)) {
        return (size_t)len;
    }
    char *at = out + sprintf(out, "\\# %u ", record->rdata_len);
    for (unsigned i = 0; i < record->rdata_len; i++) {
        at += sprintf(at, "%02x", record->rdata[i]);
    }
    return (size_t)(at - out);
}

/* The first records as zone text again; how many fitted. Types by number: not every name of
 * libknot's is one of libzscanner's. */
static uint64_t records_spell(const struct records *list, char *out, size_t size, size_t *ret_len)
{
    struct records_iter iter;
    struct record record;
    uint64_t count = 0;
    size_t at = 0;
    for (records_iter_init(&iter, list); records_iter_next(&iter, &record); count++) {
        char owner[NAME_TEXT_MAX];
        if (size - at < 5u * UINT16_MAX) {
            break;
        }
        at += (size_t)snprintf(out + at, size - at, "%s %u IN TYPE%u ",
                               name_spell(record.owner, owner), record.ttl, record.type);
        at += rdata_spell(&record, out + at, size - at);
        out[at++] = '\n';
    }
    *ret_len = at;
    return count;
}

static bool record_equal(const struct record *a, const struct record *b)
{
    return a->type == b->type && a->ttl == b->ttl && name_equal(a->owner, b->owner) &&
           a->rdata_len == b->rdata_len && memcmp(a->rdata, b->rdata, a->rdata_len) == 0;
}

/* What was read, shown as text, reads back as itself. */
static void records_again(const struct records *list)
{
    static char text[1 << 20];
    struct records again;
    struct records_iter iter, again_iter;
    struct record record, other;
    struct diag_list diags;
    struct zonetext_source source = {
        .file = "again", .text = text, .first_line = 1, .origin = ZONE};
    uint64_t count = records_spell(list, text, sizeof(text), &source.len);
    records_init(&again, &ALLOC_MALLOC);
    diag_init(&diags, &ALLOC_MALLOC);
    zonetext_parse(&source, &again, &diags);
    records_iter_init(&iter, list);
    records_iter_init(&again_iter, &again);
    for (uint64_t i = 0; i < count; i++) {
        if (!records_iter_next(&iter, &record) || !records_iter_next(&again_iter, &other) ||
            !record_equal(&record, &other)) {
            fprintf(stderr, "record %llu does not read back: %s\n%.*s\n", (unsigned long long)i,
                    diags.first ? diags.first->text : "", (int)source.len, text);
            abort();
        }
    }
    records_deinit(&again);
    diag_deinit(&diags);
}

/* Cut wherever that is possible, a text has a finding in some piece or in none, as in one go; and
 * without one, the same records. */
static void records_in_pieces(const struct zonetext_source *source, const struct records *whole,
                              bool clean)
{
    static struct zone_piece pieces[CUTS_MOST];
    static char before[2 << 20];
    struct records joined;
    struct records_iter iter, other_iter;
    struct record record, other;
    struct diag_list diags;
    unsigned count =
        zone_text_split(source->text, source->len, source->first_line, 1, pieces, CUTS_MOST);
    diag_init(&diags, &ALLOC_MALLOC);
    records_init(&joined, &ALLOC_MALLOC);
    for (unsigned i = 0; i < count; i++) {
        struct records list;
        struct zonetext_source part = *source;
        snprintf(before, sizeof(before), "%.*s\n%.*s\n", (int)pieces[i].origin_len,
                 pieces[i].origin ? pieces[i].origin : "", (int)pieces[i].ttl_len,
                 pieces[i].ttl ? pieces[i].ttl : "");
        part.text = pieces[i].text;
        part.len = pieces[i].len;
        part.first_line = pieces[i].first_line;
        part.before = before;
        records_init(&list, &ALLOC_MALLOC);
        int err = zonetext_parse(&part, &list, &diags);
        ASSERT((err == ERR_OK) == (diags.errors == 0) || (i > 0 && err == ERR_OK));
        if (i == 0) {
            joined = list;
        } else {
            records_join(&joined, &list);
        }
    }
    ASSERT(count == 1 || (diags.errors + diags.warnings == 0) == clean);
    ASSERT(!clean || joined.count == whole->count);
    records_iter_init(&iter, whole);
    records_iter_init(&other_iter, &joined);
    while (clean && records_iter_next(&iter, &record)) {
        ASSERT(records_iter_next(&other_iter, &other) && record_equal(&record, &other));
        ASSERT(record.line == other.line && record.file == other.file);
    }
    records_deinit(&joined);
    diag_deinit(&diags);
}

static void records_check(const struct records *list)
{
    struct records_iter iter;
    struct record record;
    uint64_t count = 0;
    for (records_iter_init(&iter, list); records_iter_next(&iter, &record); count++) {
        uint8_t lower[NAME_MAX];
        size_t len = name_check(record.owner, NAME_MAX);
        ASSERT(len > 0 && name_in_zone(record.owner, ZONE));
        memcpy(lower, record.owner, len);
        name_lower(lower, len);
        ASSERT(memcmp(lower, record.owner, len) == 0);
        ASSERT(rdata_type_is_data(record.type));
        ASSERT(rdata_check(record.type, record.rdata, record.rdata_len));
        ASSERT(record.file < list->file_count && record.line > 0);
    }
    ASSERT(count == list->count);
    if (count) {
        records_again(list);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pieces pieces = {.open = 0};
    pieces_cut(&pieces, (const char *)data, size);
    struct zonetext_source source = {
        .file = "0",
        .text = pieces.text[0],
        .len = pieces.len[0],
        .first_line = 1,
        .origin = ZONE,
        .default_ttl = 3600,
        .include_open = piece_open,
        .include_close = piece_close,
        .include_ctx = &pieces,
    };
    struct records list;
    struct diag_list diags;
    records_init(&list, &ALLOC_MALLOC);
    diag_init(&diags, &ALLOC_MALLOC);
    int err = zonetext_parse(&source, &list, &diags);
    ASSERT(err == ERR_OK || err == ERR_INVALID);
    ASSERT((err == ERR_OK) == (diags.errors == 0));
    ASSERT(pieces.open == 0);
    for (const struct diag *diag = diags.first; diag; diag = diag->next) {
        char text[64];
        diag_format(diag, text, sizeof(text));
        ASSERT(diag->place.line > 0);
    }
    records_check(&list);
    if (list.file_count == 1) {
        records_in_pieces(&source, &list, diags.errors + diags.warnings == 0);
    }
    records_deinit(&list);
    diag_deinit(&diags);
    return 0;
}
