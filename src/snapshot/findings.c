/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snapshot/findings.h"

#include "base/hash.h"
#include "dns/name.h"

struct finding {
    struct finding *next;
    struct finding *same_bucket;
    enum severity severity;
    uint16_t type;
    bool placed; /* its place was known when it was found */
    struct place place;
    const char *text, *mend;
    uint8_t owner[NAME_MAX];
};

enum {
    BUCKETS = 512,
    OWNER_BYTES_HASHED = 16
};

void findings_init(struct findings *findings, const struct alloc *alloc, const uint8_t *origin)
{
    *findings = (struct findings){.origin = origin};
    arena_init(&findings->arena, alloc);
    findings->last = &findings->first;
}

void findings_deinit(struct findings *findings)
{
    arena_deinit(&findings->arena);
}

void findings_add(struct findings *findings, enum severity severity, const uint8_t *owner,
                  uint16_t type, struct place place, const char *mend, const char *format, ...)
{
    *(severity == SEVERITY_ERROR ? &findings->errors : &findings->warnings) += 1;
    if (findings->kept >= LIMIT_DIAGS && severity == SEVERITY_WARNING) {
        return;
    }
    if (findings->kept >= 2 * LIMIT_DIAGS) {
        return;
    }
    struct finding *finding = arena_new_zero(&findings->arena, sizeof(*finding));
    if (!finding) {
        return;
    }
    va_list args;
    va_start(args, format);
    char *text = arena_format_args(&findings->arena, format, args);
    va_end(args);
    char name[NAME_TEXT_MAX];
    finding->severity = severity;
    finding->type = type;
    finding->place = place;
    finding->placed = place.file != NULL;
    finding->mend = mend ? arena_text(&findings->arena, mend) : NULL;
    finding->text =
        text ? arena_format(&findings->arena, "%s at %s", text, name_to_text(owner, name)) : NULL;
    memcpy(finding->owner, owner, name_len(owner));
    *findings->last = finding;
    findings->last = &finding->next;
    findings->kept++;
}

/* The last record of the owner and type is where the trouble was completed. */
static void finding_place(struct finding *finding, const struct records *records,
                          const struct record *record)
{
    if (!finding->placed && (finding->type == 0 || finding->type == record->type) &&
        name_equal(finding->owner, record->owner)) {
        finding->place = (struct place){.file = records->files[record->file], .line = record->line};
    }
}

/* Names of a zone differ at their front. */
static unsigned owner_bucket(const uint8_t *owner)
{
    unsigned len = owner[0] + 1u;
    return hash_bytes(HASH_START, owner, len < OWNER_BYTES_HASHED ? len : OWNER_BYTES_HASHED) %
           BUCKETS;
}

/* One pass over the records, which may be millions: all of one owner in a row are looked up once.
 */
static void findings_place(struct findings *findings, const struct records *records)
{
    struct finding *buckets[BUCKETS] = {NULL};
    struct records_iter iter;
    struct record record;
    for (struct finding *at = findings->first; at; at = at->next) {
        struct finding **bucket = &buckets[owner_bucket(at->owner)];
        at->same_bucket = *bucket;
        *bucket = at;
    }
    const uint8_t *owner = NULL; /* the same pointer as long as the owner is the same */
    struct finding *first = NULL;
    records_iter_init(&iter, records);
    while (records_iter_next(&iter, &record)) {
        if (record.owner != owner) {
            owner = record.owner;
            first = buckets[owner_bucket(owner)];
        }
        for (struct finding *at = first; at; at = at->same_bucket) {
            finding_place(at, records, &record);
        }
    }
}

/* Findings in the order of the file, as a person reads it; unplaced ones first. */
static void findings_sort(struct findings *findings)
{
    struct finding *sorted = NULL;
    while (findings->first) {
        struct finding *take = findings->first, **at = &sorted;
        findings->first = take->next;
        while (*at && (*at)->place.line <= take->place.line) {
            at = &(*at)->next;
        }
        take->next = *at;
        *at = take;
    }
    findings->first = sorted;
}

void findings_settle(struct findings *findings, const struct records *records, const char *file,
                     struct diag_list *diags)
{
    if (records && findings->first) {
        findings_place(findings, records);
    }
    findings_sort(findings);
    uint32_t kept[2] = {0};
    for (struct finding *at = findings->first; at; at = at->next) {
        if (!at->place.file) {
            at->place.file = file;
        }
        kept[at->severity]++;
        diag_add(diags, at->severity, at->place, at->mend, "%s",
                 at->text ? at->text : "out of memory");
    }
    uint32_t errors = findings->errors - kept[SEVERITY_ERROR];
    uint32_t warnings = findings->warnings - kept[SEVERITY_WARNING];
    diags->errors += errors;
    diags->warnings += warnings;
    diags->lost += errors + warnings;
    findings->first = NULL;
    findings->last = &findings->first;
    findings->kept = findings->errors = findings->warnings = 0;
}

void node_owner(const struct node *node, const uint8_t *origin, uint8_t *out)
{
    memcpy(out, node->name, node_name_len(node));
    memcpy(out + node_name_len(node), origin, name_len(origin));
}
