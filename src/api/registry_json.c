/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/registry_json.h"

#include "api/json_text.h"
#include "base/error.h"
#include "base/limits.h"
#include "config/options.h"
#include "config/suggest.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum field_type {
    FIELD_U8,
    FIELD_U16,
    FIELD_SECONDS, /* uint32_t seconds, written as a duration */
    FIELD_MS,      /* uint32_t milliseconds, written as a duration */
    FIELD_BOOL,
    FIELD_TEXT,
    FIELD_TEXTS, /* list of texts; the count is another member */
    FIELD_CHECKS,
    FIELD_ADDRESSES,
    FIELD_META,
    FIELD_MODE,
    FIELD_STATUS, /* "200" or "200-299", or a number */
    FIELD_KIND,   /* of a check; read before the others */
    FIELD_NAME,   /* of the service; read before the others */
    FIELD_HOLD,   /* "up" or "down" */
    FIELD_LOCALITY,
};

struct field {
    const char *key;
    enum field_type type;
    size_t at, count_at; /* offsets in the struct */
    uint32_t least, most;
};

#define AT(type, member) offsetof(struct type, member)

static const struct field CHECK_FIELDS[] = {
    {"kind", FIELD_KIND, AT(check, kind), 0, 0, 0},
    {"name", FIELD_TEXT, AT(check, name), 0, 1, 63},
    {"interval", FIELD_MS, AT(check, interval_ms), 0, LIMIT_CHECK_INTERVAL_MS, 86400000},
    {"timeout", FIELD_MS, AT(check, timeout_ms), 0, 10, 60000},
    {"rise", FIELD_U16, AT(check, rise), 0, 1, 100},
    {"fall", FIELD_U16, AT(check, fall), 0, 1, 100},
    {"port", FIELD_U16, AT(check, port), 0, 1, 65535},
    {"target", FIELD_TEXT, AT(check, target), 0, 1, 45},
    {"path", FIELD_TEXT, AT(check, text), 0, 1, 1024},
    {"query", FIELD_TEXT, AT(check, text), 0, 1, 1024},
    {"command", FIELD_TEXT, AT(check, text), 0, 1, 1024},
    {"file", FIELD_TEXT, AT(check, text), 0, 1, 1024},
    {"alias", FIELD_TEXT, AT(check, text), 0, 1, 1024},
    {"host", FIELD_TEXT, AT(check, host), 0, 1, 253},
    {"send", FIELD_TEXT, AT(check, send), 0, 1, 1024},
    {"expect", FIELD_TEXT, AT(check, expect), 0, 1, 256},
    {"status", FIELD_STATUS, AT(check, status_low), AT(check, status_high), 100, 599},
    {"tls", FIELD_BOOL, AT(check, tls), 0, 0, 0},
    {"verify", FIELD_BOOL, AT(check, verify), 0, 0, 0},
    {"need", FIELD_U16, AT(check, need), 0, 1, LIMIT_CHECKS},
    {NULL, FIELD_TEXT, 0, 0, 0, 0},
};

static const struct field SERVICE_FIELDS[] = {
    {"service", FIELD_NAME, AT(service, name), 0, 0, 0},
    {"policy", FIELD_MODE, AT(service, mode), 0, 0, 0},
    {"locality", FIELD_LOCALITY, AT(service, locality), 0, 0, 0},
    {"answers", FIELD_U16, AT(service, answers), 0, 1, LIMIT_ANSWERS},
    {"ttl", FIELD_SECONDS, AT(service, ttl_s), 0, 1, 86400},
    {"panic", FIELD_U8, AT(service, panic_percent), 0, 0, 100},
    {"closed", FIELD_BOOL, AT(service, closed), 0, 0, 0},
    {"keep-last", FIELD_BOOL, AT(service, keep_last), 0, 0, 0},
    {"slow-start", FIELD_MS, AT(service, slow_start_ms), 0, 0, 86400000},
    {"remove-after", FIELD_MS, AT(service, critical_remove_ms), 0, 0, 604800000},
    {"flap-half-life", FIELD_MS, AT(service, flap_half_life_ms), 0, 0, 86400000},
    {"flap-hold", FIELD_HOLD, AT(service, flap_hold_up), 0, 0, 0},
    {"sites", FIELD_TEXTS, AT(service, sites), AT(service, site_count), 0, LIMIT_TAGS},
    {"site-share", FIELD_U8, AT(service, site_percent), 0, 0, 100},
    {"active", FIELD_BOOL, AT(service, active), 0, 0, 0},
    {"views-together", FIELD_BOOL, AT(service, sites_together), 0, 0, 0},
    {"budget", FIELD_MS, AT(service, budget_ms), 0, 0, 86400000},
    {"failback", FIELD_MS, AT(service, failback_ms), 0, 0, 86400000},
    {"failback-manual", FIELD_BOOL, AT(service, failback_manual), 0, 0, 0},
    {"srv", FIELD_TEXTS, AT(service, srv), AT(service, srv_count), 0, LIMIT_TAGS},
    {"over-zone", FIELD_BOOL, AT(service, over_zone), 0, 0, 0},
    {"https", FIELD_BOOL, AT(service, https), 0, 0, 0},
    {"svcb", FIELD_BOOL, AT(service, svcb), 0, 0, 0},
    {"tags", FIELD_TEXTS, AT(service, tags), AT(service, tag_count), 0, LIMIT_TAGS},
    {"checks", FIELD_CHECKS, AT(service, checks), AT(service, check_count), 0, LIMIT_CHECKS},
    {NULL, FIELD_TEXT, 0, 0, 0, 0},
};

