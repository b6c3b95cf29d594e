/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is answered: RFC 1034 4.3.2 case by case over the scene's zones, as text.
 *
 * links: control
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/answer/scene.h"

#include <stdio.h>

#define IN "10.1.2.3"
#define SOA_COM "au example.com. 60 SOA ns1.example.com. host.example.com. 1 2 3 4 60\n"
#define SOA_ORG "au example.org. 300 SOA ns1.example.org. host.example.org. 7 2 3 4 600\n"
#define SUB_NS                                         \
    "au sub.example.com. 300 NS ns.sib.example.com.\n" \
    "au sub.example.com. 300 NS ns.sub.example.com.\n"
#define SUB_GLUE                                   \
    "ad ns.sub.example.com. 300 A 198.51.100.53\n" \
    "ad ns.sib.example.com. 300 A 198.51.100.54\n"
#define WWW "an www.example.com. 60 A 198.51.100.80\nan www.example.com. 60 A 198.51.100.81\n"

struct row {
    const char *from, *name;
    uint16_t type;
    const char *expected;
};

static void rows_check(const struct row *rows, size_t count)
{
    struct scene *scene = scene_new();
    for (size_t i = 0; i < count; i++) {
        for (int tcp = 0; tcp < 2; tcp++) {
            scene_ask(scene, &(struct ask){.name = rows[i].name,
                                           .type = rows[i].type,
                                           .from = rows[i].from,
                                           .tcp = tcp});
            if (strcmp(scene_text(scene), rows[i].expected) != 0) {
                fail_msg("%s type %u from %s:\n%s--- expected\n%s", rows[i].name, rows[i].type,
                         rows[i].from ? rows[i].from : "outside", scene->text, rows[i].expected);
            }
        }
    }
    scene_free(scene);
}

#define CHECK(rows) rows_check(rows, sizeof(rows) / sizeof(*(rows)))

static void test_data(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, "www.example.com", TYPE_A, "NOERROR aa\n" WWW},
        {NULL, "txt.example.com", TYPE_TXT,
         "NOERROR aa\nan txt.example.com. 300 TXT \"hello\" \"world\"\n"},
        {NULL, "example.com", TYPE_SOA,
         "NOERROR aa\nan example.com. 300 SOA ns1.example.com. host.example.com. 1 2 3 4 60\n"},
        {NULL, "example.com", TYPE_NS,
         "NOERROR aa\nan example.com. 300 NS ns1.example.com.\n"
         "an example.com. 300 NS ns2.example.org.\n"
         "ad ns1.example.com. 300 A 198.51.100.1\nad ns1.example.com. 300 AAAA 2001:db8::1\n"},
        {NULL, "example.com", TYPE_MX,
         "NOERROR aa\nan example.com. 300 MX 10 mail.example.com.\n"
         "ad mail.example.com. 300 A 198.51.100.25\n"},
        {NULL, "_sip._tcp.example.com", TYPE_SRV,
         "NOERROR aa\nan _sip._tcp.example.com. 300 SRV 1 2 5060 mail.example.com.\n"
         "ad mail.example.com. 300 A 198.51.100.25\n"},
        {NULL, "p.example.com", TYPE_PTR,
         "NOERROR aa\nan p.example.com. 300 PTR www.example.com.\n"},
        {NULL, "unknown.example.com", 65280,
         "NOERROR aa\nan unknown.example.com. 300 TYPE65280 \\# 3 C00C01\n"},
        {NULL, "with\\.dot.example.com", TYPE_A,
         "NOERROR aa\nan with\\.dot.example.com. 300 A 198.51.100.30\n"},
        {NULL, "with.dot.example.com", TYPE_A, "NXDOMAIN aa\n" SOA_COM},
        {NULL, "zero\\000.example.com", TYPE_A,
         "NOERROR aa\nan zero\\000.example.com. 300 A 198.51.100.31\n"},
        {NULL, "zero.example.com", TYPE_A, "NXDOMAIN aa\n" SOA_COM},
    };
    CHECK(rows);
}

