/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit/control/stage.h"

#include "answer/answer.h"
#include "base/error.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/zonetext.h"

#include <stdio.h>

static void init(struct stage *stage, size_t bytes)
{
    *stage = (struct stage){0};
    failing_init(&stage->failing, SIZE_MAX);
    struct slab_backing backing = backing_init(&stage->backing, bytes);
    diag_init(&stage->diags, &ALLOC_MALLOC);
    assert_int_equal(control_new(&stage->failing.alloc, &backing, &stage->control), ERR_OK);
}

void stage_init(struct stage *stage)
{
    init(stage, STAGE_SLAB_BYTES);
}

void stage_init_small(struct stage *stage)
{
    init(stage, STAGE_SLAB_SMALL_BYTES);
}

static void epoch_end(struct stage_epoch *epoch)
{
    scope_free(&ALLOC_MALLOC, epoch->scope);
    config_free(epoch->config);
    *epoch = (struct stage_epoch){0};
}

void stage_deinit(struct stage *stage)
{
    while (stage->reader_count) {
        stage_reader_leave(stage);
    }
    stage_audit(stage);
    control_free(stage->control);
    assert_int_equal(stage->failing.alive, 0);
    epoch_end(&stage->epoch);
    epoch_end(&stage->replaced);
    diag_deinit(&stage->diags);
    backing_deinit(&stage->backing);
}

void stage_file(struct stage *stage, const char *path, const char *text)
{
    unsigned i = 0;
    while (i < STAGE_FILES && stage->files[i].path && strcmp(stage->files[i].path, path) != 0) {
        i++;
    }
    assert_true(i < STAGE_FILES);
    stage->files[i].path = path;
    stage->files[i].text = text;
}

static void diags_clear(struct stage *stage)
{
    diag_deinit(&stage->diags);
    diag_init(&stage->diags, &ALLOC_MALLOC);
}

/* --- content -------------------------------------------------------------------------------------
 */

static void text_parse(const struct stage *stage, const struct desired_zone *zone, const char *path,
                       struct records *out)
{
    struct diag_list diags;
    diag_init(&diags, &ALLOC_MALLOC);
    for (unsigned i = 0; i < STAGE_FILES && stage->files[i].path; i++) {
        if (strcmp(stage->files[i].path, path) == 0) {
            struct zonetext_source source = {.file = path,
                                             .text = stage->files[i].text,
                                             .len = strlen(stage->files[i].text),
                                             .first_line = 1,
                                             .origin = zone->origin,
                                             .default_ttl = 3600};
            assert_int_equal(zonetext_parse(&source, out, &diags), ERR_OK);
            diag_deinit(&diags);
            return;
        }
    }
    fail_msg("no file %s", path);
}

static void content_make(const struct stage *stage, const struct desired_zone *zone,
                         struct zone_content *out)
{
    uint32_t count = zone->overlay_count;
    *out = (struct zone_content){.overlay_count = count};
    out->overlays = calloc(count ? count : 1, sizeof(*out->overlays));
    assert_non_null(out->overlays);
    records_init(&out->base, &ALLOC_MALLOC);
    text_parse(stage, zone, zone->file, &out->base);
    for (uint32_t i = 0; i < count; i++) {
        records_init(&out->overlays[i], &ALLOC_MALLOC);
        if (zone->overlays[i].file) {
            text_parse(stage, zone, zone->overlays[i].file, &out->overlays[i]);
        }
    }
}

static void content_drop(struct zone_content *content)
{
    records_deinit(&content->base);
    for (uint32_t i = 0; i < content->overlay_count; i++) {
        records_deinit(&content->overlays[i]);
    }
    free(content->overlays);
}

static struct config *config_good(const char *yaml)
{
    struct diag_list diags;
    struct config *config = NULL;
    diag_init(&diags, &ALLOC_MALLOC);
    if (config_parse(&ALLOC_MALLOC, "c.yaml", yaml, strlen(yaml), &diags, &config) != ERR_OK) {
        fail_msg("%s", diags.first ? diags.first->text : "no finding");
    }
    diag_deinit(&diags);
    return config;
}

static int reload(struct stage *stage, const struct stage_epoch *epoch, bool load)
{
    const struct desired *desired = &epoch->config->desired;
    uint32_t count = desired->zone_count;
    struct zone_content *contents = calloc(count ? count : 1, sizeof(*contents));
    const struct zone_content **each = calloc(count ? count : 1, sizeof(const void *));
    struct control_limits limits = {.hold_removed_percent = epoch->config->hold_removed_percent,
                                    .hold_removed_names = epoch->config->hold_removed_names};
    assert_true(contents && each);
    for (uint32_t i = 0; load && i < count; i++) {
        content_make(stage, &desired->zones[i], &contents[i]);
        each[i] = &contents[i];
    }
    int err = control_reload(stage->control, desired, epoch->scope, &limits, each,
                             (struct wall){1000}, &stage->diags);
    for (uint32_t i = 0; load && i < count; i++) {
        content_drop(&contents[i]);
    }
    free(contents);
    free(each);
    return err;
}