static const struct field INSTANCE_FIELDS[] = {
    {"service", FIELD_NAME, AT(instance, service), 0, 0, 0},
    {"id", FIELD_TEXT, AT(instance, id), 0, 1, LIMIT_INSTANCE_ID_BYTES},
    {"addresses", FIELD_ADDRESSES, AT(instance, addresses), AT(instance, address_count), 1,
     LIMIT_INSTANCE_ADDRESSES},
    {"port", FIELD_U16, AT(instance, port), 0, 0, 65535},
    {"weight", FIELD_U16, AT(instance, weight), 0, 0, 65535},
    {"priority", FIELD_U16, AT(instance, priority), 0, 0, 65535},
    {"tags", FIELD_TEXTS, AT(instance, tags), AT(instance, tag_count), 0, LIMIT_TAGS},
    {"meta", FIELD_META, AT(instance, meta), AT(instance, meta_count), 0, LIMIT_TAGS},
    {"site", FIELD_TEXT, AT(instance, site), 0, 1, 63},
    {"lease", FIELD_MS, AT(instance, lease_ms), 0, 0, 86400000},
    {"checks", FIELD_CHECKS, AT(instance, checks), AT(instance, check_count), 0, LIMIT_CHECKS},
    {NULL, FIELD_TEXT, 0, 0, 0, 0},
};

struct decode {
    struct arena *arena;
    struct refusal *refusal;
    const char *prefix; /* of the field's path: "checks[0]." */
};

/* `what` goes on from the key: "'port' is ...". */
static int bad(const struct decode *decode, const char *key, const char *mend, const char *what)
{
    char path[sizeof(decode->refusal->field)];
    snprintf(path, sizeof(path), "%s%s", decode->prefix, key);
    return refusal_fill(decode->refusal, path, mend, "'%s' %s", key, what);
}

static int bad_range(const struct decode *decode, const struct field *field)
{
    char mend[64];
    snprintf(mend, sizeof(mend), "from %u to %u", field->least, field->most);
    return bad(decode, field->key, mend, "is out of range, or no number");
}

/* --- reading -------------------------------------------------------------------------------------
 */

static bool duration_from_text(const char *text, uint32_t *ret_ms)
{
    static const struct {
        const char *unit;
        uint32_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9) {
        return false;
    }
    uint64_t value = strtoull(text, NULL, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (strcmp(text + digits, units[i].unit) == 0 && value * units[i].ms <= UINT32_MAX) {
            *ret_ms = (uint32_t)(value * units[i].ms);
            return true;
        }
    }
    return false;
}

bool duration_from_json(const json_t *json, uint32_t *ret_ms)
{
    if (json_is_string(json)) {
        return duration_from_text(json_string_value(json), ret_ms);
    }
    json_int_t value = json_integer_value(json);
    if (!json_is_integer(json) || value < 0 || value > UINT32_MAX / 1000) {
        return false;
    }
    *ret_ms = (uint32_t)value * 1000;
    return true;
}