static void test_negative(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, "www.example.com", TYPE_MX, "NOERROR aa\n" SOA_COM},
        {NULL, "nothing.example.com", TYPE_A, "NXDOMAIN aa\n" SOA_COM},
        {NULL, "a.b.c.www.example.com", TYPE_A, "NXDOMAIN aa\n" SOA_COM},
        {NULL, "ent.example.com", TYPE_A, "NOERROR aa\n" SOA_COM},
        {NULL, "_tcp.example.com", TYPE_A, "NOERROR aa\n" SOA_COM},
        {NULL, "x.example.org", TYPE_A, "NXDOMAIN aa\n" SOA_ORG}, /* the lower of TTL and MINIMUM */
        {NULL, "example.net", TYPE_A, "REFUSED\n"},
        {NULL, "com", TYPE_A, "REFUSED\n"},
        {NULL, ".", TYPE_NS, "REFUSED\n"},
        {NULL, "x.broken.test", TYPE_A, "SERVFAIL\n"},
        {NULL, "broken.test", TYPE_SOA, "SERVFAIL\n"},
        {NULL, "example.com", TYPE_AXFR, "REFUSED\n"},
        {NULL, "example.com", TYPE_IXFR, "REFUSED\n"},
        {NULL, "example.com", TYPE_OPT, "FORMERR\n"},
        {NULL, "example.com", TYPE_MAILA, "NOERROR aa\n" SOA_COM},
        {NULL, "example.com", 0, "NOERROR aa\n" SOA_COM},
    };
    CHECK(rows);
}

static void test_wildcard(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, "x.wild.example.com", TYPE_A,
         "NOERROR aa\nan x.wild.example.com. 300 A 198.51.100.7\n"},
        {NULL, "x.y.wild.example.com", TYPE_A,
         "NOERROR aa\nan x.y.wild.example.com. 300 A 198.51.100.7\n"},
        {NULL, "x.wild.example.com", TYPE_MX,
         "NOERROR aa\nan x.wild.example.com. 300 MX 5 mail.example.com.\n"
         "ad mail.example.com. 300 A 198.51.100.25\n"},
        {NULL, "x.wild.example.com", TYPE_TXT, "NOERROR aa\n" SOA_COM},
        {NULL, "*.wild.example.com", TYPE_A,
         "NOERROR aa\nan *.wild.example.com. 300 A 198.51.100.7\n"},
        {NULL, "wild.example.com", TYPE_A, "NOERROR aa\n" SOA_COM},
        {NULL, "host.wild.example.com", TYPE_A, "NOERROR aa\n" SOA_COM},
        {NULL, "x.host.wild.example.com", TYPE_A, "NXDOMAIN aa\n" SOA_COM},
        {NULL, "x.walias.example.com", TYPE_A,
         "NOERROR aa\nan x.walias.example.com. 300 CNAME www.example.com.\n" WWW},
        {NULL, "x.walias.example.com", TYPE_CNAME,
         "NOERROR aa\nan x.walias.example.com. 300 CNAME www.example.com.\n"},
        /* `*` is an empty non-terminal, and yet it stands in for what does not exist. */
        {NULL, "y.star.example.com", TYPE_A, "NOERROR aa\n" SOA_COM},
        {NULL, "x.y.star.example.com", TYPE_TXT, "NOERROR aa\n" SOA_COM},
        {NULL, "x.*.star.example.com", TYPE_TXT,
         "NOERROR aa\nan x.*.star.example.com. 300 TXT \"x\"\n"},
    };
    CHECK(rows);
}

