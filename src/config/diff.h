/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a reload changes: the difference of two configurations as a list that a person can read, in
 * the order options, listeners, views, zones, exceptions. Views are compared by name, so that a new
 * view in the middle of the file does not make every zone look changed.
 *
 *   server.workers: 2 -> 4             restart
 *   listener 10.0.0.1:53 added
 *   view internal changed: match
 *   zone example.com. changed: file, overlays
 */
#pragma once

#include "config/config.h"

enum config_subject {
    SUBJECT_OPTION,
    SUBJECT_LISTENER,
    SUBJECT_VIEW,
    SUBJECT_ZONE,
    SUBJECT_EXCEPTIONS,
    SUBJECT_COUNT,
};

struct config_change {
    struct config_change *next;
    enum config_subject subject;
    bool restart;       /* stays as it was until the process starts anew */
    struct place place; /* in the new configuration; no line when something was removed */
    const char *text;
};

struct config_diff {
    struct arena arena;
    struct config_change *first, **last;
    uint32_t counts[SUBJECT_COUNT];
    uint32_t restarts; /* changes that wait for a restart */
};

/* Lists what differs; the caller gives the list back with config_diff_deinit(), also on failure.
 * Both configurations must outlive it. ERR_NOMEM. */
int config_diff(const struct alloc *alloc, const struct config *before, const struct config *after,
                struct config_diff *out);
void config_diff_deinit(struct config_diff *diff);

/* A warning for each change that waits for a restart. */
void config_diff_warn(const struct config_diff *diff, struct diag_list *diags);