static int read_number(const struct decode *decode, const struct field *field, const json_t *json,
                       void *at)
{
    json_int_t value = json_integer_value(json);
    if (!json_is_integer(json) || value < field->least || value > field->most) {
        return bad_range(decode, field);
    }
    if (field->type == FIELD_U8) {
        *(uint8_t *)at = (uint8_t)value;
    } else {
        *(uint16_t *)at = (uint16_t)value;
    }
    return ERR_OK;
}

static int read_duration(const struct decode *decode, const struct field *field, const json_t *json,
                         void *at)
{
    uint32_t ms;
    char least[DURATION_TEXT_BYTES], most[DURATION_TEXT_BYTES], mend[64];
    uint32_t unit = field->type == FIELD_SECONDS ? 1000 : 1;
    if (!duration_from_json(json, &ms) || ms < (uint64_t)field->least * unit ||
        ms > (uint64_t)field->most * unit || ms % unit != 0) {
        snprintf(mend, sizeof(mend), "such as 5s; from %s to %s",
                 duration_to_text(field->least * unit, least),
                 duration_to_text(field->most * unit, most));
        return bad(decode, field->key, mend, "is out of range, or no duration");
    }
    *(uint32_t *)at = ms / unit;
    return ERR_OK;
}

static int read_text(const struct decode *decode, const struct field *field, const json_t *json,
                     const char **at)
{
    size_t len = json_string_length(json);
    if (!json_is_string(json) || len < field->least || len > field->most ||
        strlen(json_string_value(json)) != len) {
        char mend[48];
        snprintf(mend, sizeof(mend), "from %u to %u bytes", field->least, field->most);
        return bad(decode, field->key, mend, "is no text of a fitting length");
    }
    *at = json_string_value(json);
    return ERR_OK;
}

/* The list's items in arena memory; NULL with an error. */
static void *list_new(const struct decode *decode, const struct field *field, const json_t *json,
                      size_t bytes, void *base, int *ret_err)
{
    size_t count = json_array_size(json);
    if (!json_is_array(json) || count > field->most) {
        char mend[48];
        snprintf(mend, sizeof(mend), "a list of at most %u", field->most);
        *ret_err = bad(decode, field->key, mend, "is no list, or too long a one");
        return NULL;
    }
    void *items = arena_new_zero(decode->arena, count ? count * bytes : 1);
    *ret_err = items ? ERR_OK : ERR_NOMEM;
    *(void **)((char *)base + field->at) = items;
    *(uint16_t *)(void *)((char *)base + field->count_at) = items ? (uint16_t)count : 0;
    return items;
}

static int read_texts(const struct decode *decode, const struct field *field, const json_t *json,
                      void *base)
{
    int err;
    const char **texts = list_new(decode, field, json, sizeof(*texts), base, &err);
    for (size_t i = 0; err == ERR_OK && i < json_array_size(json); i++) {
        const json_t *item = json_array_get(json, i);
        texts[i] = json_string_value(item);
        if (!texts[i] || strlen(texts[i]) != json_string_length(item)) {
            return bad(decode, field->key, "a list of texts", "has an item that is no text");
        }
    }
    return err;
}

static int read_address(const struct decode *decode, const struct field *field, const char *text,
                        struct service_address *out)
{
    char address[ADDRESS_TEXT_BYTES];
    const char *at = strchr(text, '@');
    size_t len = at ? (size_t)(at - text) : strlen(text);
    char *view = at ? arena_text(decode->arena, at + 1) : NULL;
    if (at && !view) {
        return ERR_NOMEM;
    }
    if (len >= sizeof(address)) {
        return bad(decode, field->key, "such as 10.0.1.10", "has an item that is no address");
    }
    memcpy(address, text, len);
    address[len] = '\0';
    if (address_from_text(address, &out->address) != ERR_OK || (view && !*view)) {
        return bad(decode, field->key, "such as 10.0.1.10, or 10.0.1.10@internal for one view",
                   "has an item that is no address");
    }
    out->view = view;
    return ERR_OK;
}

static int read_addresses(const struct decode *decode, const struct field *field,
                          const json_t *json, void *base)
{
    int err;
    struct service_address *list = list_new(decode, field, json, sizeof(*list), base, &err);
    for (size_t i = 0; err == ERR_OK && i < json_array_size(json); i++) {
        const json_t *item = json_array_get(json, i);
        const char *text = json_string_value(item);
        if (!text || strlen(text) != json_string_length(item)) {
            return bad(decode, field->key, "such as [\"10.0.1.10\"]",
                       "has an item that is no address");
        }
        err = read_address(decode, field, text, &list[i]);
    }
    return err;
}

