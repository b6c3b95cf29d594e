/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the daemon says on standard error: one line an event, "horizon: error: FILE:LINE: what;
 * mend". Under a service manager that reads severities (JOURNAL_STREAM) each line begins with one
 * (<3>). Control thread only.
 */
#pragma once

#include "base/diag.h"

__attribute__((format(printf, 1, 2))) void log_info(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_warning(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_error(const char *format, ...);

/* Every finding of a list, and how many were left out. */
void log_diags(const struct diag_list *diags);
