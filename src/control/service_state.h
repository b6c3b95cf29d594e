/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The state of registered services, shared by the files of control and nobody else.
 *
 *   service_entry.attached  ─► struct service_run    what is due, when it was last answered how
 *   instance_entry.attached ─► struct instance_run   checks ─► uses of probes, lease, verdict
 *   probe ─► uses[]                                  all checks that ask the same
 */
#pragma once

#include "control/services.h"
#include "control/state.h"
#include "control/timers.h"
#include "snapshot/node.h"
#include "failover/guard.h"

struct instance_run;

enum timer_kind {
    TIMER_LEASE,     /* of an instance: it runs out, then the removal */
    TIMER_RAMP,      /* of an instance: the next step of a slow start */
    TIMER_CHECK,     /* of a check: silence of a TTL check, or the end of a hold */
    TIMER_LINGER,    /* of a name that was a service */
    TIMER_VIEWS,     /* of a service: views that it left an hour ago */
    TIMER_OVERRIDES, /* the next override expires */
    TIMER_BRAKE,     /* the storm brake ends */
    TIMER_BUDGET,    /* what is held raises its alarm again */
    TIMER_FAILBACK,  /* of a service: a site has worked for long enough again */
};

/* One check of one instance. */
struct check_use {
    struct timer timer;     /* first: timers lead back to it */
    struct check_use *next; /* of the same probe */
    struct instance_run *instance;
    struct probe *probe; /* NULL: nothing is probed */
    const struct check *check;
    struct health health;
    char *detail;
};

struct reference;
struct site_check;

struct probe {
    struct reference *reference;   /* one of the checker's own targets; NULL: it is none */
    struct site_check *site_check; /* of a site as a whole; NULL: it is none */
    struct probe *hash_next;
    uint64_t hash;
    struct check_use *uses;
    struct probe_order order;
    struct check check; /* the order's; its texts are those of the first use... copied */
    void *handle;
    char *texts;
};

struct instance_run {
    struct timer lease, ramp;
    struct instance_entry *entry;
    struct check_use *checks;
    unsigned check_count;
    enum verdict verdict;
    struct mono since, lease_until, recovered_at;
    bool lease_expired, ramping, answered, proven;
    bool unchecked; /* its checks could not be made: the verdict stays as it is */
    const struct override *override;
    /* storm.c: */
    bool counted, counted_failing;
    enum verdict verdict_before; /* the last turn for the worse */
    struct domain *domain;       /* of the recent failures; NULL: it is none */
    struct instance_run *recent_before, *recent_next;
};

/* Failures of one site within the window. */
struct domain {
    char site[LIMIT_LABEL_BYTES + 1];
    uint32_t recent;
};

struct reference {
    struct probe probe;
    struct health health;
};

struct storm {
    struct brake brake;
    struct brake_policy policy;
    struct timer timer;
    uint32_t targets, failing, recent;
    struct instance_run *first, *last; /* recent failures, oldest first */
    struct domain domains[LIMIT_TAGS];
    unsigned domain_count;
    struct reference references[LIMIT_REFERENCES];
    unsigned reference_count;
};

/* A site that failed a service, or has not been taken back yet. Masks of views are kept by name. */
struct site_state {
    struct site_state *next;
    uint64_t held;        /* where it is down, and is answered all the same: a person must accept */
    uint64_t down, waits; /* where it is down; where it works again and waits */
    struct mono failed_at, works_at;
    uint32_t ttl_s; /* the longest that was told meanwhile */
    uint8_t times;  /* failovers within the hour */
    bool told;      /* events know that it failed */
    char name[];
};

/* One check of a site as a whole. */
struct site_check {
    struct probe probe;
    struct health health;
    struct health_policy policy;
    struct site_run *site;
};

struct site_run {
    const char *name;
    struct site_check *checks;
    unsigned check_count, need;
    bool failed;
    struct site_check *gate; /* NULL: it has none */
    char gate_said[128];     /* what its last outcome said */
};

struct service_run {
    struct timer left;        /* when the views that it left forget it */
    struct timer failback;    /* when the next site is taken back */
    struct site_state *sites; /* that failed it */
    uint32_t ttl_cap_s;       /* while a drain waits; 0: none */
    struct service_entry *entry;
    struct service_run *next_dirty;
    bool dirty, names_dirty;     /* its answers; also the names of its instances */
    uint64_t views;              /* where it exists, or existed; kept by the names of views */
    uint64_t views_left;         /* of those: where it does not exist now */
    enum choice_kind kind, told; /* as it is put into the trees; as events know it */
};

/* A name that is not registered any more, but must not turn into NXDOMAIN yet. */
struct linger {
    struct timer timer;
    struct linger *before, *next;
    struct linger *hash_next;
    uint64_t views; /* kept by the names of views */
    bool placed;    /* stands in the trees */
    uint8_t name[];
};

/* A name to give back to its zone. */
struct stale {
    struct stale *next;
    uint8_t name[];
};

/* Who has which address, while a reverse zone is configured. */
struct reverses {
    bool wanted;
    struct reverse **buckets;
    uint32_t bucket_count, count;
    struct reverse *dirty;
};