static int read_meta(const struct decode *decode, const struct field *field, json_t *json,
                     void *base)
{
    size_t count = json_object_size(json), i = 0;
    const char *key;
    json_t *value;
    if (!json_is_object(json) || count > field->most) {
        return bad(decode, field->key, "an object of texts", "is no object, or too large a one");
    }
    struct meta *list = arena_new_zero(decode->arena, count ? count * sizeof(*list) : 1);
    if (!list) {
        return ERR_NOMEM;
    }
    json_object_foreach(json, key, value)
    {
        list[i] = (struct meta){key, json_string_value(value)};
        if (!list[i].value || strlen(list[i].value) != json_string_length(value)) {
            return bad(decode, field->key, "an object of texts", "has a value that is no text");
        }
        i++;
    }
    *(struct meta **)(void *)((char *)base + field->at) = list;
    *(uint16_t *)(void *)((char *)base + field->count_at) = (uint16_t)count;
    return ERR_OK;
}

static int read_status(const struct decode *decode, const struct field *field, const json_t *json,
                       void *base)
{
    unsigned low = 0, high = 0;
    int end = 0;
    const char *text = json_string_value(json);
    if (json_is_integer(json)) {
        low = high = json_integer_value(json) > 0 && json_integer_value(json) < 1000
                         ? (unsigned)json_integer_value(json)
                         : 0;
    } else if (text && sscanf(text, "%3u-%3u%n", &low, &high, &end) == 2 && !text[end]) {
    } else if (text && sscanf(text, "%3u%n", &low, &end) == 1 && !text[end]) {
        high = low;
    }
    if (low < field->least || high > field->most || low > high) {
        return bad(decode, field->key, "such as 200, or \"200-299\"",
                   "is no range of HTTP statuses");
    }
    *(uint16_t *)(void *)((char *)base + field->at) = (uint16_t)low;
    *(uint16_t *)(void *)((char *)base + field->count_at) = (uint16_t)high;
    return ERR_OK;
}

static int read_mode(const struct decode *decode, const struct field *field, const json_t *json,
                     enum answer_mode *at)
{
    const char *text = json_string_value(json);
    for (unsigned mode = MODE_ALL; text && mode <= MODE_WEIGHTED; mode++) {
        if (strcmp(text, answer_mode_name((enum answer_mode)mode)) == 0) {
            *at = (enum answer_mode)mode;
            return ERR_OK;
        }
    }
    return bad(decode, field->key, "all, some or weighted", "is no policy");
}

static int read_checks(const struct decode *decode, const struct field *field, const json_t *json,
                       void *base);

static int read_field(const struct decode *decode, const struct field *field, json_t *json,
                      void *base)
{
    void *at = (char *)base + field->at;
    switch (field->type) {
    case FIELD_U8:
    case FIELD_U16:
        return read_number(decode, field, json, at);
    case FIELD_SECONDS:
    case FIELD_MS:
        return read_duration(decode, field, json, at);
    case FIELD_BOOL:
        if (!json_is_boolean(json)) {
            return bad(decode, field->key, "true or false", "is neither true nor false");
        }
        *(bool *)at = json_is_true(json);
        return ERR_OK;
    case FIELD_TEXT:
        return read_text(decode, field, json, at);
    case FIELD_TEXTS:
        return read_texts(decode, field, json, base);
    case FIELD_CHECKS:
        return read_checks(decode, field, json, base);
    case FIELD_ADDRESSES:
        return read_addresses(decode, field, json, base);
    case FIELD_META:
        return read_meta(decode, field, json, base);
    case FIELD_MODE:
        return read_mode(decode, field, json, at);
    case FIELD_STATUS:
        return read_status(decode, field, json, base);
    case FIELD_HOLD:
        *(bool *)at = json_is_string(json) && strcmp(json_string_value(json), "up") == 0;
        return *(bool *)at || (json_is_string(json) && strcmp(json_string_value(json), "down") == 0)
                   ? ERR_OK
                   : bad(decode, field->key, "down or up", "is neither");
    case FIELD_LOCALITY:
        *(enum locality *)at =
            json_is_string(json) ? locality_from_name(json_string_value(json)) : LOCALITY_COUNT;
        return *(enum locality *)at < LOCALITY_COUNT
                   ? ERR_OK
                   : bad(decode, field->key, "any, prefer, nearest or pin", "is none of them");
    case FIELD_KIND:
    case FIELD_NAME:
        return ERR_OK; /* read before */
    }
    return ERR_OK;
}

