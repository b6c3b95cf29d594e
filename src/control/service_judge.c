/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Judging what is staged: is there a zone for the name, and is the name free; may each view hand
 * the addresses out; may checks go where they want to.
 */
#include "control/service_state.h"

#include "base/error.h"
#include "snapshot/leak.h"
#include "snapshot/policy.h"

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

/* Is the name free in a zone's own data: not in the file, not in an overlay, not delegated away?
 * ERR_REFUSED with *refusal, which names `field`. */
static int zone_judge(const struct control *control, const struct zone_view *zone,
                      const uint8_t *absolute, const char *field, struct refusal *refusal)
{
    const struct zone_entry *entry = &control->zones[zone->zone];
    char text[NAME_TEXT_MAX], origin[NAME_TEXT_MAX];
    struct qp_space space;
    struct qp_name name;
    struct qp_found found;
    uint32_t edits = 0;
    qp_name_init(&name, &space, absolute, name_len(absolute) - zone->origin_len);
    qp_find(&control->slab, entry->served.base.root, &name, &found);
    zone_edits_find(&entry->served.edits, absolute, &edits);
    if (found.exact || edits > 0) {
        refusal_fill(refusal, field, "take another name, or take it out of the zone",
                     "%s stands in the zone file %s already", name_to_text(absolute, text),
                     entry->desired->file ? entry->desired->file : entry->origin_text);
        return ERR_REFUSED;
    }
    if (found.cut) {
        refusal_fill(refusal, field, "register it where the name is served",
                     "%s is delegated away in %s", name_to_text(absolute, text),
                     name_to_text(zone->origin, origin));
        return ERR_REFUSED;
    }
    return ERR_OK;
}

/* A service over a name of the zone: the file and it have one owner, and the name is no alias and
 * not delegated away. */
static int over_zone_judge(const struct control *control, const struct zone_view *zone,
                           const struct service *service, struct refusal *refusal)
{
    const struct zone_entry *entry = &control->zones[zone->zone];
    struct qp_space space;
    struct qp_name name;
    struct qp_found found;
    char text[NAME_TEXT_MAX];
    qp_name_init(&name, &space, service->name, name_len(service->name) - zone->origin_len);
    qp_find(&control->slab, entry->served.base.root, &name, &found);
    const struct node *node = found.exact ? node_at(&control->slab, found.exact) : NULL;
    if (strcmp(service->owner, OWNER_CONFIG) != 0) {
        refusal_fill(refusal, "over-zone", "write it into the configuration",
                     "only who owns the zone file may answer for %s in its place",
                     name_to_text(service->name, text));
        return ERR_REFUSED;
    }
    if (found.cut || (node && node_find(node, TYPE_CNAME))) {
        refusal_fill(refusal, "service", "name the target instead", "%s is %s in the zone",
                     name_to_text(service->name, text), found.cut ? "delegated away" : "an alias");
        return ERR_REFUSED;
    }
    return ERR_OK;
}

/* Is there a zone for the service's name, and is the name free in it? */
static int name_judge(const struct control *control, const struct service *service,
                      struct refusal *refusal)
{
    char text[NAME_TEXT_MAX];
    bool zone_found = false;
    for (unsigned view = 0; view < control->desired->view_count; view++) {
        const struct zone_view *zone = zone_of(control, service->name, view);
        if (!zone) {
            continue;
        }
        zone_found = true;
        if (name_len(service->name) == zone->origin_len) {
            return refusal_fill(refusal, "service", "register a name below it",
                                "%s is a zone, not a name in one",
                                name_to_text(service->name, text));
        }
        int err = service->over_zone ? over_zone_judge(control, zone, service, refusal)
                                     : zone_judge(control, zone, service->name, "service", refusal);
        if (err != ERR_OK) {
            return err;
        }
    }
    if (!zone_found) {
        return refusal_fill(refusal, "service", "add a zone that holds it to the configuration",
                            "no zone here holds %s", name_to_text(service->name, text));
    }
    return ERR_OK;
}

/* The same for a name below a service: it would take the place of what the zone has there, or lie
 * in a zone of its own. */
