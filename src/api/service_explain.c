/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/service_explain.h"

#include "api/json_text.h"
#include "api/registry_json.h"
#include "base/error.h"
#include "io/clock.h"

#include <stdio.h>

enum {
    LABELS_BELOW = 2 /* _http._tcp: the most that a name of a service has below it */
};

static const struct service_entry *service_above(const struct services *services,
                                                 const uint8_t *name)
{
    for (unsigned i = 0; i <= LABELS_BELOW && *name; i++, name += *name + 1u) {
        const struct service_entry *entry = registry_service(services_registry(services), name);
        if (entry && service_now(entry)) {
            return entry;
        }
    }
    return NULL;
}

/* Why an instance is in, or out. */
static const char *reason(const struct choice *choice, const struct candidate *candidate)
{
    if (candidate->override) {
        return candidate->override == 1 + OVERRIDE_UP ? "an operator says it is up"
                                                      : "an operator took it out";
    }
    if (candidate->site_out) {
        return candidate->chosen ? "its site is down, and there is nothing elsewhere"
                                 : "its whole site is down";
    }
    if (candidate->waits && !candidate->chosen) {
        return "its site works again, and waits for the failback";
    }
    if (candidate->held) {
        return "its site fails; the blast radius holds it until a person accepts";
    }
    if (candidate->braked) {
        return "the storm brake keeps it as it was";
    }
    if (candidate->chosen) {
        return candidate_works(candidate) ? "it works" : choice_text(choice->kind);
    }
    if (candidate->verdict == VERDICT_UNKNOWN) {
        return "nobody has looked yet";
    }
    if (!candidate_works(candidate)) {
        return candidate->proven ? "it does not work" : "it has never worked";
    }
    return !candidate->in_pool ? "another site is preferred" : "it is not needed";
}

static const char *detail_of(const struct services *services, const struct instance_entry *entry,
                             struct mono now)
{
    struct instance_status status;
    struct check_status check;
    const char *detail = "";
    instance_status(services, entry, now, &status);
    for (unsigned i = 0; i < status.check_count; i++) {
        check_status(entry, i, now, &check);
        bool worse = !verdict_works(check.verdict) || !*detail;
        detail = worse && *check.detail ? check.detail : detail;
    }
    return status.lease_expired ? "its lease ran out" : detail;
}

static json_t *candidate_json(const struct services *services, const struct service_choice *choice,
                              uint32_t i, struct mono now)
{
    const struct candidate *candidate = &choice->candidates[i];
    struct instance_status status;
    instance_status(services, choice->instances[i], now, &status);
    return json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:b, s:i, s:s}", "id", json_text(choice->instances[i]->id),
        "verdict", verdict_name(candidate->verdict), "detail",
        json_text(detail_of(services, choice->instances[i], now)), "override",
        status.override ? override_to_json(status.override) : json_null(), "pool",
        json_text(instance_now(choice->instances[i])->site), "given", (int)candidate->chosen,
        "share", (int)candidate->share, "why", reason(&choice->choice, candidate));
}

json_t *service_explain_json(const struct services *services, const uint8_t *name, unsigned view,
                             unsigned site)
{
    const struct service_entry *entry = services ? service_above(services, name) : NULL;
    struct service_choice choice;
    struct mono now = clock_mono();
    char text[NAME_TEXT_MAX];
    if (!entry || service_choice(services, entry, view, site, &choice) != ERR_OK) {
        return json_null();
    }
    const struct service *service = service_now(entry);
    json_t *list = json_array();
    for (uint32_t i = 0; i < choice.count; i++) {
        json_array_append_new(list, candidate_json(services, &choice, i, now));
    }
    json_t *json = json_pack(
        "{s:o, s:s, s:s, s:o, s:s, s:s, s:o}", "service",
        json_text(name_to_text(entry->name, text)), "answered", choice_name(choice.choice.kind),
        "because", choice_text(choice.choice.kind), "pool", json_text(choice.choice.site), "policy",
        answer_mode_name(service->mode), "owner", service->owner, "candidates", list);
    service_choice_drop(services, &choice);
    return json;
}