static void test_alias(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, "alias.example.com", TYPE_A,
         "NOERROR aa\nan alias.example.com. 300 CNAME www.example.com.\n" WWW},
        {NULL, "alias.example.com", TYPE_CNAME,
         "NOERROR aa\nan alias.example.com. 300 CNAME www.example.com.\n"},
        {NULL, "alias.example.com", TYPE_MX,
         "NOERROR aa\nan alias.example.com. 300 CNAME www.example.com.\n" SOA_COM},
        {NULL, "far.example.com", TYPE_A,
         "NOERROR aa\nan far.example.com. 300 CNAME www.example.org.\n"
         "an www.example.org. 300 A 198.51.100.90\n"},
        {NULL, "far.example.com", TYPE_TXT,
         "NOERROR aa\nan far.example.com. 300 CNAME www.example.org.\n" SOA_ORG},
        {NULL, "out.example.com", TYPE_A,
         "NOERROR aa\nan out.example.com. 300 CNAME www.elsewhere.test.\n"},
        {NULL, "nx.example.com", TYPE_A,
         "NXDOMAIN aa\nan nx.example.com. 300 CNAME nothing.example.com.\n" SOA_COM},
        {NULL, "toent.example.com", TYPE_A,
         "NOERROR aa\nan toent.example.com. 300 CNAME ent.example.com.\n" SOA_COM},
        {NULL, "tosub.example.com", TYPE_A,
         "NOERROR aa\nan tosub.example.com. 300 CNAME x.sub.example.com.\n" SUB_NS SUB_GLUE},
        {NULL, "loop.example.com", TYPE_A,
         "NOERROR aa\nan loop.example.com. 300 CNAME loop2.example.com.\n"
         "an loop2.example.com. 300 CNAME loop.example.com.\n"},
        {NULL, "self.example.com", TYPE_A,
         "NOERROR aa\nan self.example.com. 300 CNAME self.example.com.\n"},
    };
    CHECK(rows);
}

static void test_dname(void **state)
{
    (void)state;
#define DN "an dn.example.com. 300 DNAME example.org.\n"
    static const struct row rows[] = {
        {NULL, "www.dn.example.com", TYPE_A,
         "NOERROR aa\n" DN "an www.dn.example.com. 300 CNAME www.example.org.\n"
         "an www.example.org. 300 A 198.51.100.90\n"},
        {NULL, "x.dn.example.com", TYPE_A,
         "NXDOMAIN aa\n" DN "an x.dn.example.com. 300 CNAME x.example.org.\n" SOA_ORG},
        {NULL, "www.dn.example.com", TYPE_CNAME,
         "NOERROR aa\n" DN "an www.dn.example.com. 300 CNAME www.example.org.\n"},
        {NULL, "dn.example.com", TYPE_DNAME, "NOERROR aa\n" DN},
        {NULL, "dn.example.com", TYPE_A, "NOERROR aa\n" SOA_COM},
        {NULL, "todn.example.com", TYPE_A,
         "NOERROR aa\nan todn.example.com. 300 CNAME www.dn.example.com.\n" DN
         "an www.dn.example.com. 300 CNAME www.example.org.\n"
         "an www.example.org. 300 A 198.51.100.90\n"},
        {NULL, "a.self2.example.com", TYPE_A,
         "NOERROR aa\nan self2.example.com. 300 DNAME self2.example.com.\n"
         "an a.self2.example.com. 300 CNAME a.self2.example.com.\n"},
    };
    CHECK(rows);
}

