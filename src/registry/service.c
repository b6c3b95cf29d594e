/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "registry/service.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const KINDS[CHECK_KIND_COUNT] = {
#define X(kind, name, text) [kind] = name,
    CHECK_KIND_TABLE(X)
#undef X
};

const char *check_kind_name(enum check_kind kind)
{
    return kind < CHECK_KIND_COUNT ? KINDS[kind] : "unknown";
}

enum check_kind check_kind_from_name(const char *name)
{
    unsigned i = 0;
    while (i < CHECK_KIND_COUNT && strcmp(KINDS[i], name) != 0) {
        i++;
    }
    return (enum check_kind)i;
}

static const char *const LOCALITIES[LOCALITY_COUNT] = {
#define X(locality, name, text) [locality] = name,
    LOCALITY_TABLE(X)
#undef X
};

const char *locality_name(enum locality locality)
{
    return locality < LOCALITY_COUNT ? LOCALITIES[locality] : "unknown";
}

enum locality locality_from_name(const char *name)
{
    unsigned i = 0;
    while (i < LOCALITY_COUNT && strcmp(LOCALITIES[i], name) != 0) {
        i++;
    }
    return (enum locality)i;
}

const char *check_text_key(enum check_kind kind)
{
    static const char *const keys[CHECK_KIND_COUNT] = {[CHECK_HTTP] = "path",
                                                       [CHECK_DNS] = "query",
                                                       [CHECK_COMMAND] = "command",
                                                       [CHECK_FILE] = "file",
                                                       [CHECK_ALIAS] = "alias"};
    return keys[kind];
}

const char *answer_mode_name(enum answer_mode mode)
{
    static const char *const names[] = {"all", "some", "weighted"};
    return names[mode];
}

void check_default(struct check *check, enum check_kind kind)
{
    *check = (struct check){.kind = kind,
                            .name = check_kind_name(kind),
                            .interval_ms = 5000,
                            .timeout_ms = 2000,
                            .rise = 2,
                            .fall = 3,
                            .status_low = 200,
                            .status_high = 299,
                            .verify = true,
                            .need = 1};
    if (kind == CHECK_TTL) {
        check->interval_ms = 15000;
    }
}

void service_default(struct service *service)
{
    *service = (struct service){.mode = MODE_ALL,
                                .answers = 1,
                                .ttl_s = 5,
                                .site_percent = 50,
                                .failback_ms = 60000,
                                .flap_half_life_ms = 60000,
                                .critical_remove_ms = 3600000};
}

void instance_default(struct instance *instance)
{
    *instance = (struct instance){.weight = 1};
}

/* --- frozen copies -------------------------------------------------------------------------------
 *
 * One walk over all fields, taken twice: first to count bytes, then to lay them out.
 */

struct freezer {
    uint8_t *at; /* NULL: only count */
    size_t used;
};

static void *freeze_bytes(struct freezer *freezer, const void *data, size_t bytes, size_t align)
{
    freezer->used = (freezer->used + align - 1) & ~(align - 1);
    void *copy = NULL;
    if (freezer->at) {
        copy = freezer->at + freezer->used;
        if (bytes > 0) {
            memcpy(copy, data, bytes);
        }
    }
    freezer->used += bytes;
    return copy;
}

static const char *freeze_text(struct freezer *freezer, const char *text)
{
    return text ? freeze_bytes(freezer, text, strlen(text) + 1, 1) : NULL;
}

static const char **freeze_texts(struct freezer *freezer, const char *const *texts, size_t count)
{
    const char **copy =
        freeze_bytes(freezer, texts, count * sizeof(*texts), _Alignof(const char *));
    for (size_t i = 0; i < count; i++) {
        const char *text = freeze_text(freezer, texts[i]);
        if (copy) {
            copy[i] = text;
        }
    }
    return copy;
}

