/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The health of instances: which checks they have, which probes those use, and the verdict that
 * follows. Checks that ask the same of the same target use one probe.
 */
#include "control/service_state.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"

#include <stddef.h>
#include <string.h>

enum {
    BUCKETS_LEAST = 64,
    ALIAS_ROUNDS = 8, /* how far news travel along aliases of aliases; a circle ends here */
};

/* --- probes --------------------------------------------------------------------------------------
 */

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return text ? hash_bytes(hash, text, strlen(text) + 1) : hash_bytes(hash, "\1", 1);
}

static bool text_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The same question to the same target, as often? rise and fall are each check's own. */
static bool probe_is(const struct probe *probe, const struct probe_order *order)
{
    const struct check *a = &probe->check, *b = order->check;
    return memcmp(&probe->order.address, &order->address, sizeof(order->address)) == 0 &&
           probe->order.port == order->port && a->kind == b->kind &&
           a->interval_ms == b->interval_ms && a->timeout_ms == b->timeout_ms &&
           text_same(a->text, b->text) && text_same(a->host, b->host) &&
           text_same(a->send, b->send) && text_same(a->expect, b->expect) &&
           a->status_low == b->status_low && a->status_high == b->status_high && a->tls == b->tls &&
           a->verify == b->verify;
}

static uint64_t order_hash(const struct probe_order *order)
{
    const struct check *check = order->check;
    uint64_t hash = hash_bytes(HASH_START, &order->address, 16);
    hash = hash_bytes(hash, &order->port, sizeof(order->port));
    hash = hash_bytes(hash, &check->kind, sizeof(check->kind));
    hash = hash_bytes(hash, &check->interval_ms, sizeof(check->interval_ms));
    return hash_text(hash, check->text);
}

static int buckets_grow(struct services *services)
{
    uint32_t count = services->bucket_count ? services->bucket_count * 2 : BUCKETS_LEAST;
    if (services->probe_count < services->bucket_count) {
        return ERR_OK;
    }
    struct probe **buckets = mem_new_zero(services->alloc, count, sizeof(struct probe *));
    if (!buckets) {
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < services->bucket_count; i++) {
        for (struct probe *at = services->buckets[i], *next; at; at = next) {
            next = at->hash_next;
            at->hash_next = buckets[at->hash & (count - 1)];
            buckets[at->hash & (count - 1)] = at;
        }
    }
    mem_free(services->alloc, services->buckets);
    services->buckets = buckets;
    services->bucket_count = count;
    return ERR_OK;
}

/* The texts of a check in memory of the probe's own. */
static int probe_texts(struct services *services, struct probe *probe)
{
    const char **texts[] = {&probe->check.text, &probe->check.host, &probe->check.send,
                            &probe->check.expect};
    size_t bytes = 1, at = 0;
    for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        bytes += *texts[i] ? strlen(*texts[i]) + 1 : 0;
    }
    probe->texts = mem_new(services->alloc, bytes);
    if (!probe->texts) {
        return ERR_NOMEM;
    }
    for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (*texts[i]) {
            size_t len = strlen(*texts[i]) + 1;
            *texts[i] = memcpy(probe->texts + at, *texts[i], len);
            at += len;
        }
    }
    probe->check.name = probe->check.target = NULL;
    return ERR_OK;
}

static int probe_new(struct services *services, const struct probe_order *order, struct probe **ret)
{
    struct probe *probe = mem_new_zero(services->alloc, 1, sizeof(*probe));
    if (!probe || buckets_grow(services) != ERR_OK) {
        mem_free(services->alloc, probe);
        return ERR_NOMEM;
    }
    probe->order = *order;
    probe->check = *order->check;
    probe->order.check = &probe->check;
    probe->order.probe = probe;
    probe->hash = order_hash(order);
    int err = probe_texts(services, probe);
    if (err == ERR_OK) {
        err = services->probes->start(services->probes->ctx, &probe->order, &probe->handle);
    }
    if (err != ERR_OK) {
        mem_free(services->alloc, probe->texts);
        mem_free(services->alloc, probe);
        return err;
    }
    struct probe **bucket = &services->buckets[probe->hash & (services->bucket_count - 1)];
    probe->hash_next = *bucket;
    *bucket = probe;
    services->probe_count++;
    *ret = probe;
    return ERR_OK;
}

