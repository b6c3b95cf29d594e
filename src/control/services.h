/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Registered services inside the one writer: the registry's desired state, the health of every
 * instance, and what of it the views are answered with.
 *
 *   registry (staged ─► committed) ─┐
 *   outcomes of probes, heartbeats ─┼─► dirty services ─► choose ─► names of each view ─► trees
 *   timers: leases, holds, ramps   ─┘        services_flush(): one change of the trees, published
 *                                             with the next snapshot
 *
 * All calls from the writer's thread. Nothing here waits for a store: services_commit() is called
 * once what was staged is durable, outcomes whenever they come.
 */
#pragma once

#include "control/control.h"
#include "control/probe.h"
#include "failover/brake.h"
#include "failover/choose.h"
#include "registry/registry.h"

struct services;

#define FAILOVER_CAUSE_TABLE(X)                                          \
    X(FAILOVER_INSTANCES, "instances", "too little of its weight works") \
    X(FAILOVER_DECLARED, "declared", "an operator took the site out")    \
    X(FAILOVER_SITE_CHECKS, "site checks", "the site fails its own checks")

enum failover_cause {
#define X(cause, name, text) cause,
    FAILOVER_CAUSE_TABLE(X)
#undef X
    FAILOVER_CAUSE_COUNT
};
const char *failover_cause_name(enum failover_cause cause);
const char *failover_cause_text(enum failover_cause cause);

struct failover {
    const char *site;
    bool back;
    enum failover_cause cause;
    struct mono failed_at; /* when the first check failed, or it was declared */
};

/* What happened, for logs and for what outlives a restart. */
struct services_events {
    void *ctx;
    /* An instance's verdict is another one. `detail`: what the last outcome said, or "". */
    void (*verdict)(void *ctx, const struct instance_entry *instance, enum verdict before,
                    enum verdict now, const char *detail);
    /* Its lease ran out (it is critical until it is renewed), or was taken up again after that. */
    void (*lease)(void *ctx, const struct instance_entry *instance, bool expired);
    /* How a service is answered is of another kind (enum choice_kind). */
    void (*choice)(void *ctx, const struct service_entry *service, enum choice_kind before,
                   enum choice_kind now);
    /* A site failed a service, or (`back`) is good for it again. */
    void (*failover)(void *ctx, const struct service_entry *service, const struct failover *what);
    /* A site fails its own checks, or does so no more. */
    void (*site)(void *ctx, const char *site, bool failed, const char *detail);
    /* Failovers from a second site wait for a person (NULL: they still do). */
    void (*held)(void *ctx, const char *site);
    /* The storm brake is on, or is not any more. */
    void (*storm)(void *ctx, bool on, const char *why);
    /* An instance's lease ran out long ago: the shell drops it like any change. */
    void (*remove)(void *ctx, const struct instance_entry *instance);
};

/* `probes` and `events` must outlive it. */
int services_new(struct control *control, const struct probe_port *probes,
                 const struct services_events *events, struct services **ret);
/* Before the control; stops all probes. */
void services_free(struct services *services);

struct registry *services_registry(const struct services *services);

/* Where checks may connect besides an instance's own address. */
void services_targets_set(struct services *services, const struct prefix *targets, uint32_t count);

/* How the storm brake judges, and targets that tell whether the checker itself has a network. */
struct reference_target {
    struct address address;
    uint16_t port;
};
void services_brake_set(struct services *services, const struct brake_policy *policy,
                        const struct reference_target *targets, uint32_t count, struct mono now);

/* Sites with checks of their own (others are passed over); their texts must outlive this, until the
 * next call. What the checks of the same site said goes on counting. ERR_NOMEM leaves all as it
 * was.
 */
int services_sites_set(struct services *services, const struct desired_site *sites, uint32_t count,
                       struct mono now);
/* The checks of a site as a whole; false: it has none. */
struct site_checks_status {
    bool failed;
    unsigned passing, count;
};
bool services_site_checks(const struct services *services, const char *site,
                          struct site_checks_status *out);
/* Is anything connected to the site yet? */
enum gate_state {
    GATE_NONE,    /* nobody knows: it has no gate */
    GATE_UNKNOWN, /* not looked at yet */
    GATE_OPEN,    /* it does not pass */
    GATE_CLOSED   /* nothing is connected */
};
enum gate_state services_gate(const struct services *services, const char *site,
                              const char **ret_said);
/* A service may go back to sites that work again and wait (site NULL: to all of them). Returns
 * whether there was one. */
bool services_failback(struct services *services, struct service_entry *service, const char *site,
                       struct mono now);
