/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Room: what fits to the byte, what is left out first, what sets TC, how names are compressed, and
 * replies of up to 64 KB whose ends no compression pointer reaches.
 *
 * links: control
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/answer/scene.h"

#include "answer/walk.h"
#include "dns/message.h"

#include <stdio.h>

enum {
    TEXT_BYTES = 1 << 20,
    WORLD_BYTES = 8 << 20,
    POINTER_REACH = 0x3fff,
    MOST_TCP_A = 65000 / 16, /* what LIMIT_RRSET_BYTES lets into one set */
};

struct zone_text {
    char *text;
    size_t len;
};

static struct zone_text text_new(void)
{
    struct zone_text zone = {.text = malloc(TEXT_BYTES)};
    assert_non_null(zone.text);
    zone.len = (size_t)snprintf(zone.text, TEXT_BYTES, "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS ns1\n");
    return zone;
}

__attribute__((format(printf, 2, 3))) static void add(struct zone_text *zone, const char *format,
                                                      ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(zone->text + zone->len, TEXT_BYTES - zone->len, format, args);
    va_end(args);
    assert_true(len > 0 && zone->len + (size_t)len < TEXT_BYTES);
    zone->len += (size_t)len;
}

static void add_addresses(struct zone_text *zone, const char *owner, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        add(zone, "%s A 198.51.%u.%u\n", owner, i / 256, i % 256);
    }
}

/* One view, one zone example.com. of this text. */
static struct scene *scene_of(struct zone_text *zone)
{
    struct scene *scene = scene_new_empty(WORLD_BYTES);
    world_view(&scene->world, "all", NULL);
    world_zone(&scene->world, "example.com.", VIEWS_ALL, zone->text);
    scene->world.scope.udp_payload = 4096;
    scene_serve(scene);
    return scene;
}

static void scene_end(struct scene *scene, struct zone_text *zone)
{
    scene_free(scene);
    free(zone->text);
}

static void ask_udp(struct scene *scene, const char *name, uint16_t type, uint16_t payload)
{
    scene_ask(scene,
              &(struct ask){.name = name, .type = type, .edns = payload > 0, .payload = payload});
    assert_true(scene->len <= (payload < 512 ? 512 : payload));
}

static void ask_tcp(struct scene *scene, const char *name, uint16_t type)
{
    scene_ask(scene, &(struct ask){.name = name, .type = type, .tcp = true});
}

static bool truncated(const struct scene *scene)
{
    assert_int_equal(!!(scene->reply.flags & FLAG_TC), scene->outcome.truncated);
    return scene->outcome.truncated;
}

/* 12 header, 17 + 4 question for m.example.com; each A 16, each TXT of n bytes 13 + n; OPT 11. */
static void test_addresses_fit_to_the_byte(void **state)
{
    (void)state;
    struct zone_text zone = text_new();
    add_addresses(&zone, "m", 40);
    struct scene *scene = scene_of(&zone);
    size_t whole = 12 + 15 + 4 + 40 * 16 + 11;
    ask_udp(scene, "m.example.com", TYPE_A, (uint16_t)whole);
    assert_int_equal(scene->len, whole);
    assert_false(truncated(scene));
    assert_int_equal(scene->reply.counts[1], 40);
    ask_udp(scene, "m.example.com", TYPE_A, (uint16_t)(whole - 1));
    assert_true(truncated(scene));
    assert_int_equal(scene->reply.counts[1], 39);
    assert_non_null(packet_opt(&scene->reply));
    ask_udp(scene, "m.example.com", TYPE_A, 0);
    assert_true(truncated(scene));
    assert_int_equal(scene->reply.counts[1], (512 - 31) / 16);
    scene_end(scene, &zone);
}