static void probe_drop(struct services *services, struct probe *probe)
{
    struct probe **link = &services->buckets[probe->hash & (services->bucket_count - 1)];
    while (*link != probe) {
        link = &(*link)->hash_next;
    }
    *link = probe->hash_next;
    services->probe_count--;
    services->probes->stop(services->probes->ctx, probe->handle);
    mem_free(services->alloc, probe->texts);
    mem_free(services->alloc, probe);
}

static int probe_use(struct services *services, struct check_use *use,
                     const struct probe_order *order)
{
    uint64_t hash = order_hash(order);
    struct probe *probe =
        services->bucket_count ? services->buckets[hash & (services->bucket_count - 1)] : NULL;
    while (probe && !(probe->hash == hash && probe_is(probe, order))) {
        probe = probe->hash_next;
    }
    if (!probe) {
        int err = probe_new(services, order, &probe);
        if (err != ERR_OK) {
            return err;
        }
    } else if (use->health.seen == VERDICT_UNKNOWN) {
        use->health.seen = probe->uses->health.seen; /* somebody has looked already */
    }
    use->probe = probe;
    use->next = probe->uses;
    probe->uses = use;
    return ERR_OK;
}

static void probe_leave(struct services *services, struct check_use *use)
{
    if (!use->probe) {
        return;
    }
    struct check_use **link = &use->probe->uses;
    while (*link != use) {
        link = &(*link)->next;
    }
    *link = use->next;
    if (!use->probe->uses) {
        probe_drop(services, use->probe);
    }
    use->probe = NULL;
}

void probes_free(struct services *services)
{
    ASSERT(services->probe_count == 0);
    mem_free(services->alloc, services->buckets);
}

/* --- the checks of an instance -------------------------------------------------------------------
 */

struct health_policy check_policy(const struct check_use *use)
{
    const struct service *service = service_now(use->instance->entry->service);
    struct health_policy policy = health_policy_default();
    bool report = use->check->kind == CHECK_TTL; /* the instance's own word counts at once */
    policy.rise = report ? 1 : use->check->rise;
    policy.fall = report ? 1 : use->check->fall;
    policy.suppress = service && service->flap_half_life_ms ? policy.suppress : 0;
    policy.half_life_ms = service ? service->flap_half_life_ms : policy.half_life_ms;
    policy.hold = service && service->flap_hold_up ? FLAP_HOLD_UP : FLAP_HOLD_DOWN;
    return policy;
}

static bool is_probed(enum check_kind kind)
{
    return kind != CHECK_TTL && kind != CHECK_CALCULATED && kind != CHECK_ALIAS;
}

/* The instance's checks, own ones in place of the service's of the same name: those come first, and
 * *ret_service of them are the service's. Returns how many there are. */
static unsigned checks_of(const struct service *service, const struct instance *instance,
                          const struct check *out[2 * LIMIT_CHECKS], unsigned *ret_service)
{
    unsigned count = 0;
    for (unsigned i = 0; service && i < service->check_count; i++) {
        bool replaced = false;
        for (unsigned k = 0; k < instance->check_count && !replaced; k++) {
            replaced = strcmp(instance->checks[k].name, service->checks[i].name) == 0;
        }
        if (!replaced) {
            out[count++] = &service->checks[i];
        }
    }
    *ret_service = count;
    for (unsigned k = 0; k < instance->check_count; k++) {
        out[count++] = &instance->checks[k];
    }
    return count;
}

/* What a check connects to: its own target, or the instance's first address. */
static struct probe_order order_of(const struct instance *instance, const struct check *check)
{
    struct probe_order order = {.address = instance->addresses[0].address,
                                .port = check->port ? check->port : instance->port,
                                .check = check};
    if (check->target) {
        address_from_text(check->target, &order.address);
    }
    return order;
}

/* --- aliases: as another service is ---------------------------------------------------------- */

static void alias_leave(struct services *services, struct check_use *use)
{
    struct check_use **link = &services->aliases;
    while (*link && *link != use) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = use->next;
    }
}

/* What an alias says: the target is answered with something that works, with nothing, or nobody
 * knows yet. */