static struct check *freeze_checks(struct freezer *freezer, const struct check *checks,
                                   size_t count)
{
    struct check *copy =
        freeze_bytes(freezer, checks, count * sizeof(*checks), _Alignof(struct check));
    for (size_t i = 0; i < count; i++) {
        struct check out = checks[i];
        out.name = freeze_text(freezer, out.name);
        out.target = freeze_text(freezer, out.target);
        out.text = freeze_text(freezer, out.text);
        out.host = freeze_text(freezer, out.host);
        out.send = freeze_text(freezer, out.send);
        out.expect = freeze_text(freezer, out.expect);
        if (copy) {
            copy[i] = out;
        }
    }
    return copy;
}

static void freeze_place(struct freezer *freezer, struct place *place)
{
    place->file = freeze_text(freezer, place->file);
}

static void freeze_service(struct freezer *freezer, const struct service *from)
{
    struct service out = *from;
    struct service *copy = freeze_bytes(freezer, from, sizeof(*from), _Alignof(struct service));
    out.sites = freeze_texts(freezer, from->sites, from->site_count);
    out.srv = freeze_texts(freezer, from->srv, from->srv_count);
    out.tags = freeze_texts(freezer, from->tags, from->tag_count);
    out.checks = freeze_checks(freezer, from->checks, from->check_count);
    out.owner = freeze_text(freezer, from->owner);
    out.name = freeze_bytes(freezer, from->name, name_len(from->name), 1);
    freeze_place(freezer, &out.place);
    if (copy) {
        *copy = out;
    }
}

static void freeze_instance(struct freezer *freezer, const struct instance *from)
{
    struct instance out = *from;
    struct instance *copy = freeze_bytes(freezer, from, sizeof(*from), _Alignof(struct instance));
    out.addresses =
        freeze_bytes(freezer, from->addresses, from->address_count * sizeof(*from->addresses),
                     _Alignof(struct service_address));
    out.meta = freeze_bytes(freezer, from->meta, from->meta_count * sizeof(*from->meta),
                            _Alignof(struct meta));
    out.tags = freeze_texts(freezer, from->tags, from->tag_count);
    out.checks = freeze_checks(freezer, from->checks, from->check_count);
    for (unsigned i = 0; i < from->address_count; i++) {
        const char *view = freeze_text(freezer, from->addresses[i].view);
        if (copy) {
            out.addresses[i].view = view;
        }
    }
    for (unsigned i = 0; i < from->meta_count; i++) {
        const char *key = freeze_text(freezer, from->meta[i].key);
        const char *value = freeze_text(freezer, from->meta[i].value);
        if (copy) {
            out.meta[i] = (struct meta){key, value};
        }
    }
    out.service = freeze_bytes(freezer, from->service, name_len(from->service), 1);
    out.id = freeze_text(freezer, from->id);
    out.owner = freeze_text(freezer, from->owner);
    out.site = freeze_text(freezer, from->site);
    freeze_place(freezer, &out.place);
    if (copy) {
        *copy = out;
    }
}

struct service *service_freeze(const struct alloc *alloc, const struct service *service)
{
    struct freezer freezer = {0};
    freeze_service(&freezer, service);
    freezer.at = mem_new(alloc, freezer.used);
    freezer.used = 0;
    if (freezer.at) {
        freeze_service(&freezer, service);
    }
    return (struct service *)(void *)freezer.at;
}

size_t instance_bytes(const struct instance *instance)
{
    struct freezer freezer = {0};
    freeze_instance(&freezer, instance);
    return freezer.used;
}

struct instance *instance_freeze(const struct alloc *alloc, const struct instance *instance)
{
    struct freezer freezer = {.at = mem_new(alloc, instance_bytes(instance))};
    if (freezer.at) {
        freeze_instance(&freezer, instance);
    }
    return (struct instance *)(void *)freezer.at;
}

/* --- comparing -----------------------------------------------------------------------------------
 */

static bool text_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool texts_same(const char *const *a, size_t a_count, const char *const *b, size_t b_count)
{
    for (size_t i = 0; a_count == b_count && i < a_count; i++) {
        if (!text_same(a[i], b[i])) {
            return false;
        }
    }
    return a_count == b_count;
}

