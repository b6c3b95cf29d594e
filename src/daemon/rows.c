/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/rows.h"

#include "api/registry_json.h"
#include "base/error.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char *object_json(const struct object *object, const void *value)
{
    json_t *json = !value                            ? NULL
                   : object->kind == OBJECT_SERVICE  ? service_to_json(value)
                   : object->kind == OBJECT_INSTANCE ? instance_to_json(value)
                                                     : override_to_json(value);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

int row_fill(const struct registry *registry, const struct object *object, struct store_row *row)
{
    char name[NAME_TEXT_MAX];
    static const enum store_row_kind kinds[] = {STORE_SERVICE, STORE_INSTANCE, STORE_OVERRIDE};
    *row = (struct store_row){
        .kind = kinds[object->kind], .id = "", .history = object->kind != OBJECT_INSTANCE};
    if (object->kind == OBJECT_OVERRIDE) {
        const struct override_entry *entry = (const struct override_entry *)object;
        const struct override *next = object->next, *now = object->now;
        row->name = strdup(entry->key);
        row->owner = next ? next->owner : now ? now->owner : "";
        row->revision = next ? next->revision : registry_staged_revision(registry);
    } else {
        const struct instance_entry *instance = (const struct instance_entry *)object;
        bool is_instance = object->kind == OBJECT_INSTANCE;
        const struct service_entry *service =
            is_instance ? instance->service : (const struct service_entry *)object;
        const struct service *next = object->next;
        const struct instance *next_instance = object->next;
        row->name = strdup(name_to_text(service->name, name));
        row->id = is_instance ? instance->id : "";
        row->owner = !object->next ? "" : is_instance ? next_instance->owner : next->owner;
        row->revision = !object->next ? registry_staged_revision(registry)
                        : is_instance ? next_instance->revision
                                      : next->revision;
    }
    row->body = object_json(object, object->next);
    row->before = row->history ? object_json(object, object->now) : NULL;
    return row->name && (row->body || !object->next) ? ERR_OK : ERR_NOMEM;
}

bool row_is_kept(const struct object *object)
{
    const void *value = object->next ? object->next : object->now;
    const char *owner = !value                            ? OWNER_CONFIG
                        : object->kind == OBJECT_SERVICE  ? ((const struct service *)value)->owner
                        : object->kind == OBJECT_INSTANCE ? ((const struct instance *)value)->owner
                                                          : "";
    return strcmp(owner, OWNER_CONFIG) != 0;
}

void row_drop(struct store_row *row)
{
    free((char *)(uintptr_t)row->name);
    free((char *)(uintptr_t)row->body);
    free((char *)(uintptr_t)row->before);
}