static enum verdict alias_verdict(const struct services *services, const char *target)
{
    uint8_t name[NAME_MAX];
    const struct service_entry *entry = target && name_from_text(target, NULL, name) == ERR_OK
                                            ? registry_service(services->registry, name)
                                            : NULL;
    enum verdict verdict = VERDICT_CRITICAL;
    for (uint32_t i = 0; entry && i < entry->instance_count; i++) {
        const struct instance_run *run = instance_run(entry->instances[i]);
        if (run && instance_now(entry->instances[i])) {
            bool unknown = run->verdict == VERDICT_UNKNOWN;
            verdict = verdict_works(run->verdict)              ? VERDICT_PASSING
                      : unknown && verdict == VERDICT_CRITICAL ? VERDICT_UNKNOWN
                                                               : verdict;
        }
        if (verdict == VERDICT_PASSING) {
            break;
        }
    }
    return verdict;
}

static void use_outcome(struct services *services, struct check_use *use, enum outcome_kind outcome,
                        const char *detail);

void aliases_judge(struct services *services)
{
    for (unsigned round = 0; services->aliases_due && round < ALIAS_ROUNDS; round++) {
        services->aliases_due = false;
        for (struct check_use *use = services->aliases; use; use = use->next) {
            enum verdict verdict = alias_verdict(services, use->check->text);
            if (verdict != VERDICT_UNKNOWN && verdict != use->health.seen) {
                bool works = verdict == VERDICT_PASSING;
                use_outcome(services, use, works ? OUTCOME_ALIVE : OUTCOME_DEAD,
                            works ? "the other service works" : "the other service does not work");
            }
        }
    }
}

static void use_drop(struct services *services, struct check_use *use)
{
    if (use->check && use->check->kind == CHECK_ALIAS) {
        alias_leave(services, use);
    }
    timer_stop(&services->timers, &use->timer);
    probe_leave(services, use);
    mem_free(services->alloc, use->detail);
    use->detail = NULL;
}

void instance_checks_drop(struct services *services, struct instance_run *run)
{
    for (unsigned i = 0; i < run->check_count; i++) {
        use_drop(services, &run->checks[i]);
    }
    services->timer_total -= run->check_count;
    mem_free(services->alloc, run->checks);
    run->checks = NULL;
    run->check_count = 0;
}

static void silence_start(struct services *services, struct check_use *use)
{
    struct duration ttl = duration_from_ms(use->check->interval_ms);
    timer_set(&services->timers, &use->timer, mono_add(services->now, ttl));
}

/* Does the check still ask the same place? What another address answers says nothing of this one.
 */
static bool asks_same(const struct check_use *old, const struct probe_order *order)
{
    return !old->probe ||
           (memcmp(&old->probe->order.address, &order->address, sizeof(order->address)) == 0 &&
            old->probe->order.port == order->port);
}

/* Goes on with what the same check of the instance knew before. */
static void use_inherit(struct check_use *use, const struct instance_run *run,
                        const struct probe_order *order)
{
    for (unsigned i = 0; i < run->check_count; i++) {
        const struct check_use *old = &run->checks[i];
        if (old->check->kind == use->check->kind &&
            strcmp(old->check->name, use->check->name) == 0) {
            if (asks_same(old, order)) {
                use->health = old->health;
            }
            return;
        }
    }
}

/* One check of an instance, with its probe. One that may not be made stays unknown, and says why.
 */
static int use_make(struct services *services, struct check_use *use,
                    const struct instance_run *run, const char *owner)
{
    const struct instance *instance = instance_now(run->entry);
    struct probe_order order = order_of(instance, use->check);
    struct refusal refusal;
    use->timer.kind = TIMER_CHECK;
    health_init(&use->health, run->check_count ? VERDICT_UNKNOWN : run->verdict, services->now);
    use_inherit(use, run, &order);
    if (!is_probed(use->check->kind)) {
        if (use->check->kind == CHECK_ALIAS) {
            use->next = services->aliases;
            services->aliases = use;
            services->aliases_due = true;
        }
        return ERR_OK;
    }
    if (check_target_judge(services, use->check, &instance->addresses[0].address, owner,
                           &refusal) != ERR_OK) {
        health_init(&use->health, VERDICT_UNKNOWN, services->now);
        use->detail = mem_copy_text(services->alloc, refusal.reason);
        return ERR_OK;
    }
    order.at_once = use->health.seen == VERDICT_UNKNOWN;
    return probe_use(services, use, &order);
}