int stage_configure(struct stage *stage, const char *yaml, bool load)
{
    struct stage_epoch epoch = {.config = config_good(yaml)};
    assert_int_equal(scope_new(&ALLOC_MALLOC, epoch.config, &epoch.scope), ERR_OK);
    diags_clear(stage);
    int err = reload(stage, &epoch, load);
    if (err != ERR_OK) {
        epoch_end(&epoch);
        return err;
    }
    if (stage->replaced.config || !stage->reader_count) {
        epoch_end(&stage->epoch); /* nothing was taken under it */
    } else {
        stage->replaced = stage->epoch;
    }
    stage->epoch = epoch;
    return ERR_OK;
}

int stage_load(struct stage *stage, uint32_t zone)
{
    struct zone_content content;
    content_make(stage, &stage->epoch.config->desired.zones[zone], &content);
    diags_clear(stage);
    int err =
        control_zone_loaded(stage->control, zone, &content, (struct wall){2000}, &stage->diags);
    content_drop(&content);
    return err;
}

int stage_change(struct stage *stage, uint32_t zone, const char *owner, const char *text)
{
    struct draft_record records[16];
    struct records list;
    struct records_iter iter;
    struct record record;
    struct diag_list diags;
    uint32_t count = 0;
    uint8_t name[NAME_MAX];
    const uint8_t *origin = stage->epoch.config->desired.zones[zone].origin;
    assert_int_equal(name_from_text(owner, origin, name), ERR_OK);
    diag_init(&diags, &ALLOC_MALLOC);
    records_init(&list, &ALLOC_MALLOC);
    struct zonetext_source source = {.file = "change",
                                     .text = text,
                                     .len = strlen(text),
                                     .first_line = 1,
                                     .origin = origin,
                                     .default_ttl = 300};
    assert_int_equal(zonetext_parse(&source, &list, &diags), ERR_OK);
    records_iter_init(&iter, &list);
    while (records_iter_next(&iter, &record)) {
        assert_true(count < 16);
        records[count++] = (struct draft_record){
            .rdata = record.rdata, .ttl = record.ttl, .type = record.type, .len = record.rdata_len};
    }
    diags_clear(stage);
    int err = control_change_name(stage->control, zone, name, records, count, &stage->diags);
    records_deinit(&list);
    diag_deinit(&diags);
    return err;
}

/* --- snapshots -----------------------------------------------------------------------------------
 */

void stage_reader_leave(struct stage *stage)
{
    assert_true(stage->reader_count > 0);
    struct stage_reader *oldest = &stage->readers[0];
    assert_int_equal(stage_content(oldest->snapshot->slab, oldest->snapshot->views,
                                   oldest->snapshot->view_count),
                     oldest->content);
    control_retire(stage->control, oldest->snapshot);
    epoch_end(&oldest->over);
    stage->reader_count--;
    memmove(oldest, oldest + 1, stage->reader_count * sizeof(*oldest));
    stage->readers[stage->reader_count] = (struct stage_reader){0};
}

bool stage_publish(struct stage *stage)
{
    struct snapshot *next = control_take_snapshot(stage->control);
    if (!next) {
        return false;
    }
    if (stage->reader_count) {
        stage->readers[stage->reader_count - 1].over = stage->replaced;
        stage->replaced = (struct stage_epoch){0};
    }
    if (stage->reader_count == STAGE_READERS) {
        stage_reader_leave(stage);
    }
    stage->readers[stage->reader_count++] = (struct stage_reader){
        .snapshot = next, .content = stage_content(next->slab, next->views, next->view_count)};
    return true;
}

void stage_audit(const struct stage *stage)
{
    const struct control *control = stage->control;
    struct audit audit;
    audit_init(&audit, &control->slab);
    for (unsigned i = 0; i < LIMIT_VIEWS; i++) {
        audit_root(&audit, control->views[i]);
    }
    for (uint32_t i = 0; i < control->zone_count; i++) {
        audit_root(&audit, control->zones[i].served.base.root);
        audit_root(&audit, control->zones[i].held.base.root);
    }
    audit_retired(&audit, &control->retired);
    for (unsigned i = 0; i < stage->reader_count; i++) {
        const struct taken *taken = (const void *)((const char *)stage->readers[i].snapshot -
                                                   offsetof(struct taken, snapshot));
        audit_retired(&audit, &taken->retired);
    }
    audit_close(&audit);
}