static int name_below_judge(const struct control *control, const struct service *service,
                            const uint8_t *name, const char *field, struct refusal *refusal)
{
    int err = ERR_OK;
    char text[NAME_TEXT_MAX];
    for (unsigned view = 0; err == ERR_OK && view < control->desired->view_count; view++) {
        const struct zone_view *zone = zone_of(control, service->name, view);
        const struct zone_view *below = zone ? zone_of(control, name, view) : NULL;
        if (below && below->zone != zone->zone) {
            refusal_fill(refusal, field, "name it differently", "%s lies in a zone of its own",
                         name_to_text(name, text));
            return ERR_REFUSED;
        }
        err = zone ? zone_judge(control, zone, name, field, refusal) : ERR_OK;
    }
    return err;
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
    const struct service *service;
    const char *field;
    struct refusal *refusal;
    int err; /* a name that the zone has */
};

static void below_look(void *ctx, const uint8_t *name)
{
    struct below *below = ctx;
    const struct service_entry *entry = registry_service(below->services->registry, name);
    if (!below->taken && entry && wanted(&entry->object)) {
        memcpy(below->name, name, name_len(name));
        below->taken = below->name;
    }
    bool variant = name[0] == SITE_LABEL_BYTES - 1 && name[1] == 0; /* no zone has such a label */
    if (below->err == ERR_OK && !variant) {
        below->err = name_below_judge(below->services->control, below->service, name, below->field,
                                      below->refusal);
    }
}

static int above_judge(const struct services *services, const struct service *service,
                       struct refusal *refusal)
{
    struct service_entry *entry = registry_service(services->registry, service->name);
    struct below below = {
        .services = services, .service = service, .field = "tags", .refusal = refusal};
    char text[NAME_TEXT_MAX];
    service_names_each(service, entry, below_look, &below);
    if (!below.taken) {
        return below.err;
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

int check_target_judge(const struct services *services, const struct check *check,
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
        struct below below = {
            .services = services, .service = service, .field = "id", .refusal = refusal};
        instance_name(service, instance->id, name);
        below_look(&below, name);
        if (below.taken) {
            refusal_fill(refusal, "id", "take another id",
                         "the name of the instance is that of another service");
            return ERR_REFUSED;
        }
        err = below.err;
    }
    if (err == ERR_OK && address_kind(own) == ADDRESS_LINKLOCAL) {
        return refusal_fill(refusal, "addresses", "give an address that is routed",
                            "a link-local address means something else to each client");
    }
    for (unsigned i = 0; err == ERR_OK && i < instance->check_count; i++) {
        err = check_target_judge(services, &instance->checks[i], own, instance->owner, refusal);
    }
    for (unsigned i = 0; err == ERR_OK && service && i < service->check_count; i++) {
        err = check_target_judge(services, &service->checks[i], own, service->owner, refusal);
    }
    return err;
}

/* The service's checks are those of every instance it has, whoever registered that; without one,
 * they must be such as could be right for some. */
static int service_checks_judge(const struct services *services, const struct service *service,
                                struct refusal *refusal)
{
    const struct service_entry *entry = registry_service(services->registry, service->name);
    for (unsigned i = 0; i < service->check_count; i++) {
        const struct check *check = &service->checks[i];
        int err = ERR_OK;
        bool any = false;
        for (uint32_t k = 0; err == ERR_OK && k < entry->instance_count; k++) {
            const struct instance *instance = wanted(&entry->instances[k]->object);
            if (instance) {
                any = true;
                err = check_target_judge(services, check, &instance->addresses[0].address,
                                         service->owner, refusal);
            }
        }
        if (!any) {
            struct address nobody = {0};
            err = check_target_judge(services, check, &nobody, service->owner, refusal);
        }
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
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
    int err = budget_judge(services, mark, refusal);
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
            err = err == ERR_OK ? service_checks_judge(services, service, refusal) : err;
        } else if (object->kind == OBJECT_INSTANCE) {
            err = instance_judge_staged(services, object->next, refusal);
        }
    }
    return err;
}