static const struct field *field_find(const struct field *fields, const char *key)
{
    while (fields->key && strcmp(fields->key, key) != 0) {
        fields++;
    }
    return fields->key ? fields : NULL;
}

static bool is_listed(const char *const *list, const char *key)
{
    for (; list && *list; list++) {
        if (strcmp(*list, key) == 0) {
            return true;
        }
    }
    return false;
}

static int unknown(const struct decode *decode, const struct field *fields, const char *key)
{
    char mend[64] = "";
    struct suggestion near = {.word = key};
    for (; fields->key; fields++) {
        suggest_consider(&near, fields->key);
    }
    if (near.best) {
        snprintf(mend, sizeof(mend), "did you mean \"%s\"?", near.best);
    }
    char shown[64];
    snprintf(shown, sizeof(shown), "%.60s", key);
    return bad(decode, shown, mend, "is no field here");
}

static int read_fields(const struct decode *decode, const struct field *fields, const json_t *json,
                       const char *const *skip, void *base)
{
    const char *key;
    json_t *value;
    int err = ERR_OK;
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        const struct field *field = field_find(fields, key);
        if (!field && !is_listed(skip, key)) {
            return unknown(decode, fields, key);
        }
        if (field) {
            err = read_field(decode, field, value, base);
        }
        if (err != ERR_OK) {
            return err;
        }
    }
    return err;
}

/* The names that a check's text has: only that of its kind is one. */
static bool text_is_of(const struct field *field, enum check_kind kind)
{
    const char *key = check_text_key(kind);
    return field->at != AT(check, text) || (key && strcmp(key, field->key) == 0);
}

/* A field that means nothing to the check's kind. */
static int foreign_check(const struct decode *decode, const json_t *json, enum check_kind kind)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        const struct field *field = field_find(CHECK_FIELDS, key);
        if (field && !text_is_of(field, kind)) {
            return bad(decode, key, check_text_key(kind) ? check_text_key(kind) : "leave it out",
                       "is no field of this kind of check");
        }
    }
    return ERR_OK;
}

static int read_checks(const struct decode *decode, const struct field *field, const json_t *json,
                       void *base)
{
    int err;
    struct check *list = list_new(decode, field, json, sizeof(*list), base, &err);
    for (size_t i = 0; err == ERR_OK && i < json_array_size(json); i++) {
        char prefix[32];
        snprintf(prefix, sizeof(prefix), "checks[%zu].", i);
        const struct decode inner = {decode->arena, decode->refusal, prefix};
        const json_t *item = json_array_get(json, i);
        const char *name = json_string_value(json_object_get(item, "kind"));
        enum check_kind kind = name ? check_kind_from_name(name) : CHECK_KIND_COUNT;
        if (kind == CHECK_KIND_COUNT) {
            return bad(&inner, "kind",
                       "tcp, held, http, dns, ttl, command, file, calculated or "
                       "alias",
                       "is no kind of check");
        }
        check_default(&list[i], kind);
        err = foreign_check(&inner, item, kind);
        err = err == ERR_OK ? read_fields(&inner, CHECK_FIELDS, item, NULL, &list[i]) : err;
    }
    return err;
}

int service_name_from_json(const json_t *json, const char *key, struct arena *arena,
                           const uint8_t **ret_name, struct refusal *refusal)
{
    const json_t *value = json_object_get(json, key);
    const char *text = json_string_value(value);
    uint8_t name[NAME_MAX];
    if (!text || strlen(text) != json_string_length(value) || !*text ||
        name_from_text(text, NULL, name) != ERR_OK) {
        return refusal_fill(refusal, key, "such as web.prod.internal",
                            text ? "'%.80s' is not a name" : "the name of the service is missing",
                            text);
    }
    *ret_name = arena_copy(arena, name, name_len(name));
    return *ret_name ? ERR_OK : ERR_NOMEM;
}

