/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The form of rdata whose inner lengths libknot trusts: what does not hold to it is refused in a
 * zone and shown as bytes in a reply.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dns/rdata.h"
#include "dns/type.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    TYPE_IPSECKEY = 45
};

struct form {
    uint16_t type;
    bool good;
    const char *rdata;
    size_t len;
};

#define FORM(type, good, text)             \
    {                                      \
        type, good, text, sizeof(text) - 1 \
    }

static const struct form FORMS[] = {
    FORM(TYPE_NSEC3PARAM, true, "\1\0\0\2\2ab"),
    FORM(TYPE_NSEC3PARAM, true, "\1\0\0\2\0"),
    FORM(TYPE_NSEC3PARAM, false, "\1\0\0\2\3ab"),
    FORM(TYPE_NSEC3PARAM, false, "\1\0\0\2\1ab"),
    FORM(TYPE_NSEC3PARAM, false, "\1\0\0\2"),
    FORM(TYPE_NSEC3, true, "\1\0\0\2\1a\4hash\0\1\x40"),
    FORM(TYPE_NSEC3, true, "\1\0\0\2\0\4hash"),
    FORM(TYPE_NSEC3, false, "\1\0\0\2\1a\5hash"),
    FORM(TYPE_NSEC3, false, "\1\0\0\2\1a\0"),
    FORM(TYPE_NSEC3, false, "\1\0\0\2\1a\4hash\0\2\x40"),
    FORM(TYPE_NSEC3, false, "\1\0\0\2\1a\4hash\0\0"),
    FORM(TYPE_NSEC3, false, "\1\0\0\2\1a\4hash\1\1\x40\0\1\x40"),
    FORM(TYPE_IPSECKEY, true, "\1\0\2key"),
    FORM(TYPE_IPSECKEY, true, "\1\1\2\12\0\0\1key"),
    FORM(TYPE_IPSECKEY, true, "\1\3\2\2gw\0key"),
    FORM(TYPE_IPSECKEY, false, "\1\1\2\12\0\0"),
    FORM(TYPE_IPSECKEY, false, "\1\3\2\5gw"),
    FORM(TYPE_IPSECKEY, false, "\1\4\2key"),
    FORM(TYPE_HTTPS, true, "\0\1\0"),
    FORM(TYPE_HTTPS, true, "\0\1\3www\0\0\1\0\3\2h3\0\4\0\4\12\0\0\1"),
    FORM(TYPE_HTTPS, false, "\0\1"),
    FORM(TYPE_HTTPS, false, "\0\1\3www"),
    FORM(TYPE_HTTPS, false, "\0\1\0\0\4\0\3\12\0\0"),
    FORM(TYPE_HTTPS, false, "\0\1\0\0\4\0\5\12\0\0\1"),
    FORM(TYPE_HTTPS, false, "\0\1\0\0\1\0\3\3h3"),
    FORM(TYPE_HTTPS, false, "\0\1\0\0\3\0\2\0\1\0\1\0\3\2h3"), /* keys not in order */
    FORM(TYPE_SVCB, false, "\0\1\0\0\3\0\1\0"),
    FORM(TYPE_TSIG, false, "\0\0"),
    /* Types of RFC 1035 that libknot calls obsolete: answered with compressed names, so they must
     * be names. */
    FORM(TYPE_MD, true, "\3www\0"),
    FORM(TYPE_MD, false, "\77"),
    FORM(TYPE_MF, false, "\377\377\377\377"),
    FORM(TYPE_MB, false, ""),
    FORM(TYPE_MG, false, "\3www"),
    FORM(TYPE_MR, false, "\3www\0\0"),
    FORM(TYPE_MINFO, true, "\1a\0\1b\0"),
    FORM(TYPE_MINFO, false, "\1a\0\1b"),
};

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(FORMS) / sizeof(FORMS[0]); i++) {
        const struct form *form = &FORMS[i];
        uint8_t *copy = malloc(form->len); /* exactly as long: a read beyond it is seen */
        memcpy(copy, form->rdata, form->len);
        if (rdata_check(form->type, copy, form->len) != form->good) {
            fail_msg("form %zu of type %u", i, form->type);
        }
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
