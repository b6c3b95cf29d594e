/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A scene for registered services: a stage (stage.h) with services on it, in virtual time, and a
 * prober that says what the test wants.
 *
 *   scene_init ─► scene_put_good... ─► scene_says, scene_pass_time ─► scene_expect ─► scene_deinit
 */
#pragma once

#include "unit/control/stage.h"

#include "control/service_state.h"

extern const char SCENE_CONFIG[];

#define IN "10.0.0.9"
#define OUT "192.0.2.9"

enum {
    PROBES = 64
};

/* A stage with services, and a prober that only remembers what it is asked for. */
struct scene {
    struct stage stage;
    struct services *services;
    struct registry *registry;
    struct probe_port port;
    struct services_events events;
    struct {
        const struct probe_order *order;
    } probes[PROBES];
    unsigned alarms; /* of the blast radius */
    unsigned started, running, verdicts, removals;
    enum failover_cause cause;     /* of the last one */
    int failed_over, sites_failed; /* and were not taken back; by their own checks */
    int leases;                    /* that ran out and were not taken up again */
    int64_t ms;
    bool storm;
};

struct mono scene_now(const struct scene *scene);
struct wall scene_wall(const struct scene *scene);
/* Two internal views and one that is not; example.com loaded; services on. */
void scene_init(struct scene *scene);
void scene_deinit(struct scene *scene);
/* What is dirty goes into the trees, is published and audited. */
void scene_flush(struct scene *scene);
/* What is staged takes effect, and shows. */
void scene_commit(struct scene *scene);
/* Virtual time passes; each timer at its instant. */
void scene_pass_time(struct scene *scene, int64_t ms);
/* A wire name, until the next call. */
const uint8_t *scene_name(const char *text);
/* Stages and judges an instance; commits it when that went well. */
int scene_put(struct scene *scene, const char *service, const char *id, const char *addresses,
              const struct check *check, struct refusal *refusal);
void scene_put_good(struct scene *scene, const char *service, const char *id, const char *addresses,
                    const struct check *check);
/* An instance, or (id NULL) the service. */
void scene_drop(struct scene *scene, const char *service, const char *id);
void scene_policy(struct scene *scene, struct service *service, const char *name);
/* The probe of an address says something. */
void scene_says(struct scene *scene, const char *address, enum outcome_kind outcome);
/* What a client at `from` is answered; stage_expect(). */
void scene_expect(struct scene *scene, const char *from, const char *question, const char *answer);
/* A check that one outcome decides. */
struct check scene_tcp(void);
/* Instance iN of web.example.com, 192.0.2.N in a site, checked, and working. */
void scene_put_site(struct scene *scene, unsigned number, const char *site);