int service_from_json(const json_t *json, struct arena *arena, const char *const *skip,
                      struct service *out, struct refusal *refusal)
{
    const struct decode decode = {arena, refusal, ""};
    const uint8_t *name = NULL;
    service_default(out);
    int err = service_name_from_json(json, "service", arena, &name, refusal);
    if (err == ERR_OK) {
        out->name = (uint8_t *)(uintptr_t)name;
        err = read_fields(&decode, SERVICE_FIELDS, json, skip, out);
    }
    return err;
}

int instance_from_json(const json_t *json, struct arena *arena, const char *const *skip,
                       struct instance *out, struct refusal *refusal)
{
    const struct decode decode = {arena, refusal, ""};
    instance_default(out);
    int err = service_name_from_json(json, "service", arena, &out->service, refusal);
    err = err == ERR_OK ? read_fields(&decode, INSTANCE_FIELDS, json, skip, out) : err;
    if (err == ERR_OK && !out->id) {
        return refusal_fill(refusal, "id", "such as web-1", "the id of the instance is missing");
    }
    return err;
}

int override_from_json(const json_t *json, struct wall now, bool kept, struct override *out,
                       struct refusal *refusal)
{
    const char *action = json_string_value(json_object_get(json, "action"));
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *instance = json_string_value(json_object_get(json, "instance"));
    const char *site = json_string_value(json_object_get(json, "site"));
    const json_t *lasts = json_object_get(json, "for"), *ends = json_object_get(json, "expires_at");
    uint32_t ms = 4 * 3600 * 1000;
    *out = (struct override){.set_at = now,
                             .instance = instance ? instance : "*",
                             .site = site,
                             .reason = json_string_value(json_object_get(json, "reason"))};
    name = name || !site ? name : "*"; /* all that the site has */
    if (!name || strlen(name) > 255 || strlen(out->instance) > LIMIT_INSTANCE_ID_BYTES) {
        return refusal_fill(refusal, "name", "a name, or a pattern such as *.prod.internal",
                            "the name of the service is missing, or too long");
    }
    out->name = name;
    unsigned i = OVERRIDE_UP;
    while (i <= OVERRIDE_DRAIN &&
           (!action || strcmp(action, override_action_name((enum override_action)i)) != 0)) {
        i++;
    }
    if (i > OVERRIDE_DRAIN) {
        return refusal_fill(refusal, "action", "up, down or drain", "that is no action");
    }
    out->action = (enum override_action)i;
    if (lasts && (!duration_from_json(lasts, &ms) || ms < 1000)) {
        return refusal_fill(refusal, "for", "such as 4h", "that is no duration from 1s to 7 weeks");
    }
    out->expires_at.ns = now.ns + (int64_t)ms * 1000000;
    if (kept && ends) {
        out->expires_at.ns = json_integer_value(ends);
        out->set_at.ns = json_integer_value(json_object_get(json, "set_at"));
    }
    return ERR_OK;
}

/* --- writing -------------------------------------------------------------------------------------
 */

static json_t *texts_json(const char *const *texts, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_text(texts[i]));
    }
    return list;
}

static json_t *duration_json(uint32_t ms)
{
    char text[DURATION_TEXT_BYTES];
    return json_string(duration_to_text(ms, text));
}

static json_t *check_json(const struct check *check);

static json_t *list_json(const struct field *field, const void *base, size_t count)
{
    const void *items = *(void *const *)(const void *)((const char *)base + field->at);
    json_t *list = json_array();
    char text[ADDRESS_TEXT_BYTES + 256];
    for (size_t i = 0; i < count; i++) {
        if (field->type == FIELD_CHECKS) {
            json_array_append_new(list, check_json((const struct check *)items + i));
        } else {
            const struct service_address *address = (const struct service_address *)items + i;
            char plain[ADDRESS_TEXT_BYTES];
            snprintf(text, sizeof(text), "%s%s%s", address_to_text(&address->address, plain),
                     address->view ? "@" : "", address->view ? address->view : "");
            json_array_append_new(list, json_text(text));
        }
    }
    return list;
}

static json_t *meta_json(const struct meta *meta, size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++) {
        json_object_set_new(object, meta[i].key, json_text(meta[i].value));
    }
    return object;
}