static bool check_same(const struct check *a, const struct check *b)
{
    return a->kind == b->kind && text_same(a->name, b->name) && a->interval_ms == b->interval_ms &&
           a->timeout_ms == b->timeout_ms && a->rise == b->rise && a->fall == b->fall &&
           a->port == b->port && text_same(a->target, b->target) && text_same(a->text, b->text) &&
           text_same(a->host, b->host) && text_same(a->send, b->send) &&
           text_same(a->expect, b->expect) && a->status_low == b->status_low &&
           a->status_high == b->status_high && a->tls == b->tls && a->verify == b->verify &&
           a->need == b->need;
}

static bool checks_same(const struct check *a, size_t a_count, const struct check *b,
                        size_t b_count)
{
    for (size_t i = 0; a_count == b_count && i < a_count; i++) {
        if (!check_same(&a[i], &b[i])) {
            return false;
        }
    }
    return a_count == b_count;
}

bool service_same(const struct service *a, const struct service *b)
{
    return name_equal(a->name, b->name) && a->mode == b->mode && a->locality == b->locality &&
           a->answers == b->answers && a->ttl_s == b->ttl_s &&
           a->panic_percent == b->panic_percent && a->closed == b->closed && a->https == b->https &&
           a->svcb == b->svcb && a->keep_last == b->keep_last &&
           a->slow_start_ms == b->slow_start_ms && a->critical_remove_ms == b->critical_remove_ms &&
           a->flap_half_life_ms == b->flap_half_life_ms && a->flap_hold_up == b->flap_hold_up &&
           a->site_percent == b->site_percent && a->active == b->active &&
           a->sites_together == b->sites_together && a->failback_ms == b->failback_ms &&
           a->over_zone == b->over_zone && a->failback_manual == b->failback_manual &&
           a->budget_ms == b->budget_ms &&
           texts_same(a->sites, a->site_count, b->sites, b->site_count) &&
           texts_same(a->srv, a->srv_count, b->srv, b->srv_count) &&
           texts_same(a->tags, a->tag_count, b->tags, b->tag_count) &&
           checks_same(a->checks, a->check_count, b->checks, b->check_count);
}

bool instance_same(const struct instance *a, const struct instance *b)
{
    bool same = name_equal(a->service, b->service) && strcmp(a->id, b->id) == 0 &&
                a->port == b->port && a->weight == b->weight && a->priority == b->priority &&
                a->lease_ms == b->lease_ms && text_same(a->site, b->site) &&
                a->address_count == b->address_count && a->meta_count == b->meta_count &&
                texts_same(a->tags, a->tag_count, b->tags, b->tag_count) &&
                checks_same(a->checks, a->check_count, b->checks, b->check_count);
    for (unsigned i = 0; same && i < a->address_count; i++) {
        same = memcmp(&a->addresses[i].address, &b->addresses[i].address, sizeof(struct address)) ==
                   0 &&
               text_same(a->addresses[i].view, b->addresses[i].view);
    }
    for (unsigned i = 0; same && i < a->meta_count; i++) {
        same = text_same(a->meta[i].key, b->meta[i].key) &&
               text_same(a->meta[i].value, b->meta[i].value);
    }
    return same;
}

/* --- judging -------------------------------------------------------------------------------------
 */

int refusal_fill(struct refusal *refusal, const char *field, const char *mend, const char *format,
                 ...)
{
    va_list args;
    snprintf(refusal->field, sizeof(refusal->field), "%s", field);
    snprintf(refusal->mend, sizeof(refusal->mend), "%s", mend ? mend : "");
    va_start(args, format);
    vsnprintf(refusal->reason, sizeof(refusal->reason), format, args);
    va_end(args);
    return ERR_INVALID;
}

static int field_refuse(struct refusal *refusal, const char *prefix, const char *field,
                        const char *mend, const char *reason)
{
    char path[sizeof(refusal->field)];
    snprintf(path, sizeof(path), "%s.%s", prefix, field);
    return refusal_fill(refusal, path, mend, "%s", reason);
}