static void sum_add(uint64_t *sum, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++) {
        *sum = (*sum ^ bytes[i]) * UINT64_C(1099511628211);
    }
}

uint64_t stage_content(const struct slab *slab, const struct twig *views, uint32_t view_count)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    for (uint32_t view = 0; view < view_count; view++) {
        struct qp_iter zones, names;
        sum_add(&sum, &view, sizeof(view));
        qp_iter_init(&zones, slab, views[view]);
        for (ref_t ref; (ref = qp_iter_next(&zones)) != 0;) {
            const struct zone_view *zone = zone_view_at(slab, ref);
            sum_add(&sum, zone->origin, zone->origin_len);
            sum_add(&sum, &zone->zone, sizeof(zone->zone));
            sum_add(&sum, &zone->head.flags, 1);
            qp_iter_init(&names, slab, zone->root);
            for (ref_t leaf; (leaf = qp_iter_next(&names)) != 0;) {
                const struct node *node = node_at(slab, leaf);
                sum_add(&sum, &node->head.flags, 1);
                sum_add(&sum, (const uint8_t *)node + sizeof(struct block),
                        node_bytes(node) - sizeof(struct block));
            }
        }
    }
    return sum;
}

/* --- questions -----------------------------------------------------------------------------------
 */

static size_t query_make(const char *question, uint8_t *out)
{
    char name[256], type_text[32];
    uint16_t type;
    assert_int_equal(sscanf(question, "%255s %31s", name, type_text), 2);
    assert_true(type_from_text(type_text, &type) == ERR_OK);
    memset(out, 0, HEADER_BYTES);
    out[5] = 1;
    assert_int_equal(name_from_text(name, NULL, out + HEADER_BYTES), ERR_OK);
    size_t len = HEADER_BYTES + name_len(out + HEADER_BYTES);
    out[len++] = (uint8_t)(type >> 8);
    out[len++] = (uint8_t)type;
    out[len++] = 0;
    out[len++] = 1;
    return len;
}

static size_t name_skip(const uint8_t *wire, size_t at)
{
    while (wire[at] != 0 && wire[at] < 0xc0) {
        at += wire[at] + 1u;
    }
    return at + (wire[at] ? 2 : 1);
}

static void rdata_say(char *out, size_t size, uint16_t type, const uint8_t *rdata, uint16_t len)
{
    size_t used = strlen(out);
    char text[256] = "?";
    if (type == TYPE_A || type == TYPE_AAAA) {
        struct address address = len == 4 ? address_from_v4(rdata) : address_from_v6(rdata);
        address_to_text(&address, text);
    } else if (type == TYPE_SOA) {
        snprintf(text, sizeof(text), "serial=%u", wire_read32(rdata + len - 20));
    } else {
        type_to_text(type, text);
    }
    snprintf(out + used, size - used, " %s", text);
}

static void reply_say(const uint8_t *reply, size_t len, char *out, size_t size)
{
    static const char *const rcodes[] = {"NOERROR",  "FORMERR", "SERVFAIL",
                                         "NXDOMAIN", "NOTIMP",  "REFUSED"};
    assert_true(len >= HEADER_BYTES && (reply[3] & 15) < 6);
    snprintf(out, size, "%s", rcodes[reply[3] & 15]);
    size_t at = name_skip(reply, HEADER_BYTES) + 4;
    for (unsigned left = reply[7]; left > 0; left--) {
        at = name_skip(reply, at);
        uint16_t type = (uint16_t)(reply[at] << 8 | reply[at + 1]);
        uint16_t bytes = (uint16_t)(reply[at + 8] << 8 | reply[at + 9]);
        rdata_say(out, size, type, reply + at + 10, bytes);
        at += 10u + bytes;
    }
}

const char *stage_ask_old(struct stage *stage, unsigned age, const char *from, const char *question)
{
    uint8_t query[300], reply[4096];
    struct outcome outcome;
    struct client client = {.transport = TRANSPORT_UDP};
    assert_true(age < stage->reader_count);
    assert_int_equal(address_from_text(from, &client.address), ERR_OK);
    size_t len = query_make(question, query);
    len = answer(stage->readers[stage->reader_count - 1 - age].snapshot, &client, query, len, 1,
                 reply, sizeof(reply), &outcome, NULL, NULL);
    reply_say(reply, len, stage->answer, sizeof(stage->answer));
    return stage->answer;
}

const char *stage_ask(struct stage *stage, const char *from, const char *question)
{
    return stage_ask_old(stage, 0, from, question);
}

void stage_expect(struct stage *stage, const char *from, const char *question, const char *answer)
{
    assert_string_equal(stage_ask(stage, from, question), answer);
}
