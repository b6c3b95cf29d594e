/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An instance whose lease ran out long ago goes: a change like any other, asked for in the name of
 * its owner. When its turn comes it is looked at once more; who has been renewed meanwhile stays.
 *
 *   timer of the lease ─► removal_ask() ─► queue ─► still run out? ─► dropped, durable, told
 *
 * In the loop's thread. What cannot be asked for now is asked for again by the timer.
 */
#pragma once

#include "daemon/discovery.h"

void removal_ask(struct discovery *discovery, const struct alloc *alloc,
                 const struct instance_entry *instance);
