/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/reference.h"

#include "base/error.h"
#include "cli/command.h"
#include "cli/print.h"

int run_reference(const struct call *call)
{
    (void)call;
    if (config_reference_write(stdout) != ERR_OK) {
        return print_error("standard output cannot be written");
    }
    return EXIT_DONE;
}