/* Sites that failed a service, or wait. */
struct site_status {
    const char *name;
    bool down, waits, held;                   /* in some view */
    uint8_t times;                            /* failovers within the hour */
    struct mono failed_at, works_at, back_at; /* back_at: when it is taken back; 0: by a person */
};
/* Fills up to `room`; returns how many there are. */
unsigned services_sites(const struct service_entry *service, struct site_status *out,
                        unsigned room);
/* From before a restart: the site had failed the service, and was not taken back. */
void services_restore_failover(struct services *services, const uint8_t *name, const char *site,
                               struct mono now);

/* How much may leave the answers without a person (failover/guard.h). */
struct budget_policy;
void services_budget_set(struct services *services, const struct budget_policy *policy);
/* A person lets the rest go for one window: deregistrations of an owner, failovers from a site;
 * either may be NULL. */
void services_accept(struct services *services, const char *owner, const char *site,
                     struct mono now);

/* Judges what was staged after `mark` against zones, views and guards. ERR_REFUSED or ERR_INVALID
 * with *refusal; the caller undoes it then. */
int services_judge(struct services *services, size_t mark, struct refusal *refusal);

/* What is staged is durable: it takes effect. */
void services_commit(struct services *services, struct mono now, struct wall wall);

/* A verdict from before a restart, of an instance that has just been committed. */
void services_restore(struct services *services, const uint8_t *name, const char *id,
                      enum verdict verdict, struct mono now);
/* The same of one whose lease had run out: critical until it is renewed or registered again. */
void services_restore_expired(struct services *services, const uint8_t *name, const char *id,
                              struct mono now);
/* The store of what is registered could not be read: registered names that an image brings are kept
 * as they are, until the next start. */
void services_lost(struct services *services);
/* Commits until the matching false one start no lease anew and no slow start: a restart. */
void services_starting(struct services *services, bool starting);

/* One outcome of a probe. */
void services_outcome(struct services *services, struct probe *probe, enum outcome_kind outcome,
                      const char *detail, struct mono now);
/* A heartbeat: renews the lease, and reports for the check called `check` (NULL: every TTL check;
 * OUTCOME_NONE: for none). ERR_NOT_FOUND: no such check, or the instance is being removed. */
int services_renew(struct services *services, struct instance_entry *instance, const char *check,
                   enum outcome_kind outcome, const char *detail, struct mono now);

/* Timers: when to call services_step() next (false: never), and the step itself. */
bool services_next(const struct services *services, struct mono *ret_at);
void services_step(struct services *services, struct mono now, struct wall wall);

/* Brings everything that changed into the trees; control_take_snapshot() has it then. ERR_NOMEM:
 * what could not be done stays to be done. */
int services_flush(struct services *services, struct mono now);

/* Before any zone is loaded: nothing needs to be flushed, each zone takes its names in then. */
void services_settle(struct services *services);

/* --- asking --------------------------------------------------------------------------------------
 */

struct check_status {
    const struct check *check;
    enum verdict verdict;
    bool held; /* by the flap penalty */
    uint32_t penalty;
    struct mono reuse_at, changed_at;
    const char *detail;
};

struct instance_status {
    enum verdict verdict;
    struct mono since;
    const struct override *override; /* NULL: none */
    bool lease_expired, answered;    /* in the answers of some view */
    struct mono lease_until;
    uint16_t ramp;
    unsigned check_count;
};

void instance_status(const struct services *services, const struct instance_entry *instance,
                     struct mono now, struct instance_status *out);
void check_status(const struct instance_entry *instance, unsigned check, struct mono now,
                  struct check_status *out);

/* How the service is answered in a view, to clients of a site (VIEW_NONE: of none); candidates[]
 * (room for all instances) as they were chosen, in the order of service->instances, those without
 * an address there left out (instance NULL). */
struct service_choice {
    struct choice choice;
    struct candidate *candidates;
    const struct instance_entry **instances;
    uint32_t count;
};
/* ERR_NOMEM. Drop with service_choice_drop(). */
int service_choice(const struct services *services, const struct service_entry *service,
                   unsigned view, unsigned site, struct service_choice *out);
void service_choice_drop(const struct services *services, struct service_choice *choice);

struct storm_status {
    enum brake_state state;
    const char *why;
    struct mono until;
    struct brake_figures figures;
};
void services_storm(const struct services *services, struct storm_status *out);

struct services_count {
    uint64_t services, instances, checks, probes, timers;
    uint64_t by_verdict[VERDICT_COUNT];
};
void services_count(const struct services *services, struct services_count *out);