int instance_checks_make(struct services *services, struct instance_run *run)
{
    const struct instance *instance = instance_now(run->entry);
    const struct service *service = service_now(run->entry->service);
    const struct check *wanted[2 * LIMIT_CHECKS];
    unsigned of_service, count = checks_of(service, instance, wanted, &of_service);
    struct check_use *uses = mem_new_zero(services->alloc, count ? count : 1, sizeof(*uses));
    int err = uses ? timers_reserve(&services->timers, services->timer_total + count) : ERR_NOMEM;
    unsigned made = 0;
    for (; err == ERR_OK && made < count; made++) {
        uses[made] = (struct check_use){.instance = run, .check = wanted[made]};
        err = use_make(services, &uses[made], run,
                       made < of_service ? service->owner : instance->owner);
    }
    if (err != ERR_OK) {
        for (unsigned i = 0; i < made; i++) {
            use_drop(services, &uses[i]);
        }
        mem_free(services->alloc, uses);
        return err;
    }
    instance_checks_drop(services, run);
    run->unchecked = false;
    run->checks = uses;
    run->check_count = count;
    services->timer_total += count;
    storm_count(services, run);
    for (unsigned i = 0; i < count; i++) {
        if (uses[i].check->kind == CHECK_TTL) {
            silence_start(services, &uses[i]);
        }
    }
    return ERR_OK;
}

bool instance_checks_aim(const struct instance_run *run)
{
    for (unsigned i = 0; i < run->check_count; i++) {
        if (run->checks[i].check->target) {
            return true;
        }
    }
    return false;
}

/* --- verdicts ------------------------------------------------------------------------------------
 */

static enum verdict worse(enum verdict a, enum verdict b)
{
    static const uint8_t rank[VERDICT_COUNT] = {[VERDICT_PASSING] = 0,
                                                [VERDICT_WARNING] = 1,
                                                [VERDICT_UNKNOWN] = 2,
                                                [VERDICT_CRITICAL] = 3};
    return rank[b] > rank[a] ? b : a;
}

/* n of the others: of those that are not calculated themselves. */
static enum verdict calculated(const struct instance_run *run, const struct check *check)
{
    unsigned working = 0;
    for (unsigned i = 0; i < run->check_count; i++) {
        const struct check_use *use = &run->checks[i];
        struct health_policy policy = check_policy(use);
        working += use->check->kind != CHECK_CALCULATED &&
                   verdict_works(health_verdict(&policy, &use->health));
    }
    return working >= check->need ? VERDICT_PASSING : VERDICT_CRITICAL;
}

static bool has_calculated(const struct instance_run *run)
{
    for (unsigned i = 0; i < run->check_count; i++) {
        if (run->checks[i].check->kind == CHECK_CALCULATED) {
            return true;
        }
    }
    return false;
}

/* With a calculated check only those decide; without, the worst of all. */
static enum verdict checks_verdict(const struct instance_run *run)
{
    enum verdict verdict = VERDICT_PASSING;
    bool by_count = has_calculated(run);
    for (unsigned i = 0; i < run->check_count; i++) {
        const struct check_use *use = &run->checks[i];
        struct health_policy policy = check_policy(use);
        if (use->check->kind == CHECK_CALCULATED) {
            verdict = worse(verdict, calculated(run, use->check));
        } else if (!by_count) {
            verdict = worse(verdict, health_verdict(&policy, &use->health));
        }
    }
    verdict = run->unchecked ? run->verdict : verdict;
    return run->lease_expired ? VERDICT_CRITICAL : verdict;
}