/* Printable, without line feeds, of at most `most` bytes. */
static bool text_plain(const char *text, size_t most)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len && i <= most; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return false;
        }
    }
    return len > 0 && len <= most;
}

static bool word_plain(const char *text, size_t most)
{
    return text_plain(text, most) && !strpbrk(text, " \t/");
}

/* A name as it may stand in a Host header and a certificate; nothing that means more in a URL. */
static bool host_plain(const char *text)
{
    enum {
        HOST_BYTES = 253
    };
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        char byte = text[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        if (!letter && !(byte >= '0' && byte <= '9') && byte != '-' && byte != '.' && byte != '_') {
            return false;
        }
    }
    return len > 0 && len <= HOST_BYTES && text[0] != '.' && text[0] != '-';
}

int check_check(const struct check *check, const char *field, struct refusal *refusal)
{
    if (!check->name || !word_plain(check->name, LIMIT_LABEL_BYTES)) {
        return field_refuse(refusal, field, "name", "one word of at most 63 bytes",
                            "the check has no usable name");
    }
    if (check->interval_ms < LIMIT_CHECK_INTERVAL_MS || check->interval_ms > 86400000) {
        return field_refuse(refusal, field, "interval", "from 100ms to 24h",
                            "the interval is out of range");
    }
    if (check->timeout_ms < 10 || check->timeout_ms > 60000) {
        return field_refuse(refusal, field, "timeout", "from 10ms to 60s",
                            "the timeout is out of range");
    }
    if (check->rise < 1 || check->rise > 100 || check->fall < 1 || check->fall > 100) {
        return field_refuse(refusal, field, check->rise < 1 || check->rise > 100 ? "rise" : "fall",
                            "from 1 to 100", "out of range");
    }
    if (check->kind == CHECK_HTTP && (check->status_low < 100 || check->status_high > 599 ||
                                      check->status_low > check->status_high)) {
        return field_refuse(refusal, field, "status", "such as 200 or 200-299",
                            "that is no range of HTTP statuses");
    }
    if (check->kind == CHECK_HTTP && (!check->text || check->text[0] != '/')) {
        return field_refuse(refusal, field, "path", "such as /healthz",
                            "the path of an HTTP check begins with /");
    }
    if (check->host && !host_plain(check->host)) {
        return field_refuse(refusal, field, "host", "such as www.example.com",
                            "a host is letters, digits, hyphens and dots, at most 253");
    }
    struct address address;
    if (check->target && address_from_text(check->target, &address) != ERR_OK) {
        return field_refuse(refusal, field, "target", "write an address",
                            "the target of a check is an address, not a name");
    }
    return ERR_OK;
}

static int checks_check(const struct check *checks, unsigned count, struct refusal *refusal)
{
    if (count > LIMIT_CHECKS) {
        return refusal_fill(refusal, "checks", NULL, "%u checks; at most %d are possible", count,
                            (int)LIMIT_CHECKS);
    }
    for (unsigned i = 0; i < count; i++) {
        char field[32];
        snprintf(field, sizeof(field), "checks[%u]", i);
        int err = check_check(&checks[i], field, refusal);
        if (err != ERR_OK) {
            return err;
        }
        for (unsigned j = 0; j < i; j++) {
            if (strcmp(checks[i].name, checks[j].name) == 0) {
                return field_refuse(refusal, field, "name", "give each a name of its own",
                                    "two checks have the same name");
            }
        }
    }
    return ERR_OK;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

static bool label_plain(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        bool letter = lower(text[i]) >= 'a' && lower(text[i]) <= 'z';
        if (!letter && !is_digit(text[i]) && text[i] != '-' && text[i] != '_') {
            return false;
        }
    }
    return len > 0 && len <= LIMIT_LABEL_BYTES;
}

/* "_http._tcp" */
static bool srv_plain(const char *text)
{
    const char *dot = strchr(text, '.');
    return text[0] == '_' && dot && dot - text <= LIMIT_LABEL_BYTES && dot[1] == '_' &&
           label_plain(dot + 1) && dot - text > 1;
}

