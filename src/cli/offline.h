/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A configuration brought to life in this process, without sockets, root or a daemon: read, its
 * zones parsed and compiled, one snapshot made. What `check` judges and what the offline `explain`
 * asks.
 *
 * The same parser, the same zone checks and the same compiler as in the daemon.
 */
#pragma once

#include "api/explain.h"
#include "cli/command.h"
#include "config/config.h"

#include <jansson.h>

struct offline;

/* Was a configuration given (--config, --zone), rather than a daemon? */
bool offline_wanted(const struct call *call);

/* Opens `file`, or what the flags say when it is NULL. A configuration that cannot be used at all
 * is told on standard error. EXIT_DONE and *ret_offline, or the exit status. */
int offline_open(const struct call *call, const char *file, struct offline **ret_offline);
/* The same, but findings stay in the list and even a broken configuration succeeds: its world then
 * is empty (offline_config() NULL). */
int offline_check(const struct call *call, const char *file, struct offline **ret_offline);
void offline_free(struct offline *offline);

struct explain_world offline_world(const struct offline *offline);
const struct config *offline_config(const struct offline *offline);
struct diag_list *offline_findings(struct offline *offline);
/* What findings mean for the exit status: errors are a no, errors of the flags alone are usage. */
int offline_status(const struct offline *offline);
/* What `serve` would make of these flags: EXIT_DONE, or EXIT_USAGE after saying why. */
int offline_check_flags(const char *const *listens, const char *const *zones);

/* What to expect of a failover of one service of the configuration (api/plan.h); into *ret_plan and
 * onto the list, either may be NULL. ERR_NOMEM. */
struct plan;
struct plan_world;
struct plan_world plan_world_of_config(const struct config *config);
int plan_of_config(const struct config *config, const struct service *service,
                   const struct plan_world *world, struct plan *ret_plan, json_t *list);

/* Turns the error of a question into words and an exit status. */
int offline_answer(const struct call *call, int err, const struct explain_refusal *refusal);