static void test_each_kind_of_record_fits_to_the_byte(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t type;
        unsigned records; /* answer, or authority of a referral, all needed */
    } rows[] = {
        {"txt.example.com", TYPE_TXT, 3}, {"v6.example.com", TYPE_AAAA, 24},
        {"mx.example.com", TYPE_MX, 24},  {"srv.example.com", TYPE_SRV, 15},
        {"out.example.com", TYPE_MX, 20}, {"x.sub.example.com", TYPE_A, 14},
        {"c1.example.com", TYPE_A, 9},    {"none.c9.example.com", TYPE_A, 1},
    };
    struct zone_text zone = text_new();
    for (unsigned i = 0; i < 3; i++) {
        add(&zone, "txt TXT \"%u%0180u\"\n", i, 0);
    }
    for (unsigned i = 0; i < 24; i++) {
        add(&zone, "v6 AAAA 2001:db8::%x\nmx MX %u target%u\n", i, i, i);
    }
    for (unsigned i = 0; i < 15; i++) {
        add(&zone, "srv SRV %u 1 1 a-target-of-some-length-%u.elsewhere.test.\n", i, i);
    }
    for (unsigned i = 0; i < 20; i++) {
        add(&zone, "out MX %u host%u.test%u.\n", i, i, i);
    }
    for (unsigned i = 0; i < 14; i++) {
        add(&zone, "sub NS ns%u.sub\nns%u.sub A 198.51.100.%u\n", i, i, i);
    }
    for (unsigned i = 1; i < 9; i++) {
        add(&zone, "c%u CNAME c%u\n", i, i + 1);
    }
    add_addresses(&zone, "c9", 1);
    struct scene *scene = scene_of(&zone);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        ask_udp(scene, rows[i].name, rows[i].type, 4096);
        assert_false(truncated(scene));
        size_t whole = scene->len;
        unsigned records = scene->reply.counts[1] + scene->reply.counts[2];
        if (rows[i].records != records) {
            fail_msg("%s: %u records", rows[i].name, records);
        }
        if (whole <= 512) {
            continue;
        }
        ask_udp(scene, rows[i].name, rows[i].type, (uint16_t)whole);
        assert_false(truncated(scene));
        assert_int_equal(scene->len, whole);
        ask_udp(scene, rows[i].name, rows[i].type, (uint16_t)(whole - 1));
        assert_true(truncated(scene));
        assert_true(scene->len < whole);
    }
    scene_end(scene, &zone);
}

/* Additional addresses that nobody needs are left out, whole sets of them, without TC. */
static void test_optional_addresses_are_left_out(void **state)
{
    (void)state;
    struct zone_text zone = text_new();
    add(&zone, "m MX 1 t1\nm MX 2 t2\n");
    add_addresses(&zone, "t1", 10);
    add_addresses(&zone, "t2", 20);
    struct scene *scene = scene_of(&zone);
    ask_tcp(scene, "m.example.com", TYPE_MX);
    assert_int_equal(packet_count(&scene->reply, 2, TYPE_A), 30);
    ask_udp(scene, "m.example.com", TYPE_MX, 0);
    assert_false(truncated(scene));
    assert_int_equal(packet_count(&scene->reply, 0, TYPE_MX), 2);
    unsigned addresses = packet_count(&scene->reply, 2, TYPE_A);
    assert_true(addresses == 10 || addresses == 20);
    ask_udp(scene, "m.example.com", TYPE_MX, 600);
    assert_false(truncated(scene));
    scene_end(scene, &zone);
}

/* RFC 9471 3.1: glue below the cut must be whole, or TC; sibling glue may go. */
static void test_referral_without_room_for_glue(void **state)
{
    (void)state;
    struct zone_text zone = text_new();
    add(&zone, "sub NS ns.sub\nsub NS ns.sib\nsib NS ns.sib\n");
    add_addresses(&zone, "ns.sub", 20);
    add_addresses(&zone, "ns.sib", 20);
    struct scene *scene = scene_of(&zone);
    ask_udp(scene, "x.sub.example.com", TYPE_A, 512);
    assert_false(truncated(scene)); /* the first 20 fit, the siblings do not */
    assert_int_equal(packet_count(&scene->reply, 2, TYPE_A), 20);
    scene_end(scene, &zone);

    zone = text_new();
    add(&zone, "sub NS ns.sub\n");
    add_addresses(&zone, "ns.sub", 40);
    scene = scene_of(&zone);
    ask_udp(scene, "x.sub.example.com", TYPE_A, 512);
    assert_true(truncated(scene));
    assert_int_equal(packet_count(&scene->reply, 1, TYPE_NS), 1);
    ask_tcp(scene, "x.sub.example.com", TYPE_A);
    assert_false(truncated(scene));
    assert_int_equal(packet_count(&scene->reply, 2, TYPE_A), 40);
    scene_end(scene, &zone);
}

