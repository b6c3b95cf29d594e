/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Judging what is staged: is there a zone for the name, and is the name free; may each view hand
 * the addresses out; may checks go where they want to.
 */
#include "control/service_state.h"

#include "base/error.h"
#include "snapshot/leak.h"

#include <string.h>

/* The zone of a name in a view, by the trees as they are served. */
static const struct zone_view *zone_of(const struct control *control, const uint8_t *name,
                                       unsigned view)
{
    struct qp_space space;
    struct qp_name absolute;
    qp_name_init(&absolute, &space, name, name_len(name) - 1);
    ref_t ref = qp_find_longest(&control->slab, control->views[view], &absolute, false);
    return ref ? zone_view_at(&control->slab, ref) : NULL;
}

/* Is there a zone for the service's name, and is the name free in it? */
static int name_judge(const struct control *control, const struct service *service,
                      struct refusal *refusal)
{
    char text[NAME_TEXT_MAX], origin[NAME_TEXT_MAX];
    bool zone_found = false;
    name_to_text(service->name, text);
    for (unsigned view = 0; view < control->desired->view_count; view++) {
        const struct zone_view *zone = zone_of(control, service->name, view);
        if (!zone) {
            continue;
        }
        zone_found = true;
        const struct zone_entry *entry = &control->zones[zone->zone];
        size_t len = name_len(service->name) - zone->origin_len;
        if (len == 0) {
            return refusal_fill(refusal, "service", "register a name below it",
                                "%s is a zone, not a name in one", text);
        }
        struct qp_space space;
        struct qp_name name;
        struct qp_found found;
        qp_name_init(&name, &space, service->name, len);
        qp_find(&control->slab, entry->served.base.root, &name, &found);
        uint32_t edits = 0;
        zone_edits_find(&entry->served.edits, service->name, &edits);
        if (found.exact || edits > 0) {
            refusal_fill(refusal, "service", "take another name, or take it out of the zone",
                         "%s stands in the zone file %s already", text,
                         entry->desired->file ? entry->desired->file : entry->origin_text);
            return ERR_REFUSED;
        }
        if (found.cut) {
            refusal_fill(refusal, "service", "register it where the name is served",
                         "%s is delegated away in %s", text, name_to_text(zone->origin, origin));
            return ERR_REFUSED;
        }
    }
    if (!zone_found) {
        return refusal_fill(refusal, "service", "add a zone that holds it to the configuration",
                            "no zone here holds %s", text);
    }
    return ERR_OK;
}

static const void *wanted(const struct object *object)
{
    return object->staged ? object->next : object->now;
}

/* Names below a service are its own: its tags, its pairs for SRV, its instances. Does one of them
 * stand at `name`, one or two labels below a service? */
struct claim {
    const uint8_t *name;
    bool found;
};

static void claim_look(void *ctx, const uint8_t *name)
{
    struct claim *claim = ctx;
    claim->found = claim->found || name_equal(claim->name, name);
}

static int below_judge(const struct services *services, const uint8_t *name,
                       struct refusal *refusal)
{
    char text[NAME_TEXT_MAX], above[NAME_TEXT_MAX];
    const uint8_t *at = name;
    for (unsigned i = 0; i < 2 && *at; i++) {
        at += *at + 1u;
        struct service_entry *entry = registry_service(services->registry, at);
        struct claim claim = {.name = name};
        const struct service *service = entry ? wanted(&entry->object) : NULL;
        if (service) {
            service_names_each(service, entry, claim_look, &claim);
        }
        if (claim.found) {
            refusal_fill(refusal, "service", "take another name", "%s is a name of the service %s",
                         name_to_text(name, text), name_to_text(at, above));
            return ERR_REFUSED;
        }
    }
    return ERR_OK;
}

/* The other way: do names below the service belong to another one? */
struct below {
    const struct services *services;
    const uint8_t *taken;
    uint8_t name[NAME_MAX];
};

static void below_look(void *ctx, const uint8_t *name)
{
    struct below *below = ctx;
    const struct service_entry *entry = registry_service(below->services->registry, name);
    if (!below->taken && entry && wanted(&entry->object)) {
        memcpy(below->name, name, name_len(name));
        below->taken = below->name;
    }
}

static int above_judge(const struct services *services, const struct service *service,
                       struct refusal *refusal)
{
    struct service_entry *entry = registry_service(services->registry, service->name);
    struct below below = {.services = services};
    char text[NAME_TEXT_MAX];
    service_names_each(service, entry, below_look, &below);
    if (!below.taken) {
        return ERR_OK;
    }
    refusal_fill(refusal, "tags", "name it differently, or register the other elsewhere",
                 "%s is a service of its own already", name_to_text(below.taken, text));
    return ERR_REFUSED;
}

/* Where clouds hand out credentials to whoever can make a machine ask; 169.254.169.254 is
 * link-local anyway. */
static bool is_metadata(const struct address *address)
{
    static const char *const texts[] = {
        "100.100.100.200", /* Alibaba Cloud */
        "168.63.129.16",   /* Azure */
        "192.0.0.192",     /* Oracle Cloud */
        "fd00:ec2::254",   /* AWS */
        "fd20:ce::254",    /* Google Cloud */
    };
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct address known;
        if (address_from_text(texts[i], &known) == ERR_OK &&
            memcmp(&known, address, sizeof(known)) == 0) {
            return true;
        }
    }
    return false;
}