/* What one owner deregistered, or what failed over from one site. */
struct budget_entry {
    char name[128];
    struct budget_use use;
    struct mono accepted_until; /* a person has let the rest go */
};

struct budgets {
    struct budget_policy policy;
    struct budget_entry owners[LIMIT_BUDGETS], sites[LIMIT_BUDGETS];
    unsigned owner_count, site_count;
    char unit[LIMIT_LABEL_BYTES + 1]; /* the site that may fail over as a whole in this window */
    struct mono unit_began;
    uint32_t held; /* services, of all sites */
    struct timer timer;
};

struct services {
    struct reverses reverses;
    struct budgets budgets;
    struct control *control;
    const struct alloc *alloc;
    struct registry *registry;
    const struct probe_port *probes;
    const struct services_events *events;
    const struct prefix *targets;
    uint32_t target_count;
    struct storm storm;
    struct site_run *sites; /* those with checks of their own */
    unsigned site_count;
    struct timers timers;
    struct timer override_timer;
    uint32_t timer_total; /* that exist, set or not */
    struct probe **buckets;
    uint32_t bucket_count, probe_count;
    struct check_use *aliases; /* checks of that kind */
    bool aliases_due;          /* a verdict changed since they were looked at */
    struct service_run *dirty;
    struct stale *stale;
    struct linger *lingers; /* newest first: those not placed come before the others */
    struct linger **linger_buckets;
    uint32_t linger_count, linger_bucket_count;
    char *view_names[LIMIT_VIEWS]; /* what the bits of masks that are kept stand for */
    unsigned view_count;
    struct mono now; /* of the call under way */
    struct wall wall;
    /* Room for one service while its names are put, kept from one to the next. */
    struct candidate *candidates;
    const struct instance_entry **entries;
    void *jobs; /* struct job, of service_build.h */
    uint32_t room, job_room;
    struct arena arena;
    struct buf policy;
    struct node_draft draft;
    bool starting;
    bool lost; /* nobody knows what is registered: names are carried from tree to tree */
};

static inline struct service_run *service_run(const struct service_entry *entry)
{
    return entry->attached;
}

/* The TTL that it is told with. */
static inline uint32_t service_ttl(const struct service_run *run)
{
    uint32_t ttl_s = service_now(run->entry)->ttl_s;
    return run->ttl_cap_s && run->ttl_cap_s < ttl_s ? run->ttl_cap_s : ttl_s;
}

static inline struct instance_run *instance_run(const struct instance_entry *entry)
{
    return entry->attached;
}

/* --- service_nodes.c -----------------------------------------------------------------------------
 */

/* The instance's own name, absolute. */
void instance_name(const struct service *service, const char *id, uint8_t out[NAME_MAX]);
/* Is the address one for the view? Those for one view replace, there, those for every view. */
bool address_meant(const struct instance *instance, unsigned index, const char *view);

/* --- linger.c ------------------------------------------------------------------------------------
 */

enum {
    LINGER_MS = 3600000, /* how long a name that was a service is NODATA */
};

/* The name is registered no more: for an hour it is one without data. */
void linger_add(struct services *services, const uint8_t *name, uint64_t views);
void linger_drop(struct services *services, struct linger *linger);
/* It is registered again. */
void linger_end(struct services *services, const uint8_t *name);
/* Only these views are left. */
void lingers_mask(struct services *services, uint64_t views);
void lingers_free(struct services *services);

/* --- service_judge.c -----------------------------------------------------------------------------
 */

/* May a check that `owner` wrote be made for an instance with this first address? ERR_REFUSED with
 * *refusal. Asked before a change, and again whenever the check is set up: what is read back from
 * disk, and what the configuration allows no more, is not made either. */
int check_target_judge(const struct services *services, const struct check *check,
                       const struct address *own, const char *owner, struct refusal *refusal);

/* --- health.c ------------------------------------------------------------------------------------
 */

/* Makes the checks of an instance as its service and itself have them now, going on with the health
 * of those that were the same. ERR_NOMEM leaves it as it was. */
int instance_checks_make(struct services *services, struct instance_run *run);
void instance_checks_drop(struct services *services, struct instance_run *run);
/* Has it a check that goes to another address than its own? */
bool instance_checks_aim(const struct instance_run *run);
/* The verdict anew, from checks and lease; tells events and marks the service when it changed. */
void instance_judge(struct services *services, struct instance_run *run, const char *detail);
/* Brings checks of kind alias up to date. */
void aliases_judge(struct services *services);
void probes_free(struct services *services);
void check_timer_due(struct services *services, struct check_use *use);
struct health_policy check_policy(const struct check_use *use);

/* --- service_ptr.c -------------------------------------------------------------------------------
 */

/* An instance has other addresses now (NULL: none). */
void reverses_instance(struct services *services, struct instance_run *run,
                       const struct instance *before, const struct instance *now);
int reverses_put_dirty(struct services *services, const struct names_target *target);
int reverses_put_all(struct services *services, const struct names_target *target);
void reverses_done(struct services *services);
void reverses_free(struct services *services);

