/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `services` with their instances and checks. What a field may hold stands in the option table;
 * what makes sense together is judged by registry/service.h, the same as for the API.
 */
#include "config/read.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* --- values --------------------------------------------------------------------------------------
 */

/* A list of texts; the count stands right behind the pointer. */
void read_texts(struct reading *reading, const struct option *option, const struct node *node,
                void *group)
{
    const char **texts = NULL;
    uint16_t count = 0;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    texts = reading_new(reading, node->count ? node->count : 1, sizeof(const char *));
    for (const struct node *item = node->first; texts && item; item = item->next) {
        if (count < LIMIT_TAGS && node_expect(reading, option, item, NODE_TEXT)) {
            texts[count++] = reading_keep(reading, item->text);
        }
    }
    if (node->count > LIMIT_TAGS) {
        reading_error(reading, node->place, NULL, "%s: %u entries; at most %d are possible",
                      option->path, node->count, (int)LIMIT_TAGS);
    }
    *(const char ***)(void *)((char *)group + option->offset) = texts;
    *(uint16_t *)(void *)((char *)group + option->offset + sizeof(texts)) = count;
}

void read_policy(struct reading *reading, const struct option *option, const struct node *node,
                 void *group)
{
    struct service *service = group;
    for (unsigned mode = MODE_ALL; node->kind == NODE_TEXT && mode <= MODE_WEIGHTED; mode++) {
        if (strcmp(node->text, answer_mode_name((enum answer_mode)mode)) == 0) {
            service->mode = (enum answer_mode)mode;
            return;
        }
    }
    if (node_expect(reading, option, node, NODE_TEXT)) {
        reading_error(reading, node->place, "write all, some or weighted", "'%s' is no policy",
                      node->text);
    }
}

void read_locality(struct reading *reading, const struct option *option, const struct node *node,
                   void *group)
{
    struct service *service = group;
    enum locality locality = LOCALITY_COUNT;
    if (!node_expect(reading, option, node, NODE_TEXT)) {
        return;
    }
    locality = locality_from_name(node->text);
    if (locality == LOCALITY_COUNT) {
        reading_error(reading, node->place, "write any, prefer, nearest or pin",
                      "'%s' is none of them", node->text);
        return;
    }
    service->locality = locality;
}

void read_ttl(struct reading *reading, const struct option *option, const struct node *node,
              void *group)
{
    struct option plain = *option;
    uint32_t ms = 0;
    plain.offset = 0;
    plain.size = sizeof(ms);
    plain.read = NULL;
    scalar_read(reading, &plain, node, &ms);
    if (ms) {
        ((struct service *)group)->ttl_s = ms / 1000;
    }
}

void read_flap_hold(struct reading *reading, const struct option *option, const struct node *node,
                    void *group)
{
    if (!node_expect(reading, option, node, NODE_TEXT)) {
        return;
    }
    bool up = strcmp(node->text, "up") == 0;
    if (!up && strcmp(node->text, "down") != 0) {
        reading_error(reading, node->place, "write down or up", "'%s' is neither", node->text);
    }
    ((struct service *)group)->flap_hold_up = up;
}

void read_status(struct reading *reading, const struct option *option, const struct node *node,
                 void *group)
{
    struct check *check = group;
    unsigned low = 0, high = 0;
    int end = 0;
    if (!node_expect(reading, option, node, NODE_TEXT)) {
        return;
    }
    if (sscanf(node->text, "%3u-%3u%n", &low, &high, &end) != 2 || node->text[end]) {
        end = 0;
        high = sscanf(node->text, "%3u%n", &low, &end) == 1 && !node->text[end] ? low : 0;
    }
    if (low < 100 || high > 599 || low > high) {
        reading_error(reading, node->place, "write 200, or 200-299",
                      "'%s' is no range of HTTP statuses", node->text);
        return;
    }
    check->status_low = (uint16_t)low;
    check->status_high = (uint16_t)high;
}