static int service_lists_check(const struct service *service, struct refusal *refusal)
{
    if (service->tag_count > LIMIT_TAGS || service->srv_count > LIMIT_TAGS ||
        service->site_count > LIMIT_TAGS) {
        return refusal_fill(refusal, "tags", NULL, "more than %d tags, SRV names or sites",
                            (int)LIMIT_TAGS);
    }
    for (unsigned i = 0; i < service->tag_count; i++) {
        if (!label_plain(service->tags[i])) {
            return refusal_fill(refusal, "tags", "letters, digits, hyphens, at most 63",
                                "a declared tag is a label of the name: '%.80s' cannot be one",
                                service->tags[i]);
        }
    }
    for (unsigned i = 0; i < service->srv_count; i++) {
        if (!srv_plain(service->srv[i])) {
            return refusal_fill(refusal, "srv", "such as _http._tcp (RFC 2782)",
                                "'%.80s' is not two labels that begin with underscores",
                                service->srv[i]);
        }
    }
    for (unsigned i = 0; i < service->site_count; i++) {
        if (!word_plain(service->sites[i], LIMIT_LABEL_BYTES)) {
            return refusal_fill(refusal, "sites", "one word of at most 63 bytes",
                                "that is no name of a site");
        }
    }
    return ERR_OK;
}

int service_check(const struct service *service, struct refusal *refusal)
{
    if (name_labels(service->name) == 0 || name_len(service->name) > NAME_MAX - 130) {
        return refusal_fill(refusal, "service", "leave room for the names of instances below it",
                            "the name of a service has at least one label and at most %d bytes",
                            NAME_MAX - 130);
    }
    if (service->name[1] == '*') {
        return refusal_fill(refusal, "service", "register each name by itself",
                            "a service cannot be a wildcard");
    }
    if (service->ttl_s < 1 || service->ttl_s > 86400) {
        return refusal_fill(refusal, "ttl", "from 1 s to 24 h; 5 s is usual",
                            "the TTL is out of range");
    }
    if (service->answers < 1 || service->answers > LIMIT_ANSWERS) {
        return refusal_fill(refusal, "answers", NULL, "from 1 to %d answers are possible",
                            (int)LIMIT_ANSWERS);
    }
    if (service->panic_percent > 100 || service->site_percent > 100) {
        return refusal_fill(refusal, service->panic_percent > 100 ? "panic" : "site-share",
                            "from 0 to 100", "that is no percentage");
    }
    if (service->active && service->site_count == 0) {
        return refusal_fill(refusal, "active", "list them in `sites`",
                            "an active service is answered from all of its sites: it has none");
    }
    if (service->over_zone &&
        (service->https || service->svcb || service->srv_count || service->tag_count)) {
        return refusal_fill(refusal, "over-zone", "leave out https, svcb, srv and tags",
                            "a service over a name of the zone has addresses, and nothing else");
    }
    int err = service_lists_check(service, refusal);
    return err != ERR_OK ? err : checks_check(service->checks, service->check_count, refusal);
}

static int instance_lists_check(const struct instance *instance, struct refusal *refusal)
{
    if (instance->tag_count > LIMIT_TAGS || instance->meta_count > LIMIT_TAGS) {
        return refusal_fill(refusal, instance->tag_count > LIMIT_TAGS ? "tags" : "meta", NULL,
                            "more than %d entries", (int)LIMIT_TAGS);
    }
    for (unsigned i = 0; i < instance->tag_count; i++) {
        if (!word_plain(instance->tags[i], LIMIT_LABEL_BYTES)) {
            return refusal_fill(refusal, "tags", "one word of at most 63 bytes",
                                "that cannot be a tag: '%.80s'", instance->tags[i]);
        }
    }
    for (unsigned i = 0; i < instance->meta_count; i++) {
        const struct meta *meta = &instance->meta[i];
        if (!word_plain(meta->key, LIMIT_LABEL_BYTES) || strchr(meta->key, '=') ||
            (meta->value[0] && !text_plain(meta->value, 180))) {
            return refusal_fill(refusal, "meta",
                                "a word of at most 63 bytes, and a text of at most 180 bytes",
                                "that cannot be metadata: '%.80s'", meta->key);
        }
    }
    return ERR_OK;
}