/* RFC 6672 2.2: 58 bytes and the target of 198 no longer fit into 255. */
static void test_dname_too_long(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    char name[128];
    for (int len = 40; len <= 63; len++) {
        snprintf(name, sizeof(name), "%.*s.long.example.com", len,
                 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        scene_ask(scene, &(struct ask){.name = name, .type = TYPE_A, .tcp = true});
        bool fits = 1 + len + 3 * 64 + 5 + 1 <= 255;
        assert_int_equal(packet_rcode(&scene->reply), fits ? RCODE_NOERROR : RCODE_YXDOMAIN);
        assert_int_equal(packet_count(&scene->reply, 0, TYPE_DNAME), 1);
        assert_int_equal(packet_count(&scene->reply, 0, TYPE_CNAME), fits);
        assert_true(scene->reply.flags & 0x0400);
    }
    scene_free(scene);
}

static void test_dname_that_grows_ends(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene_ask(scene, &(struct ask){.name = "x.dnloop.example.com", .type = TYPE_A, .tcp = true});
    assert_true(packet_count(&scene->reply, 0, TYPE_CNAME) <= LIMIT_CHAIN);
    assert_true(packet_count(&scene->reply, 0, TYPE_CNAME) > 1);
    scene_free(scene);
}

static void test_chain_of_sixteen(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    for (unsigned links = 14; links <= 17; links++) {
        char name[32];
        snprintf(name, sizeof(name), "c%u.example.com", 18 - links);
        scene_ask(scene, &(struct ask){.name = name, .type = TYPE_A});
        bool followed = links <= LIMIT_CHAIN;
        assert_int_equal(packet_count(&scene->reply, 0, TYPE_CNAME),
                         followed ? links : LIMIT_CHAIN);
        assert_int_equal(packet_count(&scene->reply, 0, TYPE_A), followed);
        assert_int_equal(packet_rcode(&scene->reply), RCODE_NOERROR);
    }
    scene_free(scene);
}

static void test_referral(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, "sub.example.com", TYPE_A, "NOERROR\n" SUB_NS SUB_GLUE},
        {NULL, "sub.example.com", TYPE_NS, "NOERROR\n" SUB_NS SUB_GLUE},
        {NULL, "sub.example.com", TYPE_ANY, "NOERROR\n" SUB_NS SUB_GLUE},
        {NULL, "a.b.sub.example.com", TYPE_TXT, "NOERROR\n" SUB_NS SUB_GLUE},
        {NULL, "ns.sub.example.com", TYPE_A, "NOERROR\n" SUB_NS SUB_GLUE},
        {NULL, "x.sub.example.com", TYPE_DS, "NOERROR\n" SUB_NS SUB_GLUE},
        {NULL, "sib.example.com", TYPE_A,
         "NOERROR\nau sib.example.com. 300 NS ns.sib.example.com.\n"
         "ad ns.sib.example.com. 300 A 198.51.100.54\n"},
        {NULL, "sub.example.com", TYPE_DS,
         "NOERROR aa\nan sub.example.com. 300 DS 1 13 2 "
         "00000000000000000000000000000000000000000000000000000000000000AA\n"},
        {NULL, "sib.example.com", TYPE_DS, "NOERROR aa\n" SOA_COM},
    };
    CHECK(rows);
}

static void test_referral_gives_ds_to_those_who_understand(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene_ask(scene, &(struct ask){.name = "x.sub.example.com",
                                   .type = TYPE_A,
                                   .edns = true,
                                   .payload = 1232,
                                   .dnssec_ok = true});
    assert_int_equal(packet_count(&scene->reply, 1, TYPE_DS), 1);
    assert_int_equal(packet_count(&scene->reply, 1, TYPE_NS), 2);
    assert_int_equal(scene->outcome.kind, ANSWER_REFERRAL);
    scene_free(scene);
}

static void test_any_is_one_set(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, "mixed.example.com", TYPE_ANY,
         "NOERROR aa\nan mixed.example.com. 300 MX 1 mail.example.com.\n"
         "an mixed.example.com. 300 MX 2 www.example.com.\n"
         "ad mail.example.com. 300 A 198.51.100.25\n"
         "ad www.example.com. 60 A 198.51.100.80\nad www.example.com. 60 A 198.51.100.81\n"},
        {NULL, "www.example.com", TYPE_ANY, "NOERROR aa\n" WWW},
        {NULL, "alias.example.com", TYPE_ANY,
         "NOERROR aa\nan alias.example.com. 300 CNAME www.example.com.\n"},
        {NULL, "ent.example.com", TYPE_ANY, "NOERROR aa\n" SOA_COM},
        {NULL, "nothing.example.com", TYPE_ANY, "NXDOMAIN aa\n" SOA_COM},
    };
    CHECK(rows);
}