/* "10.0.1.10" or "10.0.1.10@internal" */
static bool address_read(struct reading *reading, const struct node *node,
                         struct service_address *out)
{
    char text[ADDRESS_TEXT_BYTES];
    const char *at = strchr(node->text, '@');
    size_t len = at ? (size_t)(at - node->text) : strlen(node->text);
    if (len < sizeof(text)) {
        memcpy(text, node->text, len);
        text[len] = '\0';
    }
    if (len >= sizeof(text) || address_from_text(text, &out->address) != ERR_OK) {
        reading_error(reading, node->place, "write 10.0.1.10, or 10.0.1.10@VIEW for one view",
                      "'%s' is no address", node->text);
        return false;
    }
    out->view = at ? reading_keep(reading, at + 1) : NULL;
    if (at && !reading->views_unclear &&
        desired_view_find(&reading->config->desired, at + 1) == VIEW_NONE) {
        reading_error(reading, node->place, "name one of `views`", "there is no view '%s'", at + 1);
        return false;
    }
    return true;
}

void read_addresses(struct reading *reading, const struct option *option, const struct node *node,
                    void *group)
{
    struct instance *instance = group;
    if (node->kind == NODE_TEXT) { /* the one address */
        instance->addresses = reading_new(reading, 1, sizeof(*instance->addresses));
        instance->address_count =
            instance->addresses && address_read(reading, node, instance->addresses);
        return;
    }
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    instance->addresses =
        reading_new(reading, node->count ? node->count : 1, sizeof(*instance->addresses));
    for (const struct node *item = node->first; instance->addresses && item; item = item->next) {
        if (instance->address_count < LIMIT_INSTANCE_ADDRESSES &&
            node_expect(reading, option, item, NODE_TEXT) &&
            address_read(reading, item, &instance->addresses[instance->address_count])) {
            instance->address_count++;
        }
    }
}

void read_meta(struct reading *reading, const struct option *option, const struct node *node,
               void *group)
{
    struct instance *instance = group;
    if (!node_expect(reading, option, node, NODE_MAP)) {
        return;
    }
    instance->meta = reading_new(reading, node->count ? node->count : 1, sizeof(*instance->meta));
    for (const struct node *item = node->first; instance->meta && item; item = item->next) {
        if (instance->meta_count < LIMIT_TAGS && node_expect(reading, option, item, NODE_TEXT)) {
            instance->meta[instance->meta_count++] = (struct meta){
                reading_keep(reading, item->key->text), reading_keep(reading, item->text)};
        }
    }
}

void read_targets(struct reading *reading, const struct option *option, const struct node *node,
                  void *group)
{
    struct config *config = group;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    config->check_targets =
        reading_new(reading, node->count ? node->count : 1, sizeof(*config->check_targets));
    for (const struct node *item = node->first; config->check_targets && item; item = item->next) {
        if (node_expect(reading, option, item, NODE_TEXT) &&
            prefix_read(reading, item->place, option->path, item->text,
                        &config->check_targets[config->check_target_count])) {
            config->check_target_count++;
        }
    }
}

void read_references(struct reading *reading, const struct option *option, const struct node *node,
                     void *group)
{
    struct config *config = group;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    if (node->count > LIMIT_REFERENCES) {
        reading_error(reading, node->place, NULL, "%s: %u items; at most %d are possible",
                      option->path, node->count, (int)LIMIT_REFERENCES);
        return;
    }
    config->references =
        reading_new(reading, node->count ? node->count : 1, sizeof(*config->references));
    for (const struct node *item = node->first; config->references && item; item = item->next) {
        if (node_expect(reading, option, item, NODE_TEXT) &&
            endpoint_read(reading, item->place, option->path, item->text,
                          &config->references[config->reference_count])) {
            config->reference_count++;
        }
    }
}

/* The key that was read before the others. */
void read_nothing(struct reading *reading, const struct option *option, const struct node *node,
                  void *group)
{
    (void)reading;
    (void)option;
    (void)node;
    (void)group;
}

/* --- objects -------------------------------------------------------------------------------------
 */

/* What the registry says about the object as a whole. */
static void object_judge(struct reading *reading, struct place place, int err,
                         const struct refusal *refusal)
{
    if (err != ERR_OK) {
        reading_error(reading, place,
                      refusal->mend[0] ? reading_text(reading, "%s", refusal->mend) : NULL,
                      "%s: %s", refusal->field, refusal->reason);
    }
}

