/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Record types: names in both directions, and the tables of the query path against libknot's own
 * descriptors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "dns/type.h"

#include <libknot/descriptor.h>
#include <string.h>

static void test_names_go_both_ways(void **state)
{
    (void)state;
    for (unsigned type = 0; type <= UINT16_MAX; type++) {
        char text[TYPE_TEXT_MAX];
        uint16_t again = 0;
        type_to_text((uint16_t)type, text);
        assert_int_equal(type_from_text(text, &again), ERR_OK);
        assert_int_equal(again, type);
    }
}

static void test_known_names(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint16_t type;
    } rows[] = {
        {"A", TYPE_A},       {"aaaa", TYPE_AAAA},  {"HtTpS", TYPE_HTTPS},
        {"TYPE1", TYPE_A},   {"type65280", 65280}, {"ANY", TYPE_ANY},
        {"AXFR", TYPE_AXFR}, {"CAA", 257},         {"NSEC3PARAM", TYPE_NSEC3PARAM},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint16_t type = 0;
        assert_int_equal(type_from_text(rows[i].text, &type), ERR_OK);
        assert_int_equal(type, rows[i].type);
    }
    static const char *const bad[] = {"",      "FOO", "TYPE", "TYPE65536",
                                      "TYPEx", "A ",  "60",   "TYPE-1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint16_t type = 4711;
        assert_int_equal(type_from_text(bad[i], &type), ERR_INVALID);
        assert_int_equal(type, 4711);
    }
    char text[TYPE_TEXT_MAX];
    assert_string_equal(type_to_text(TYPE_HTTPS, text), "HTTPS");
    assert_string_equal(type_to_text(65280, text), "TYPE65280");
}

/* What we compress is what libknot compresses, bar types so old that it does not know them. */
static void test_compression_as_libknot(void **state)
{
    (void)state;
    for (unsigned type = 0; type <= 300; type++) {
        const knot_rdata_descriptor_t *known = knot_get_rdata_descriptor((uint16_t)type);
        if (!known->type_name) {
            continue;
        }
        unsigned names = 0, before = 0;
        for (int i = 0; known->block_types[i] != KNOT_RDATA_WF_END; i++) {
            if (known->block_types[i] == KNOT_RDATA_WF_COMPRESSIBLE_DNAME) {
                names++;
            } else if (names == 0 && known->block_types[i] > 0) {
                before += (unsigned)known->block_types[i];
            }
        }
        const struct type_names *ours = type_compressed_names((uint16_t)type);
        assert_int_equal(ours ? ours->names : 0, names);
        if (ours) {
            assert_int_equal(ours->before, before);
        }
    }
    assert_non_null(type_compressed_names(TYPE_MD));
    assert_null(type_compressed_names(TYPE_SRV)); /* RFC 2782: not compressed */
    assert_null(type_compressed_names(TYPE_DNAME));
}

static void test_targets_and_groups(void **state)
{
    (void)state;
    assert_int_equal(type_target_offset(TYPE_NS), 0);
    assert_int_equal(type_target_offset(TYPE_MX), 2);
    assert_int_equal(type_target_offset(TYPE_SRV), 6);
    assert_int_equal(type_target_offset(TYPE_HTTPS), 2);
    assert_int_equal(type_target_offset(TYPE_SOA), -1);
    assert_int_equal(type_target_offset(TYPE_A), -1);
    assert_true(type_is_address_group(TYPE_A) && type_is_address_group(TYPE_SRV));
    assert_false(type_is_address_group(TYPE_MX) || type_is_address_group(TYPE_TXT));
    assert_int_equal(type_fixed_bytes(TYPE_A), 4);
    assert_int_equal(type_fixed_bytes(TYPE_AAAA), 16);
    assert_int_equal(type_fixed_bytes(TYPE_MX), 0);
}

static void test_rcode_names(void **state)
{
    (void)state;
    assert_string_equal(rcode_name(RCODE_NOERROR), "NOERROR");
    assert_string_equal(rcode_name(RCODE_NXDOMAIN), "NXDOMAIN");
    assert_string_equal(rcode_name(RCODE_BADVERS), "BADVERS");
    assert_string_equal(rcode_name(12), "?");
    assert_string_equal(rcode_name(24), "?");
    assert_string_equal(rcode_name(4000), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_go_both_ways),
        cmocka_unit_test(test_known_names),
        cmocka_unit_test(test_compression_as_libknot),
        cmocka_unit_test(test_targets_and_groups),
        cmocka_unit_test(test_rcode_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