void instance_judge(struct services *services, struct instance_run *run, const char *detail)
{
    enum verdict before = run->verdict, now = checks_verdict(run);
    if (now == before) {
        return;
    }
    const struct service *service = service_now(run->entry->service);
    bool recovers = !verdict_works(before) && verdict_works(now);
    services->aliases_due = true;
    run->verdict = now;
    run->proven = run->proven || verdict_works(now);
    run->since = services->now;
    if (recovers && service && service->slow_start_ms && !services->starting) {
        run->recovered_at = services->now;
        run->ramping = true;
        timer_set(&services->timers, &run->ramp, services->now);
    }
    storm_turned(services, run, before);
    service_mark(services, run->entry->service, false);
    services->events->verdict(services->events->ctx, run->entry, before, now, detail);
}

static void use_hold(struct services *services, struct check_use *use,
                     const struct health_policy *policy)
{
    if (use->check->kind == CHECK_TTL) {
        return; /* its timer waits for silence; a hold ends with the next report */
    }
    if (use->health.held) {
        timer_set(&services->timers, &use->timer, health_reuse_at(policy, &use->health));
    } else {
        timer_stop(&services->timers, &use->timer);
    }
}

static void use_outcome(struct services *services, struct check_use *use, enum outcome_kind outcome,
                        const char *detail)
{
    struct health_policy policy = check_policy(use);
    bool held = use->health.held;
    bool changed = health_outcome(&policy, &use->health, outcome, services->now);
    if (held || use->health.held) {
        use_hold(services, use, &policy);
    }
    if (changed) {
        mem_free(services->alloc, use->detail);
        use->detail = mem_copy_text(services->alloc, detail);
        instance_judge(services, use->instance, detail);
    }
}

void services_outcome(struct services *services, struct probe *probe, enum outcome_kind outcome,
                      const char *detail, struct mono now)
{
    services->now = now;
    if (probe->reference) {
        storm_reference(services, probe->reference, outcome);
        return;
    }
    if (probe->site_check) {
        site_outcome(services, probe->site_check, outcome, detail);
        return;
    }
    for (struct check_use *use = probe->uses; use; use = use->next) {
        use_outcome(services, use, outcome, detail);
    }
}

void check_timer_due(struct services *services, struct check_use *use)
{
    struct health_policy policy = check_policy(use);
    if (use->check->kind == CHECK_TTL) {
        use_outcome(services, use, OUTCOME_DEAD, "no report within its time");
    } else if (health_step(&policy, &use->health, services->now)) {
        instance_judge(services, use->instance, "the flap penalty has decayed");
    } else {
        use_hold(services, use, &policy);
    }
}

int services_renew(struct services *services, struct instance_entry *entry, const char *check,
                   enum outcome_kind outcome, const char *detail, struct mono now)
{
    struct instance_run *run = instance_run(entry);
    const struct instance *instance = instance_now(entry);
    bool found = !check;
    services->now = now;
    if (!run || !instance || (entry->object.staged && !entry->object.next)) {
        return ERR_NOT_FOUND;
    }
    bool was_expired = run->lease_expired;
    if (instance->lease_ms) {
        run->lease_expired = false;
        run->lease_until = mono_add(now, duration_from_ms(instance->lease_ms));
        timer_set(&services->timers, &run->lease, run->lease_until);
    }
    for (unsigned i = 0; i < run->check_count; i++) {
        struct check_use *use = &run->checks[i];
        if (outcome == OUTCOME_NONE || use->check->kind != CHECK_TTL ||
            (check && strcmp(check, use->check->name) != 0)) {
            continue;
        }
        found = true;
        silence_start(services, use);
        use_outcome(services, use, outcome, detail);
    }
    instance_judge(services, run, "renewed");
    if (was_expired && !run->lease_expired) {
        services->events->lease(services->events->ctx, entry, false);
    }
    return found ? ERR_OK : ERR_NOT_FOUND;
}

/* --- asking --------------------------------------------------------------------------------------
 */

void check_status(const struct instance_entry *instance, unsigned check, struct mono now,
                  struct check_status *out)
{
    const struct check_use *use = &instance_run(instance)->checks[check];
    struct health_policy policy = check_policy(use);
    *out = (struct check_status){
        .check = use->check,
        .verdict = health_verdict(&policy, &use->health),
        .held = use->health.held,
        .penalty = health_penalty(&policy, &use->health, now),
        .reuse_at = health_reuse_at(&policy, &use->health),
        .changed_at = use->health.changed_at,
        .detail = use->detail ? use->detail : "",
    };
}
