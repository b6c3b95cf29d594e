/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The reference page of the configuration, written from the option table:
 * docs/reference/configuration.md is what `horizon reference configuration` prints.
 */
#pragma once

#include <stdio.h>

/* Writes the page as Markdown. ERR_IO when the stream fails. */
int config_reference_write(FILE *out);
