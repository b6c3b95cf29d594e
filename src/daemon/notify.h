/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The service manager: sockets it hands over, and what it is told (sd_notify). Without one every
 * function does nothing.
 */
#pragma once

#include "base/time.h"

#include <stddef.h>
#include <stdint.h>

/* Sockets handed over (socket activation) into fds; returns how many there are, at most `most`. */
uint32_t notify_sockets(int *fds, uint32_t most);

/* How often the manager wants to hear that we live; 0: it does not. */
struct duration notify_watchdog_period(void);

void notify_ready(const char *status);
void notify_reloading(void);
void notify_stopping(void);
void notify_alive(void);
