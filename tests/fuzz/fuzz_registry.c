/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Any bytes as the body of a registration: refused with a field and a reason, or an object that is
 * the same after it was written as JSON and read again, and that the registry takes or refuses.
 */
#include "api/registry_json.h"
#include "base/assert.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void refusal_look(int err, const struct refusal *refusal)
{
    ASSERT(err == ERR_INVALID || err == ERR_NOMEM);
    ASSERT(memchr(refusal->field, 0, sizeof(refusal->field)));
    ASSERT(memchr(refusal->reason, 0, sizeof(refusal->reason)) && refusal->reason[0]);
    ASSERT(memchr(refusal->mend, 0, sizeof(refusal->mend)));
}

static void instance_try(const json_t *json, struct registry *registry)
{
    struct refusal refusal = {.field = ""};
    struct instance instance, again;
    struct arena arena;
    arena_init(&arena, &ALLOC_MALLOC);
    int err = instance_from_json(json, &arena, NULL, &instance, &refusal);
    if (err == ERR_OK) {
        instance.owner = "fuzz";
        err = registry_put_instance(registry, &instance, REVISION_ANY, NULL, &refusal);
    }
    if (err == ERR_OK) {
        json_t *written = instance_to_json(&instance);
        ASSERT(instance_from_json(written, &arena, NULL, &again, &refusal) == ERR_OK);
        ASSERT(instance_same(&instance, &again));
        json_decref(written);
    } else {
        refusal_look(err, &refusal);
    }
    arena_deinit(&arena);
}

static void service_try(const json_t *json, struct registry *registry)
{
    struct refusal refusal = {.field = ""};
    struct service service, again;
    struct arena arena;
    arena_init(&arena, &ALLOC_MALLOC);
    int err = service_from_json(json, &arena, NULL, &service, &refusal);
    if (err == ERR_OK) {
        service.owner = "fuzz";
        err = registry_put_service(registry, &service, REVISION_ANY, NULL, &refusal);
    }
    if (err == ERR_OK) {
        json_t *written = service_to_json(&service);
        ASSERT(service_from_json(written, &arena, NULL, &again, &refusal) == ERR_OK);
        ASSERT(service_same(&service, &again));
        json_decref(written);
    } else {
        refusal_look(err, &refusal);
    }
    arena_deinit(&arena);
}

static void override_try(const json_t *json, struct registry *registry)
{
    struct refusal refusal = {.field = ""};
    struct override override;
    int err = override_from_json(json, (struct wall){1}, true, &override, &refusal);
    if (err == ERR_OK) {
        override.owner = "fuzz";
        err = registry_put_override(registry, &override, &refusal);
    }
    if (err != ERR_OK) {
        refusal_look(err, &refusal);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct registry *registry;
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(json) || registry_new(&ALLOC_MALLOC, &registry) != ERR_OK) {
        json_decref(json);
        return 0;
    }
    instance_try(json, registry);
    service_try(json, registry);
    override_try(json, registry);
    if (size % 2) {
        registry_commit(registry, NULL, NULL);
    }
    registry_free(registry);
    json_decref(json);
    return 0;
}