/* --- storm.c -------------------------------------------------------------------------------------
 */

/* The verdict of an instance is another one than `before`. */
void storm_turned(struct services *services, struct instance_run *run, enum verdict before);
/* Counts an instance as its checks and verdict are now; it goes. */
void storm_count(struct services *services, struct instance_run *run);
void storm_forget(struct services *services, struct instance_run *run);
/* Looks at the figures. */
void storm_step(struct services *services);
/* Is it answered as it was before the storm? */
bool storm_holds(const struct services *services, const struct instance_run *run);
void storm_reference(struct services *services, struct reference *reference,
                     enum outcome_kind outcome);
void storm_free(struct services *services);

/* --- budget.c ------------------------------------------------------------------------------------
 */

void budgets_init(struct services *services);
/* What is staged: does one owner take out more than it may? ERR_REFUSED with *refusal. */
int budget_judge(struct services *services, size_t mark, struct refusal *refusal);
/* An instance of this owner went, or (now) came. */
void budget_note(struct services *services, const char *owner, bool came);
/* May a service fail over from the site without a person? Counted when it may. */
bool budget_failover(struct services *services, const char *site);
/* A service is held at the site, or is not any more. */
void budget_held(struct services *services, const char *site, bool held);
void budget_due(struct services *services);

/* --- service_sites.c -----------------------------------------------------------------------------
 */

/* Which of the service's sites are down, or wait, in the views of the mask; candidates[] and
 * entries[] have room for all instances. */
void sites_judge(struct services *services, const struct desired *desired, struct service_run *run,
                 uint64_t views, struct candidate *candidates,
                 const struct instance_entry **entries);
/* What the service's sites mean for candidates of a view. */
void sites_apply(const struct services *services, const struct desired *desired,
                 const struct service_entry *entry, unsigned view, struct candidate *candidates,
                 const struct instance_entry *const *entries, uint32_t count);
/* Does the site fail its own checks? NULL is no site. */
bool site_failed(const struct services *services, const char *site);
void sites_forget(struct services *services, struct service_run *run);
/* The service goes: nothing failed it any more. */
void sites_end(struct services *services, struct service_run *run);
void site_outcome(struct services *services, struct site_check *check, enum outcome_kind outcome,
                  const char *detail);
void sites_free(struct services *services);

/* --- services.c ----------------------------------------------------------------------------------
 */

/* Notes a name that goes back to its zone with the next flush. */
void stale_add(void *services, const uint8_t *name);
void service_mark(struct services *services, struct service_entry *entry, bool names);
uint16_t instance_ramp(const struct instance_run *run, struct mono now);

/* May any tree hold a registered name? `services` may be NULL. */
bool services_have_names(const struct services *services);

/* --- service_names.c -----------------------------------------------------------------------------
 */

/* What the trees are changed with: those of the control, or of a reload that is under way. */
struct names_target {
    struct txn *txn;
    const struct desired *desired;
    struct zone_entry *zones;
    struct twig *views; /* trees of zones */
    uint32_t zone;      /* only names of this one; UINT32_MAX: of all */
};

/* Puts the names of one service into the views that have it. `all`: also those of its instances. */
int service_names_put(struct services *services, const struct names_target *target,
                      struct service_run *run, bool all);
void service_room_init(struct services *services);
void service_room_free(struct services *services);
/* Gives one name back to its zone. */
int name_give_back(struct services *services, const struct names_target *target,
                   const uint8_t *name);
/* A name without data. */
int linger_put(struct services *services, const struct names_target *target,
               const struct linger *linger);
/* All of them, into trees that were compiled without. */
int services_put_all(struct services *services, const struct names_target *target);
/* Names that `entry` and its instances have in the trees. Calls `each` for one after the other. */
typedef void name_fn(void *ctx, const uint8_t *name);
void service_names_each(const struct service *service, struct service_entry *entry, name_fn *each,
                        void *ctx);
/* Views in which the instance has an address. */
uint64_t instance_views(const struct desired *desired, const struct instance *instance);
/* Whom an answer is for: a view, a tag (NULL: all instances), a site (NULL: it is not known). */
struct question_from {
    unsigned view;
    const char *tag;
    const struct desired_site *site;
};

/* Instances with an address in the view (tag NULL: with any tag), as `policy` numbers their sites.
 */
uint32_t service_candidates(const struct services *services, const struct desired *desired,
                            const struct service_entry *entry, const struct service *policy,
                            unsigned view, const char *tag, struct candidate *candidates,
                            const struct instance_entry **entries);
/* The place of a view in masks that are kept; VIEW_NONE: it has none. */
unsigned view_place_find(const struct services *services, const char *name);
/* Which instances that is. candidates[] and entries[] (room for all) hold those with an address in
 * the view; returns how many. */
uint32_t service_choose(const struct services *services, const struct desired *desired,
                        const struct service_entry *entry, const struct question_from *from,
                        struct candidate *candidates, const struct instance_entry **entries,
                        struct choice *choice);
