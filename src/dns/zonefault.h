/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A mistake in a zone text, told to the person who wrote it: libzscanner's reason, the line itself,
 * where its record begins, and the mend. It looks at the text again, because the scanner's reason
 * alone often misleads: to it an unknown record type is an "invalid number". Pure.
 */
#pragma once

#include "base/diag.h"

struct zonefault {
    const char *file;
    int code;                    /* of libzscanner */
    const char *line, *record;   /* text of the line, and of the first line of its record */
    const char *end;             /* of the whole text */
    uint32_t line_no, record_no; /* their numbers */
};

/* Adds one finding of severity error. */
void zonefault_report(const struct zonefault *fault, struct diag_list *diags);
