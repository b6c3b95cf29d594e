/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Replies as JSON: what a good one becomes, and that no bytes whatever do harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/reply.h"
#include "base/error.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

/* www.a. CNAME mail.a. / mail.a. MX, with compression, and an OPT with NSID, EDE and subnet. */
static const uint8_t REPLY[] = "\x12\x34\x84\x00\x00\x01\x00\x02\x00\x00\x00\x01"
                               "\3www\1a\0\0\x0f\0\1"
                               "\xc0\x0c\0\5\0\1\0\0\1\x2c\0\7\4mail\xc0\x10"
                               "\xc0\x23\0\x0f\0\1\0\0\0\x3c\0\4\0\x0a\xc0\x0c"
                               "\0\0\x29\x04\xd0\0\0\0\0\0\x1a"
                               "\0\3\0\2ok"
                               "\0\x0f\0\5\0\x0fwhy"
                               "\0\x08\0\7\0\1\x18\x10\x0a\1\2";

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void test_reply_with_everything(void **state)
{
    (void)state;
    json_t *reply;
    assert_int_equal(reply_to_json(REPLY, sizeof(REPLY) - 1, &reply), ERR_OK);
    assert_string_equal(text(reply, "rcode"), "NOERROR");
    assert_string_equal(text(json_object_get(reply, "question"), "name"), "www.a.");
    const json_t *answer = json_object_get(reply, "answer");
    assert_int_equal(json_array_size(answer), 2);
    assert_string_equal(text(json_array_get(answer, 0), "data"), "mail.a.");
    assert_string_equal(text(json_array_get(answer, 1), "name"), "mail.a.");
    assert_string_equal(text(json_array_get(answer, 1), "data"), "10 www.a.");
    const json_t *edns = json_object_get(reply, "edns");
    assert_string_equal(text(edns, "nsid"), "ok");
    assert_string_equal(text(json_array_get(json_object_get(edns, "errors"), 0), "text"), "why");
    assert_string_equal(text(json_object_get(edns, "subnet"), "prefix"), "10.1.2.0/24");
    json_decref(reply);
}

static void test_every_shorter_reply_is_malformed(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(REPLY) - 1; len++) {
        uint8_t *copy = malloc(len ? len : 1); /* exactly as long: a read beyond it is seen */
        json_t *reply = NULL;
        memcpy(copy, REPLY, len);
        assert_int_equal(reply_to_json(copy, len, &reply), ERR_FORMAT);
        assert_null(reply);
        free(copy);
    }
}

static void test_damaged_replies_do_no_harm(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 7);
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t copy[sizeof(REPLY) - 1];
        json_t *reply = NULL;
        memcpy(copy, REPLY, sizeof(copy));
        for (unsigned damage = 0; damage < 1 + i % 4; damage++) {
            copy[random_below(&random, sizeof(copy))] = (uint8_t)random_next(&random);
        }
        int err = reply_to_json(copy, sizeof(copy), &reply);
        assert_true(err == ERR_OK || err == ERR_FORMAT);
        assert_true((err == ERR_OK) == (reply != NULL));
        json_decref(reply);
    }
}

static void test_compression_loop_ends(void **state)
{
    (void)state;
    static const uint8_t loop[] = "\0\0\0\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1";
    static const uint8_t forward[] = "\0\0\0\0\0\1\0\0\0\0\0\0\xc0\x10\0\1\0\1";
    json_t *reply;
    assert_int_equal(reply_to_json(loop, sizeof(loop) - 1, &reply), ERR_FORMAT);
    assert_int_equal(reply_to_json(forward, sizeof(forward) - 1, &reply), ERR_FORMAT);
}

static void test_query_with_a_client_subnet(void **state)
{
    (void)state;
    static const uint8_t expected[] = "\x12\x34\0\0\0\1\0\0\0\0\0\1\3www\0\0\x1c\0\1"
                                      "\0\0\x29\x04\xd0\0\0\0\0\0\x0a\0\x08\0\6\0\1\x10\0\x0a\1";
    uint8_t query[REPLY_QUERY_MAX];
    struct prefix subnet;
    assert_int_equal(prefix_from_text("10.1.0.0/16", &subnet), ERR_OK);
    struct reply_question question = {.id = 0x1234,
                                      .name = (const uint8_t *)"\3www",
                                      .type = 28,
                                      .payload = 1232,
                                      .subnet = &subnet};
    assert_int_equal(reply_make_query(&question, query), sizeof(expected) - 1);
    assert_memory_equal(query, expected, sizeof(expected) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply_with_everything),
        cmocka_unit_test(test_every_shorter_reply_is_malformed),
        cmocka_unit_test(test_damaged_replies_do_no_harm),
        cmocka_unit_test(test_compression_loop_ends),
        cmocka_unit_test(test_query_with_a_client_subnet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