static bool check_read(struct reading *reading, const struct option *option,
                       const struct node *item, struct check *check)
{
    const struct node *kind = item->kind == NODE_MAP ? tree_get(item, "kind") : item;
    if (!node_expect(reading, option, item, item->kind == NODE_TEXT ? NODE_TEXT : NODE_MAP)) {
        return false;
    }
    enum check_kind number =
        kind && kind->kind == NODE_TEXT ? check_kind_from_name(kind->text) : CHECK_KIND_COUNT;
    if (number == CHECK_KIND_COUNT) {
        reading_error(reading, kind ? kind->place : item->place,
                      "write kind: tcp, held, http, dns, ttl, command, file, calculated or alias",
                      kind ? "that is no kind of check" : "the check has no kind");
        return false;
    }
    check_default(check, number);
    for (unsigned other = 0; item->kind == NODE_MAP && other < CHECK_KIND_COUNT; other++) {
        const char *key = check_text_key((enum check_kind)other);
        const struct node *foreign = key && other != number ? tree_get(item, key) : NULL;
        if (foreign) {
            reading_error(reading, foreign->key->place, "leave it out",
                          "a check of kind %s has no `%s`", check_kind_name(number), key);
        }
    }
    if (item->kind == NODE_MAP) {
        group_read(reading, "services[].checks[]", item, check);
    }
    return true;
}

void read_checks(struct reading *reading, const struct option *option, const struct node *node,
                 void *group)
{
    struct check *checks = NULL;
    uint16_t count = 0;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    checks = reading_new(reading, node->count ? node->count : 1, sizeof(*checks));
    for (const struct node *item = node->first; checks && item; item = item->next) {
        uint32_t errors = reading->diags->errors;
        if (count < LIMIT_CHECKS && check_read(reading, option, item, &checks[count]) &&
            errors == reading->diags->errors) {
            struct refusal refusal;
            object_judge(reading, item->place, check_check(&checks[count], "check", &refusal),
                         &refusal);
            count++;
        }
    }
    *(struct check **)(void *)((char *)group + option->offset) = checks;
    *(uint16_t *)(void *)((char *)group + option->offset + sizeof(struct check *)) = count;
}

/* Instances are kept in one list for all services: the service's own are the last. */
void read_instances(struct reading *reading, const struct option *option, const struct node *node,
                    void *group)
{
    struct config *config = reading->config;
    const struct service *service = group;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    for (const struct node *item = node->first; item; item = item->next) {
        uint32_t errors = reading->diags->errors;
        struct refusal refusal;
        struct instance_link *link = reading_new(reading, 1, sizeof(*link));
        if (!link || !node_expect(reading, option, item, NODE_MAP)) {
            continue;
        }
        instance_default(&link->instance);
        link->instance.place = item->place;
        link->instance.owner = OWNER_CONFIG;
        link->instance.service = service->name;
        group_read(reading, "services[].instances[]", item, &link->instance);
        if (errors != reading->diags->errors || !link->instance.service) {
            continue;
        }
        object_judge(reading, item->place, instance_check(&link->instance, &refusal), &refusal);
        link->next = config->instances;
        config->instances = link;
    }
}

/* Is there a zone that the name lies in, below its top? */
static void zone_check(struct reading *reading, const struct service *service, struct place place)
{
    const struct desired *desired = &reading->config->desired;
    char name[NAME_TEXT_MAX];
    for (uint32_t i = 0; i < desired->zone_count; i++) {
        if (name_in_zone(service->name, desired->zones[i].origin)) {
            return;
        }
    }
    reading_error(reading, place, "add the zone to `zones`", "no zone here holds %s",
                  name_to_text(service->name, name));
}

void read_services(struct reading *reading, const struct option *option, const struct node *node,
                   void *group)
{
    struct config *config = group;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    config->services =
        reading_new(reading, node->count ? node->count : 1, sizeof(*config->services));
    for (const struct node *item = node->first; config->services && item; item = item->next) {
        struct service *service = &config->services[config->service_count];
        uint32_t errors = reading->diags->errors;
        struct refusal refusal;
        service_default(service);
        service->place = item->place;
        service->owner = OWNER_CONFIG;
        if (!node_expect(reading, option, item, NODE_MAP)) {
            continue;
        }
        group_read(reading, "services[]", item, service);
        if (errors == reading->diags->errors && service->name) {
            object_judge(reading, item->place, service_check(service, &refusal), &refusal);
            zone_check(reading, service, item->place);
            config->service_count++;
        }
    }
}