/* The value of a field, NULL when it is as in `plain` (the defaults). */
static json_t *field_json(const struct field *field, const void *base, const void *plain)
{
    const char *at = (const char *)base + field->at, *was = (const char *)plain + field->at;
    size_t count = 0;
    char name[NAME_TEXT_MAX];
    if (field->count_at && field->type != FIELD_STATUS) {
        count = *(const uint16_t *)(const void *)((const char *)base + field->count_at);
        if (count == 0) {
            return NULL;
        }
    }
    switch (field->type) {
    case FIELD_U8:
        return *at == *was ? NULL : json_integer(*(const uint8_t *)at);
    case FIELD_U16:
        return memcmp(at, was, 2) == 0 ? NULL : json_integer(*(const uint16_t *)(const void *)at);
    case FIELD_SECONDS:
        return memcmp(at, was, 4) == 0 ? NULL
                                       : duration_json(*(const uint32_t *)(const void *)at * 1000);
    case FIELD_MS:
        return memcmp(at, was, 4) == 0 ? NULL : duration_json(*(const uint32_t *)(const void *)at);
    case FIELD_BOOL:
        return *(const bool *)at == *(const bool *)was ? NULL : json_boolean(*(const bool *)at);
    case FIELD_TEXT: {
        const char *text = *(const char *const *)(const void *)at;
        const char *old = *(const char *const *)(const void *)was;
        return !text || (old && strcmp(text, old) == 0) ? NULL : json_text(text);
    }
    case FIELD_TEXTS:
        return texts_json(*(const char *const *const *)(const void *)at, count);
    case FIELD_CHECKS:
    case FIELD_ADDRESSES:
        return list_json(field, base, count);
    case FIELD_META:
        return meta_json(*(const struct meta *const *)(const void *)at, count);
    case FIELD_MODE: {
        enum answer_mode mode = *(const enum answer_mode *)(const void *)at;
        return mode == MODE_ALL ? NULL : json_string(answer_mode_name(mode));
    }
    case FIELD_STATUS: {
        const struct check *check = base, *usual = plain;
        char text[16];
        snprintf(text, sizeof(text), "%u-%u", check->status_low, check->status_high);
        return check->status_low == usual->status_low && check->status_high == usual->status_high
                   ? NULL
                   : json_string(text);
    }
    case FIELD_KIND:
        return json_string(check_kind_name(*(const enum check_kind *)(const void *)at));
    case FIELD_NAME:
        name_to_text(*(const uint8_t *const *)(const void *)at, name);
        name[strlen(name) - 1] = '\0';
        return json_text(name);
    case FIELD_HOLD:
        return *(const bool *)at ? json_string("up") : NULL;
    case FIELD_LOCALITY: {
        enum locality locality = *(const enum locality *)(const void *)at;
        return locality == LOCALITY_ANY ? NULL : json_string(locality_name(locality));
    }
    }
    return NULL;
}

static json_t *check_json(const struct check *check)
{
    struct check plain;
    json_t *object = json_object();
    check_default(&plain, check->kind);
    for (const struct field *field = CHECK_FIELDS; field->key; field++) {
        json_t *value = text_is_of(field, check->kind) ? field_json(field, check, &plain) : NULL;
        if (value) {
            json_object_set_new(object, field->key, value);
        }
    }
    return object;
}

static json_t *fields_json(const struct field *fields, const void *base, const void *plain)
{
    json_t *object = json_object();
    for (; fields->key; fields++) {
        json_t *value = field_json(fields, base, plain);
        if (value) {
            json_object_set_new(object, fields->key, value);
        }
    }
    return object;
}

json_t *service_to_json(const struct service *service)
{
    struct service plain;
    service_default(&plain);
    return fields_json(SERVICE_FIELDS, service, &plain);
}

json_t *instance_to_json(const struct instance *instance)
{
    struct instance plain;
    instance_default(&plain);
    return fields_json(INSTANCE_FIELDS, instance, &plain);
}

json_t *override_to_json(const struct override *override)
{
    return json_pack("{s:o, s:o, s:o*, s:s, s:o, s:I, s:I}", "name", json_text(override->name),
                     "instance", json_text(override->instance), "site",
                     override->site ? json_text(override->site) : NULL, "action",
                     override_action_name(override->action), "reason", json_text(override->reason),
                     "set_at", (json_int_t) override->set_at.ns, "expires_at",
                     (json_int_t) override->expires_at.ns);
}