static int addresses_check(const struct instance *instance, struct refusal *refusal)
{
    if (instance->address_count == 0 || instance->address_count > LIMIT_INSTANCE_ADDRESSES) {
        return refusal_fill(refusal, "addresses", "give at least one address",
                            "an instance has from 1 to %d addresses",
                            (int)LIMIT_INSTANCE_ADDRESSES);
    }
    for (unsigned i = 0; i < instance->address_count; i++) {
        const struct service_address *a = &instance->addresses[i];
        char text[ADDRESS_TEXT_BYTES];
        if (address_kind(&a->address) == ADDRESS_UNSPECIFIED) {
            return refusal_fill(refusal, "addresses", "give the address that clients shall use",
                                "%s is no address that can be reached",
                                address_to_text(&a->address, text));
        }
        for (unsigned j = 0; j < i; j++) {
            const struct service_address *b = &instance->addresses[j];
            if (memcmp(&a->address, &b->address, sizeof(a->address)) == 0 &&
                text_same(a->view, b->view)) {
                return refusal_fill(refusal, "addresses", "write it once", "%s is there twice",
                                    address_to_text(&a->address, text));
            }
        }
    }
    return ERR_OK;
}

int instance_check(const struct instance *instance, struct refusal *refusal)
{
    if (!text_plain(instance->id, LIMIT_INSTANCE_ID_BYTES) || strpbrk(instance->id, " \t")) {
        return refusal_fill(refusal, "id", "such as web-1",
                            "the id of an instance is one word of at most %d bytes",
                            (int)LIMIT_INSTANCE_ID_BYTES);
    }
    if (instance->lease_ms != 0 && (instance->lease_ms < 1000 || instance->lease_ms > 86400000)) {
        return refusal_fill(refusal, "lease", "from 1s to 24h, or none",
                            "the lease is out of range");
    }
    if (instance->site && !word_plain(instance->site, LIMIT_LABEL_BYTES)) {
        return refusal_fill(refusal, "site", "one word of at most 63 bytes",
                            "that is no name of a site");
    }
    int err = addresses_check(instance, refusal);
    err = err == ERR_OK ? instance_lists_check(instance, refusal) : err;
    return err == ERR_OK ? checks_check(instance->checks, instance->check_count, refusal) : err;
}

/* --- labels --------------------------------------------------------------------------------------
 */

static bool id_is_label(const struct service *service, const char *id)
{
    size_t len = strlen(id);
    if (len == 0 || len > LIMIT_LABEL_BYTES || id[0] == '-' || id[len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!(id[i] >= 'a' && id[i] <= 'z') && !is_digit(id[i]) && id[i] != '-') {
            return false; /* upper case too: ids differ by case, names do not */
        }
    }
    for (unsigned i = 0; i < service->tag_count; i++) {
        const char *tag = service->tags[i];
        size_t at = 0;
        while (tag[at] && lower(tag[at]) == id[at]) {
            at++;
        }
        if (!tag[at] && !id[at]) {
            return false;
        }
    }
    return true;
}

void instance_label(const struct service *service, const char *id, uint8_t out[64])
{
    char text[LIMIT_LABEL_BYTES + 1];
    if (id_is_label(service, id)) {
        snprintf(text, sizeof(text), "%s", id);
    } else {
        snprintf(text, sizeof(text), "i%016llx",
                 (unsigned long long)hash_bytes(HASH_START, id, strlen(id)));
    }
    size_t len = strlen(text);
    out[0] = (uint8_t)len;
    memcpy(out + 1, text, len); /* NOLINT(bugprone-not-null-terminated-result): a label has no 0 */
}
