/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/news.h"

#include "daemon/log.h"
#include "daemon/removal.h"
#include "io/clock.h"

#include <stdio.h>
#include <string.h>

void news_init(struct news *news, struct discovery *discovery, const struct alloc *alloc)
{
    *news = (struct news){.discovery = discovery, .alloc = alloc};
    news->seen_end = &news->seen;
}

/* --- what waits to be recorded -------------------------------------------------------------------
 */

/* Without room (the store hangs) or memory the verdict is not recorded: a restart goes on with an
 * older one. */
static void seen_add(struct news *news, const struct service_entry *service, const char *id,
                     const char *verdict)
{
    char name[NAME_TEXT_MAX];
    name_to_text(service->name, name);
    size_t name_len = strlen(name) + 1, id_len = strlen(id) + 1;
    bool room = news->recorded && news->seen_count < LIMIT_REGISTRY_SEEN;
    struct seen *seen = room ? mem_new(news->alloc, sizeof(*seen) + name_len + id_len) : NULL;
    if (seen) {
        news->seen_count++;
        memcpy(seen->name, name, name_len);
        seen->id = memcpy(seen->name + name_len, id, id_len);
        seen->verdict = verdict;
        seen->next = NULL;
        *news->seen_end = seen;
        news->seen_end = &seen->next;
    }
}

void news_forget(struct news *news, const struct instance_entry *instance)
{
    seen_add(news, instance->service, instance->id, NULL);
}

struct seen *news_take(struct news *news)
{
    struct seen *seen = news->seen;
    news->seen = NULL;
    news->seen_end = &news->seen;
    news->seen_count = 0;
    return seen;
}

bool news_put_back(struct news *news, struct seen *seen)
{
    struct seen **end = &seen;
    for (; *end; end = &(*end)->next) {
        news->seen_count++;
    }
    if (!seen) {
        return false;
    }
    *end = news->seen;
    news->seen_end = news->seen ? news->seen_end : end;
    news->seen = seen;
    return true;
}

void news_free_seen(const struct news *news, struct seen *seen)
{
    while (seen) {
        struct seen *next = seen->next;
        mem_free(news->alloc, seen);
        seen = next;
    }
}

/* --- events --------------------------------------------------------------------------------------
 */

static void on_verdict(void *ctx, const struct instance_entry *instance, enum verdict before,
                       enum verdict now, const char *detail)
{
    struct news *news = ctx;
    char name[NAME_TEXT_MAX];
    struct instance_status status;
    instance_status(news->services, instance, clock_mono(), &status);
    if (status.check_count > 0) { /* without any it is passing again after a restart */
        seen_add(news, instance->service, instance->id,
                 status.lease_expired ? SEEN_EXPIRED : verdict_name(now));
    }
    if (before == VERDICT_UNKNOWN && verdict_works(now)) {
        return; /* as expected */
    }
    log_info("%s of %s is %s (was %s)%s%s", instance->id,
             name_to_text(instance->service->name, name), verdict_name(now), verdict_name(before),
             detail[0] ? ": " : "", detail);
}

static void on_lease(void *ctx, const struct instance_entry *instance, bool expired)
{
    struct instance_status status;
    instance_status(((struct news *)ctx)->services, instance, clock_mono(), &status);
    seen_add(ctx, instance->service, instance->id,
             expired ? SEEN_EXPIRED : verdict_name(status.verdict));
}

static void on_failover(void *ctx, const struct service_entry *service, const struct failover *what)
{
    struct news *news = ctx;
    char name[NAME_TEXT_MAX], id[LIMIT_LABEL_BYTES + sizeof(SEEN_SITE)];
    struct wall now = clock_wall();
    snprintf(id, sizeof(id), SEEN_SITE "%s", what->site);
    seen_add(news, service, id, what->back ? NULL : SEEN_FAILED);
    if (!what->back) {
        int64_t ago = mono_since(clock_mono(), what->failed_at).ns;
        incidents_failed(&news->incidents, what->site, name_to_text(service->name, name),
                         what->cause, (struct wall){now.ns - ago}, now);
        return;
    }
    const struct incident *over = incidents_back(&news->incidents, what->site, now);
    if (over) {
        log_info("site %s is good again for all %u services that it had failed", what->site,
                 over->services);
    }
}

static void on_site(void *ctx, const char *site, bool failed, const char *detail)
{
    (void)ctx;
    if (failed) {
        log_warning("site %s fails its own checks: %s; it is down for every service", site, detail);
    } else {
        log_info("site %s passes its own checks again", site);
    }
}

static void on_choice(void *ctx, const struct service_entry *service, enum choice_kind before,
                      enum choice_kind now)
{
    char name[NAME_TEXT_MAX];
    (void)ctx;
    name_to_text(service->name, name);
    if (now == CHOICE_WORKING && before != CHOICE_NONE) {
        log_info("%s is answered as usual again (was %s)", name, choice_name(before));
    } else if (now != CHOICE_WORKING && now != CHOICE_NONE) {
        log_warning("%s: %s", name, choice_text(now));
    }
}

static void on_held(void *ctx, const char *site)
{
    (void)ctx;
    if (site) {
        log_warning(
            "site %s fails, too, and another one has failed over already: its services stay "
            "as they were; when they shall move: horizon accept --site %s",
            site, site);
    } else {
        log_warning("services of a second site that fails still wait for a person: horizon sites");
    }
}

static void on_storm(void *ctx, bool on, const char *why)
{
    (void)ctx;
    if (on) {
        log_warning("storm brake: %s; answers stay as they were for a while", why);
    } else {
        log_warning("the storm brake has ended (%s); verdicts count again", why);
    }
}

static void on_remove(void *ctx, const struct instance_entry *instance)
{
    const struct news *news = ctx;
    removal_ask(news->discovery, news->alloc, instance);
}

struct services_events news_events(struct news *news)
{
    return (struct services_events){.ctx = news,
                                    .verdict = on_verdict,
                                    .lease = on_lease,
                                    .choice = on_choice,
                                    .failover = on_failover,
                                    .site = on_site,
                                    .held = on_held,
                                    .storm = on_storm,
                                    .remove = on_remove};
}

static void on_incident(void *ctx, struct incident *incident)
{
    const char *services = incident->services == 1 ? "service" : "services";
    double since_ms = (double)(incident->changed_at.ns - incident->failed_at.ns) / 1e6;
    (void)ctx;
    if (incident->cause == FAILOVER_DECLARED) {
        log_info("site %s was taken out of %u %s (the first: %s) within %.0f ms", incident->site,
                 incident->services, services, incident->first, since_ms);
        return;
    }
    log_warning("site %s failed %u %s (the first: %s): %s; answered elsewhere %.0f ms after the "
                "verdict, %.0f ms after the first sign",
                incident->site, incident->services, services, incident->first,
                failover_cause_text(incident->cause),
                (double)(incident->changed_at.ns - incident->detected_at.ns) / 1e6, since_ms);
}

bool news_published(struct news *news, uint64_t generation)
{
    bool any = news->incidents.pending > 0;
    incidents_published(&news->incidents, generation, clock_wall(), on_incident, news);
    return any;
}