static void test_each_view_has_its_own(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {IN, "www.example.com", TYPE_A, "NOERROR aa\nan www.example.com. 20 A 10.0.1.80\n"},
        {"2001:db8:10::1", "www.example.com", TYPE_A,
         "NOERROR aa\nan www.example.com. 20 A 10.0.1.80\n"},
        {"2001:db8:11::1", "www.example.com", TYPE_A, "NOERROR aa\n" WWW},
        {IN, "alias.example.com", TYPE_A,
         "NOERROR aa\nan alias.example.com. 300 CNAME www.example.com.\n"
         "an www.example.com. 20 A 10.0.1.80\n"},
        {IN, "debug.example.com", TYPE_A, "NOERROR aa\nan debug.example.com. 20 A 10.0.1.99\n"},
        {NULL, "debug.example.com", TYPE_A, "NXDOMAIN aa\n" SOA_COM},
        {IN, "mail.example.com", TYPE_A, "NXDOMAIN aa\n" SOA_COM},
        {IN, "example.com", TYPE_MX, "NOERROR aa\nan example.com. 300 MX 10 mail.example.com.\n"},
        {IN, "git.corp.example.com", TYPE_A,
         "NOERROR aa\nan git.corp.example.com. 300 A 10.0.3.80\n"},
        {NULL, "git.corp.example.com", TYPE_A, "NXDOMAIN aa\n" SOA_COM},
        /* DS of a zone's apex is the parent's, where we serve the parent. */
        {IN, "corp.example.com", TYPE_DS, "NXDOMAIN aa\n" SOA_COM},
        {IN, "corp.example.com", TYPE_A,
         "NOERROR aa\nau corp.example.com. 60 SOA ns1.corp.example.com. host.corp.example.com. "
         "9 2 3 4 60\n"},
    };
    CHECK(rows);
}

static void test_no_view_is_refused(void **state)
{
    (void)state;
    struct scene *scene = scene_new_empty(1 << 20);
    world_view(&scene->world, "only", "10.0.0.0/8");
    world_zone(&scene->world, "example.com.", VIEWS_ALL,
               "@ SOA a b 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n");
    scene_serve(scene);
    scene_ask(scene, &(struct ask){.name = "example.com", .type = TYPE_SOA, .edns = true});
    assert_string_equal(scene_text(scene), "REFUSED\n");
    assert_int_equal(scene->outcome.view, VIEW_NONE);
    uint16_t len;
    const uint8_t *ede = packet_option(&scene->reply, 15, &len);
    assert_non_null(ede);
    assert_int_equal(len, 2);
    assert_int_equal(ede[1], EDE_PROHIBITED);
    scene_free(scene);
}

/* RFC 6604 2.1 and 3: the rcode is the last link's; a link into a zone without data says SERVFAIL.
 */
static void test_alias_into_unloaded_zone(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene_ask(scene, &(struct ask){.name = "dead.example.com", .type = TYPE_A, .edns = true});
    assert_int_equal(packet_rcode(&scene->reply), RCODE_SERVFAIL);
    uint16_t len;
    const uint8_t *ede = packet_option(&scene->reply, 15, &len);
    assert_non_null(ede);
    assert_int_equal(ede[1], EDE_NOT_READY);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_negative),
        cmocka_unit_test(test_wildcard),
        cmocka_unit_test(test_alias),
        cmocka_unit_test(test_dname),
        cmocka_unit_test(test_dname_too_long),
        cmocka_unit_test(test_dname_that_grows_ends),
        cmocka_unit_test(test_chain_of_sixteen),
        cmocka_unit_test(test_referral),
        cmocka_unit_test(test_referral_gives_ds_to_those_who_understand),
        cmocka_unit_test(test_any_is_one_set),
        cmocka_unit_test(test_each_view_has_its_own),
        cmocka_unit_test(test_no_view_is_refused),
        cmocka_unit_test(test_alias_into_unloaded_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