static int target_judge(const struct services *services, const struct check *check,
                        const struct address *own, const char *owner, struct refusal *refusal)
{
    struct address target = *own;
    char text[ADDRESS_TEXT_BYTES];
    bool config = strcmp(owner, OWNER_CONFIG) == 0;
    if ((check->kind == CHECK_COMMAND || check->kind == CHECK_FILE) && !config) {
        refusal_fill(refusal, "checks", "write it into the configuration",
                     "a check of kind %s runs here: only the configuration may ask for it",
                     check_kind_name(check->kind));
        return ERR_REFUSED;
    }
    if (check->target) {
        bool listed = false;
        address_from_text(check->target, &target);
        for (uint32_t i = 0; i < services->target_count && !listed; i++) {
            listed = prefix_has(&services->targets[i], &target);
        }
        if (!listed && memcmp(&target, own, sizeof(target)) != 0) {
            refusal_fill(refusal, "checks", "add it to registry.check-targets",
                         "%s is not the instance's own address, and no target that checks may have",
                         address_to_text(&target, text));
            return ERR_REFUSED;
        }
    }
    if (address_kind(&target) == ADDRESS_LINKLOCAL) {
        refusal_fill(refusal, "checks", "give an address that is routed",
                     "%s is link-local; checks do not go there", address_to_text(&target, text));
        return ERR_REFUSED;
    }
    if (is_metadata(&target)) {
        refusal_fill(refusal, "checks", "give an address of your own",
                     "%s is a cloud's metadata service; checks do not go there",
                     address_to_text(&target, text));
        return ERR_REFUSED;
    }
    return ERR_OK;
}

/* Every address of the instance, in every view that would show it: does the leak guard let it? */
static int leak_judge(const struct control *control, const struct instance *instance,
                      struct refusal *refusal)
{
    const struct desired *desired = control->desired;
    char text[ADDRESS_TEXT_BYTES];
    for (unsigned i = 0; i < instance->address_count; i++) {
        const struct service_address *address = &instance->addresses[i];
        if (address->view && desired_view_find(desired, address->view) == VIEW_NONE) {
            return refusal_fill(refusal, "addresses", "the configuration names the views",
                                "there is no view '%.60s'", address->view);
        }
        for (unsigned view = 0; view < desired->view_count; view++) {
            const char *name = desired->views[view].name;
            if (address_meant(instance, i, name) && zone_of(control, instance->service, view) &&
                !leak_allows(desired, view, instance->service, &address->address)) {
                refusal_fill(
                    refusal, "addresses",
                    "name the view that the address is for (ADDRESS@VIEW), or add an exception",
                    "leak guard: view %s would hand out the %s address %s", name,
                    address_kind_name(address_kind(&address->address)),
                    address_to_text(&address->address, text));
                return ERR_REFUSED;
            }
        }
    }
    return ERR_OK;
}

static int instance_judge_staged(const struct services *services, const struct instance *instance,
                                 struct refusal *refusal)
{
    const struct service_entry *entry = registry_service(services->registry, instance->service);
    const struct service *service = entry->object.staged ? entry->object.next : service_now(entry);
    const struct address *own = &instance->addresses[0].address;
    int err = leak_judge(services->control, instance, refusal);
    if (err == ERR_OK && service) {
        uint8_t name[NAME_MAX];
        struct below below = {.services = services};
        instance_name(service, instance->id, name);
        below_look(&below, name);
        if (below.taken) {
            refusal_fill(refusal, "id", "take another id",
                         "the name of the instance is that of another service");
            return ERR_REFUSED;
        }
    }
    if (err == ERR_OK && address_kind(own) == ADDRESS_LINKLOCAL) {
        return refusal_fill(refusal, "addresses", "give an address that is routed",
                            "a link-local address means something else to each client");
    }
    for (unsigned i = 0; err == ERR_OK && i < instance->check_count; i++) {
        err = target_judge(services, &instance->checks[i], own, instance->owner, refusal);
    }
    for (unsigned i = 0; err == ERR_OK && service && i < service->check_count; i++) {
        err = target_judge(services, &service->checks[i], own, service->owner, refusal);
    }
    return err;
}

/* `keep_last` holds the last instance while its service stays. */
static int last_judge(const struct instance_entry *gone, struct refusal *refusal)
{
    const struct service *service = wanted(&gone->service->object);
    bool others = false;
    for (uint32_t i = 0; i < gone->service->instance_count && !others; i++) {
        others = wanted(&gone->service->instances[i]->object) != NULL;
    }
    if (!service || !service->keep_last || others) {
        return ERR_OK;
    }
    refusal_fill(refusal, "id", "register another one first, or change the service",
                 "%s is the last instance, and the service keeps its last one", gone->id);
    return ERR_REFUSED;
}

int services_judge(struct services *services, size_t mark, struct refusal *refusal)
{
    int err = ERR_OK;
    for (size_t i = mark; err == ERR_OK && i < registry_staged(services->registry); i++) {
        const struct object *object = registry_staged_at(services->registry, i);
        if (object->staged && !object->next && object->kind == OBJECT_INSTANCE) {
            err = last_judge((const struct instance_entry *)object, refusal);
        }
        if (err != ERR_OK || !object->staged || !object->next) {
            continue;
        }
        if (object->kind == OBJECT_SERVICE) {
            const struct service *service = object->next;
            err = name_judge(services->control, service, refusal);
            err = err == ERR_OK ? below_judge(services, service->name, refusal) : err;
            err = err == ERR_OK ? above_judge(services, service, refusal) : err;
        } else if (object->kind == OBJECT_INSTANCE) {
            err = instance_judge_staged(services, object->next, refusal);
        }
    }
    return err;
}
