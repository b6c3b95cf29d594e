/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/error.h"

const char *error_name(int err)
{
    switch (err) {
#define X(code, value, name, text) \
    case value:                    \
        return name;
        ERROR_TABLE(X)
#undef X
    default:
        return "unknown";
    }
}

const char *error_text(int err)
{
    switch (err) {
#define X(code, value, name, text) \
    case value:                    \
        return text;
        ERROR_TABLE(X)
#undef X
    default:
        return "unknown error";
    }
}
