/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Errors: one type for the whole program. A function that can fail returns an int that is ERR_OK
 * (0) or one of the negative codes below; its outputs are untouched on failure. Code, short name
 * and sentence stand in one table (ERROR_TABLE), so a log line, a JSON reply and the man page
 * agree.
 *
 * The core only returns codes; the shell turns them into words once, together with the object's
 * name. Diagnostics that a person must act on (file, line, mend) travel in a struct diag_list
 * instead.
 */
#pragma once

#define ERROR_TABLE(X)                                               \
    X(ERR_OK, 0, "ok", "done")                                       \
    X(ERR_NOMEM, -1, "no-memory", "out of memory")                   \
    X(ERR_LIMIT, -2, "limit", "a named limit was reached")           \
    X(ERR_INVALID, -3, "invalid", "the input is not valid")          \
    X(ERR_NOT_FOUND, -4, "not-found", "no such object")              \
    X(ERR_EXISTS, -5, "exists", "the object exists already")         \
    X(ERR_REFUSED, -6, "refused", "a guard refused the change")      \
    X(ERR_HELD, -7, "held", "a guard holds the change for a person") \
    X(ERR_IO, -8, "io", "the operating system reported an error")    \
    X(ERR_PERMISSION, -9, "permission", "not permitted")             \
    X(ERR_BUSY, -10, "busy", "in use by another process")            \
    X(ERR_SPACE, -11, "space", "does not fit the buffer")            \
    X(ERR_FORMAT, -12, "format", "malformed message")                \
    X(ERR_UNSUPPORTED, -13, "unsupported", "not supported here")     \
    X(ERR_AGAIN, -14, "again", "it has to be done once more, in another way")

enum error {
#define X(code, value, name, text) code = value,
    ERROR_TABLE(X)
#undef X
};

/* Short stable name of an error, for JSON and logs ("no-memory"). Unknown codes give "unknown". */
const char *error_name(int err);

/* One sentence for a person. Unknown codes give "unknown error". */
const char *error_text(int err);