/* Glue for a set that is cut already would cost time and help nobody. */
static void test_referral_that_is_cut_has_no_glue(void **state)
{
    (void)state;
    struct zone_text zone = text_new();
    for (unsigned i = 0; i < 700; i++) {
        add(&zone, "sub NS ns%u.sub\nns%u.sub A 198.51.100.1\n", i, i);
    }
    struct scene *scene = scene_of(&zone);
    ask_udp(scene, "x.sub.example.com", TYPE_A, 512);
    assert_true(truncated(scene));
    assert_true(packet_count(&scene->reply, 1, TYPE_NS) > 10);
    assert_int_equal(packet_count(&scene->reply, 2, TYPE_A), 0);
    ask_tcp(scene, "x.sub.example.com", TYPE_A);
    assert_false(truncated(scene));
    assert_int_equal(packet_count(&scene->reply, 1, TYPE_NS), 700);
    assert_int_equal(packet_count(&scene->reply, 2, TYPE_A), 700);
    scene_end(scene, &zone);
}

static void test_600_addresses_over_tcp(void **state)
{
    (void)state;
    struct zone_text zone = text_new();
    add_addresses(&zone, "m", 600);
    struct scene *scene = scene_of(&zone);
    ask_tcp(scene, "m.example.com", TYPE_A);
    assert_false(truncated(scene));
    assert_int_equal(scene->reply.counts[1], 600);
    assert_int_equal(scene->len, 12 + 19 + 600 * 16);
    scene_end(scene, &zone);
}

/* The largest set that a name may have fits a TCP reply with everything around it. */
static void test_largest_set_fits_tcp(void **state)
{
    (void)state;
    struct zone_text zone = text_new();
    add_addresses(&zone, "m", MOST_TCP_A);
    for (unsigned i = 0; i < 4; i++) {
        add(&zone, "c%u CNAME %s\n", i, i == 3 ? "m" : (const char *[]){"c1", "c2", "c3"}[i]);
    }
    struct scene *scene = scene_of(&zone);
    scene_ask(
        scene,
        &(struct ask){
            .name = "c0.example.com", .type = TYPE_A, .tcp = true, .edns = true, .payload = 512});
    assert_false(truncated(scene));
    assert_int_equal(packet_count(&scene->reply, 0, TYPE_A), MOST_TCP_A);
    assert_int_equal(packet_count(&scene->reply, 0, TYPE_CNAME), 4);
    assert_non_null(packet_opt(&scene->reply));
    scene_end(scene, &zone);
}

/* A set that no reply could hold is refused at load, and the zone says so. */
static void test_larger_set_is_refused(void **state)
{
    (void)state;
    struct zone_text zone = text_new();
    add_addresses(&zone, "m", MOST_TCP_A + 1);
    struct scene *scene = scene_new_empty(WORLD_BYTES);
    world_view(&scene->world, "all", NULL);
    world_zone(&scene->world, "example.com.", VIEWS_ALL, zone.text);
    struct diag_list diags;
    diag_init(&diags, &ALLOC_MALLOC);
    world_serve(&scene->world, &diags);
    assert_int_equal(scene->world.refused, 1);
    assert_true(diags.errors > 0);
    diag_deinit(&diags);
    scene_end(scene, &zone);
}

/* Names and owners beyond 0x3fff: no pointer may lead there, so they are written out. */
static void test_beyond_the_reach_of_pointers(void **state)
{
    (void)state;
    struct zone_text zone = text_new();
    for (unsigned i = 0; i < 600; i++) {
        add(&zone, "m MX %u target-of-some-length-%u\n", i, i);
        add(&zone, "target-of-some-length-%u A 198.51.100.%u\n", i, i % 256);
        if (i % 100 < 5 || i > 580) {
            add(&zone, "target-of-some-length-%u A 198.51.101.%u\n", i, i % 256);
            add(&zone, "target-of-some-length-%u AAAA 2001:db8::%x\n", i, i);
        }
    }
    struct scene *scene = scene_of(&zone);
    ask_tcp(scene, "m.example.com", TYPE_MX);
    assert_false(truncated(scene));
    assert_true(scene->reply.records[599].start > POINTER_REACH);
    assert_int_equal(scene->reply.counts[1], 600);
    assert_int_equal(packet_count(&scene->reply, 2, TYPE_A), 600 + 30 + 19);
    assert_int_equal(packet_count(&scene->reply, 2, TYPE_AAAA), 30 + 19);
    for (uint32_t i = scene->reply.counts[1]; i < scene->reply.record_count; i++) {
        char owner[NAME_TEXT_MAX];
        name_to_text(scene->reply.records[i].owner, owner);
        assert_int_equal(strncmp(owner, "target-of-some-length-", 22), 0);
        unsigned number = (unsigned)strtoul(owner + 22, NULL, 10);
        const uint8_t *end = scene->wire + scene->reply.records[i].at + scene->reply.records[i].len;
        assert_int_equal(end[-1], number % 256);
    }
    scene_end(scene, &zone);
}

