/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/removal.h"

#include "base/error.h"
#include "daemon/log.h"
#include "io/clock.h"

#include <string.h>

struct removal {
    struct asked asked;
    struct discovery *discovery;
    const struct alloc *alloc;
    char *id;
    uint8_t name[NAME_MAX];
    char owner[];
};

static int removal_stage(struct asked *asked, struct registry *registry, struct refusal *refusal)
{
    const struct removal *removal = (struct removal *)asked;
    const struct instance_entry *entry = registry_instance(registry, removal->name, removal->id);
    struct instance_status status = {0};
    if (entry) {
        instance_status(discovery_services(removal->discovery), entry, clock_mono(), &status);
    }
    if (!status.lease_expired || entry->object.staged) { /* taken up again since it was asked for */
        return ERR_AGAIN;
    }
    return registry_drop_instance(registry, removal->name, removal->id, removal->asked.owner,
                                  REVISION_ANY, refusal);
}

static void removal_told(struct asked *asked, int err, const struct refusal *refusal,
                         uint64_t revision)
{
    struct removal *removal = (struct removal *)asked;
    char name[NAME_TEXT_MAX];
    (void)refusal;
    (void)revision;
    if (err == ERR_OK) {
        log_info("%s of %s was removed: its lease ran out long ago", removal->id,
                 name_to_text(removal->name, name));
    }
    mem_free(removal->alloc, removal);
}

void removal_ask(struct discovery *discovery, const struct alloc *alloc,
                 const struct instance_entry *instance)
{
    const char *owner = instance_now(instance)->owner;
    size_t owner_len = strlen(owner) + 1, id_len = strlen(instance->id) + 1;
    struct removal *removal = mem_new_zero(alloc, 1, sizeof(*removal) + owner_len + id_len);
    if (!removal) {
        return; /* asked again after a while */
    }
    removal->discovery = discovery;
    removal->alloc = alloc;
    removal->asked = (struct asked){.stage = removal_stage,
                                    .told = removal_told,
                                    .owner = memcpy(removal->owner, owner, owner_len),
                                    .why = "its lease ran out"};
    removal->id = memcpy(removal->owner + owner_len, instance->id, id_len);
    memcpy(removal->name, instance->service->name, name_len(instance->service->name));
    if (discovery_ask(discovery, &removal->asked) != ERR_OK) {
        mem_free(alloc, removal);
    }
}
