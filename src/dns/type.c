/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/type.h"

#include "base/error.h"

#include <libknot/descriptor.h>

#include <stddef.h>
#include <stdio.h>

char *type_to_text(uint16_t type, char out[TYPE_TEXT_MAX])
{
    if (knot_rrtype_to_string(type, out, TYPE_TEXT_MAX) <= 0) {
        snprintf(out, TYPE_TEXT_MAX, "TYPE%u", type);
    }
    return out;
}

int type_from_text(const char *text, uint16_t *out)
{
    uint16_t type;
    if (knot_rrtype_from_string(text, &type) != 0) {
        return ERR_INVALID;
    }
    *out = type;
    return ERR_OK;
}

const char *rcode_name(unsigned rcode)
{
    static const char *const names[] = {
        "NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",   "REFUSED",
        "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE",  "DSOTYPENI",
        NULL,       NULL,      NULL,       NULL,       "BADVERS",  "BADKEY",
        "BADTIME",  "BADMODE", "BADNAME",  "BADALG",   "BADTRUNC", "BADCOOKIE",
    };
    const char *name = rcode < sizeof(names) / sizeof(names[0]) ? names[rcode] : NULL;
    return name ? name : "?";
}

bool type_is_address_group(uint16_t type)
{
    switch (type) {
    case TYPE_A:
    case TYPE_AAAA:
    case TYPE_CNAME:
    case TYPE_HTTPS:
    case TYPE_SVCB:
    case TYPE_SRV:
        return true;
    default:
        return false;
    }
}

const struct type_names *type_compressed_names(uint16_t type)
{
    static const struct type_names one = {0, 1}, two = {0, 2}, after_preference = {2, 1};
    switch (type) {
    case TYPE_NS:
    case TYPE_MD:
    case TYPE_MF:
    case TYPE_CNAME:
    case TYPE_MB:
    case TYPE_MG:
    case TYPE_MR:
    case TYPE_PTR:
        return &one;
    case TYPE_SOA:
    case TYPE_MINFO:
        return &two;
    case TYPE_MX:
        return &after_preference;
    default:
        return NULL;
    }
}

int type_target_offset(uint16_t type)
{
    switch (type) {
    case TYPE_NS:
    case TYPE_CNAME:
    case TYPE_DNAME:
    case TYPE_PTR:
        return 0;
    case TYPE_MX:
    case TYPE_KX:
    case TYPE_SVCB:
    case TYPE_HTTPS:
        return 2;
    case TYPE_SRV:
        return 6;
    default:
        return -1;
    }
}