/* Around the edge itself: names that begin within reach and end beyond it. */
static void test_around_the_edge_of_reach(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < 40; shift++) {
        struct zone_text zone = text_new();
        add(&zone, "m MX 0 %.*s.first.test.\n", (int)shift + 1,
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        for (unsigned i = 0; i < 520; i++) { /* names that share no end with any other */
            add(&zone, "m MX %u a.long-label-%u.tld%u.\n", i + 1, i, i);
        }
        add(&zone, "m MX 999 b.long-label-519.tld519.\nm MX 999 c.tld400.\nm MX 999 tld401.\n");
        struct scene *scene = scene_of(&zone);
        ask_tcp(scene, "m.example.com", TYPE_MX);
        assert_false(truncated(scene));
        assert_int_equal(scene->reply.counts[1], 524);
        assert_true(scene->len > POINTER_REACH);
        scene_end(scene, &zone);
    }
}

/* Every name of a reply is either a pointer or ends in one where its end stood before. */
static void test_names_are_compressed(void **state)
{
    (void)state;
    struct zone_text zone = text_new();
    add(&zone, "m MX 1 mail\nm MX 2 a.b.mail\nm MX 3 x.other.test.\nm MX 4 y.other.test.\n"
               "mail A 198.51.100.1\n");
    struct scene *scene = scene_of(&zone);
    ask_tcp(scene, "m.example.com", TYPE_MX);
    const struct packet_record *records = scene->reply.records;
    assert_int_equal(scene->reply.counts[1], 4);
    assert_int_equal(records[0].len, 2 + 5 + 2);               /* mail, pointer */
    assert_in_range(records[1].len, 2 + 4 + 2, 2 + 4 + 5 + 2); /* a, b, (mail,) pointer */
    assert_int_equal(records[2].len, 2 + 2 + 6 + 5 + 1);       /* nothing to share */
    assert_int_equal(records[3].len, 2 + 2 + 2);               /* y, pointer to other.test */
    assert_int_equal(packet_count(&scene->reply, 2, TYPE_A), 1);
    assert_int_equal(records[4].at - records[4].start, 12); /* owner is a pointer */
    scene_end(scene, &zone);
}

/* SRV, HTTPS and DNAME data are never compressed (RFC 3597 4, 9460 2.2); the reader insists. */
static void test_newer_types_are_not_compressed(void **state)
{
    (void)state;
    struct zone_text zone = text_new();
    add(&zone, "s SRV 1 2 3 s\nh HTTPS 1 h\nd DNAME example.com.\n");
    struct scene *scene = scene_of(&zone);
    ask_tcp(scene, "s.example.com", TYPE_SRV);
    assert_int_equal(scene->reply.records[0].len, 6 + 15);
    ask_tcp(scene, "h.example.com", TYPE_HTTPS);
    assert_int_equal(scene->reply.records[0].len, 2 + 15);
    ask_tcp(scene, "d.example.com", TYPE_DNAME);
    assert_int_equal(scene->reply.records[0].len, 13);
    scene_end(scene, &zone);
}

/* EDNS options come before records, EDE only where there is room left. */
static void test_payload_is_between_512_and_ours(void **state)
{
    (void)state;
    struct zone_text zone = text_new();
    add_addresses(&zone, "m", 400);
    struct scene *scene = scene_of(&zone);
    static const struct {
        uint16_t theirs, ours, limit;
    } rows[] = {{1, 1232, 512},      {511, 1232, 512},    {512, 1232, 512},
                {513, 1232, 513},    {1231, 1232, 1231},  {1233, 1232, 1232},
                {65535, 1232, 1232}, {65535, 4096, 4096}, {4096, 512, 512}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        scene->world.scope.udp_payload = rows[i].ours;
        scene_ask(scene, &(struct ask){.name = "m.example.com",
                                       .type = TYPE_A,
                                       .edns = true,
                                       .payload = rows[i].theirs});
        assert_true(truncated(scene));
        assert_true(scene->len <= rows[i].limit && scene->len > rows[i].limit - 16u);
        assert_int_equal(packet_opt(&scene->reply)->class, rows[i].ours);
    }
    scene_end(scene, &zone);
}

