/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/notify.h"

#include "io/clock.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

uint32_t notify_sockets(int *fds, uint32_t most)
{
    int count = sd_listen_fds(1);
    uint32_t kept = count < 0 ? 0 : (uint32_t)count;
    if (kept > most) {
        kept = most;
    }
    for (uint32_t i = 0; i < kept; i++) {
        fds[i] = SD_LISTEN_FDS_START + (int)i;
    }
    return kept;
}

struct duration notify_watchdog_period(void)
{
    uint64_t period_us = 0;
    if (sd_watchdog_enabled(0, &period_us) <= 0) {
        return (struct duration){0};
    }
    return (struct duration){(int64_t)period_us * 1000};
}

void notify_ready(const char *status)
{
    sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void notify_reloading(void)
{
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono().ns / 1000);
}

void notify_stopping(void)
{
    sd_notify(0, "STOPPING=1");
}

void notify_alive(void)
{
    sd_notify(0, "WATCHDOG=1");
}