/* What the walk writes when it may use this many bytes; reads strictly, whatever is missing. */
static bool walk_within(struct scene *scene, const struct ask *ask, size_t limit)
{
    uint8_t wire[512];
    struct query query;
    struct reply reply;
    struct walk_result result;
    size_t len = scene_query(ask, wire);
    assert_int_equal(query_read(wire, len, &query), QUERY_OK);
    memset(scene->wire, 0x5a, 4096);
    memcpy(scene->wire, wire, len);
    reply_init(&reply, scene->wire, len, limit);
    walk_answer(scene->world.snapshot, 1, &query, &(struct walk_draw){0}, &reply, &result, NULL,
                NULL);
    assert_true(reply.len <= limit);
    for (size_t i = limit; i < 4096; i++) {
        assert_int_equal(scene->wire[i], 0x5a);
    }
    for (unsigned i = 0; i < 3; i++) {
        wire_write16(scene->wire + 6 + 2 * i, reply.counts[i]);
    }
    scene->len = reply.len;
    if (!packet_read(&scene->reply, scene->wire, scene->len)) {
        fail_msg("%s in %zu bytes: %s", ask->name, limit, scene->reply.fault);
    }
    return !result.truncated;
}

/* Every limit, far below what the protocol knows, for every kind of answer: a reply that says it is
 * whole has all answer and authority records, and one that is not says so. */
static void test_every_limit(void **state)
{
    (void)state;
    static const struct ask asks[] = {
        {.name = "www.example.com", .type = TYPE_A},
        {.name = "example.com", .type = TYPE_NS},
        {.name = "nx.example.com", .type = TYPE_A},
        {.name = "www.dn.example.com", .type = 1},
        {.name = "x.sub.example.com", .type = TYPE_A},
        {.name = "example.com", .type = TYPE_SOA},
        {.name = "loop.example.com", .type = TYPE_A},
        {.name = "txt.example.com", .type = 16},
        {.name = "c3.example.com", .type = TYPE_A},
        {.name = "x.wild.example.com", .type = 15},
        {.name = "svc2.example.com", .type = TYPE_HTTPS},
        {.name = "tosub.example.com", .type = 1},
        {.name = "_sip._tcp.example.com", .type = TYPE_SRV},
        {.name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.long.example.com",
         .type = TYPE_A},
    };
    struct scene *scene = scene_new();
    for (size_t i = 0; i < sizeof(asks) / sizeof(*asks); i++) {
        uint8_t wire[512];
        size_t least = scene_query(&asks[i], wire);
        assert_true(walk_within(scene, &asks[i], 4096));
        size_t whole = scene->len;
        unsigned answers = scene->reply.counts[1], authorities = scene->reply.counts[2];
        for (size_t limit = least; limit < whole; limit++) {
            bool complete = walk_within(scene, &asks[i], limit);
            bool all = scene->reply.counts[1] == answers && scene->reply.counts[2] == authorities;
            assert_true(!complete || all);
            assert_true(limit > least || !complete);
        }
        assert_true(walk_within(scene, &asks[i], whole));
        assert_int_equal(scene->len, whole);
    }
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_fit_to_the_byte),
        cmocka_unit_test(test_each_kind_of_record_fits_to_the_byte),
        cmocka_unit_test(test_optional_addresses_are_left_out),
        cmocka_unit_test(test_referral_without_room_for_glue),
        cmocka_unit_test(test_referral_that_is_cut_has_no_glue),
        cmocka_unit_test(test_600_addresses_over_tcp),
        cmocka_unit_test(test_largest_set_fits_tcp),
        cmocka_unit_test(test_larger_set_is_refused),
        cmocka_unit_test(test_beyond_the_reach_of_pointers),
        cmocka_unit_test(test_around_the_edge_of_reach),
        cmocka_unit_test(test_names_are_compressed),
        cmocka_unit_test(test_newer_types_are_not_compressed),
        cmocka_unit_test(test_payload_is_between_512_and_ours),
        cmocka_unit_test(test_every_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
