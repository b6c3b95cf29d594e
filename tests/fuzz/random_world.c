/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "random_world.h"

#include "base/random.h"
#include "query_maker.h"

#include <stdio.h>

enum {
    WORLD_BYTES = 2 << 20,
    TEXT_BYTES = 256 * 1024,
    EDIT_TEXT_BYTES = 512,
    OWNERS = 24,
    NAME_WORDS = 4,
};

static const char *const ORIGINS[] = {"example.",   "sub.example.", "org.",
                                      "b.example.", "c.org.",       "."};

enum {
    ORIGIN_COUNT = sizeof(ORIGINS) / sizeof(*ORIGINS)
};

struct made {
    struct world world;
    char texts[WORLD_ZONES][TEXT_BYTES];
    char edits[WORLD_ZONES][WORLD_EDITS][EDIT_TEXT_BYTES];
};

/* What is being written: a text, for everyone or for one view. */
struct maker {
    struct random random;
    char *text;
    size_t len, size;
    unsigned views, tag; /* tag VIEW_NONE: everyone sees it */
};

static unsigned pick(struct maker *maker, unsigned bound)
{
    return (unsigned)random_below(&maker->random, bound);
}

__attribute__((format(printf, 2, 3))) static void say(struct maker *maker, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(maker->text + maker->len, maker->size - maker->len, format, args);
    va_end(args);
    ASSERT(len >= 0);
    if (maker->len + (size_t)len < maker->size) {
        maker->len += (size_t)len;
    } else {
        maker->text[maker->len] = '\0'; /* full: the record is left out */
    }
}

/* Some words and an origin. */
static void random_name(struct maker *maker, const char *origin, unsigned words, char *out)
{
    size_t at = 0;
    for (; words > 0; words--) {
        /* The first words of the list are the likely ones. */
        const char *word = word_text[pick(maker, 1 + pick(maker, WORDS))];
        size_t len = strlen(word);
        memcpy(out + at, word, len);
        at += len;
        out[at++] = '.';
    }
    at -= at > 0 && origin[0] == '.';
    memcpy(out + at, origin, strlen(origin) + 1);
}

static void random_target(struct maker *maker, char *out)
{
    random_name(maker, ORIGINS[pick(maker, ORIGIN_COUNT)], pick(maker, NAME_WORDS), out);
}

static void say_address(struct maker *maker, const char *owner, bool v6)
{
    unsigned tagged = maker->tag != VIEW_NONE;
    if (v6) {
        say(maker, "%s AAAA 2001:db8:%x::%x\n", owner, tagged ? maker->tag : 0x5133u,
            pick(maker, 65536));
    } else {
        say(maker, "%s A %u.%u.%u.%u\n", owner, tagged ? (unsigned)WORLD_TAGGED : 198u,
            tagged ? maker->tag : 51u, pick(maker, 256), pick(maker, 256));
    }
}

static void say_text(struct maker *maker, const char *owner)
{
    char filler[200];
    memset(filler, 't', sizeof(filler));
    say(maker, "%s TXT", owner);
    for (unsigned i = 1 + pick(maker, 3); i > 0; i--) {
        say(maker, " \"%.*s\"", (int)pick(maker, sizeof(filler)), filler);
    }
    say(maker, "\n");
}

static void say_data(struct maker *maker, const char *owner)
{
    char target[NAME_TEXT_MAX];
    random_target(maker, target);
    switch (pick(maker, 12)) {
    case 0:
        say(maker, "%s MX %u %s\n", owner, pick(maker, 3), target);
        break;
    case 1:
        say(maker, "%s SRV 1 2 %u %s\n", owner, pick(maker, 3), target);
        break;
    case 2:
        say(maker, "%s HTTPS 1 %s alpn=h2\n", owner, target);
        break;
    case 3:
        say(maker, "%s SVCB 0 %s\n", owner, target);
        break;
    case 4:
        say(maker, "%s PTR %s\n", owner, target);
        break;
    case 5:
        say(maker, "%s TYPE65280 \\# 3 c00c%02x\n", owner, pick(maker, 256));
        break;
    case 6:
        say_text(maker, owner);
        break;
    case 7:
        for (unsigned i = pick(maker, 60); i > 0; i--) {
            say_address(maker, owner, false);
        }
        break;
    default:
        say_address(maker, owner, pick(maker, 2));
    }
}

static void say_delegation(struct maker *maker, const char *owner)
{
    for (unsigned i = 1 + pick(maker, 4); i > 0; i--) {
        char target[NAME_TEXT_MAX];
        if (pick(maker, 2)) {
            random_name(maker, owner, 1 + pick(maker, 2), target);
            say_address(maker, target, pick(maker, 2));
        } else {
            random_target(maker, target);
        }
        say(maker, "%s NS %s\n", owner, target);
    }
    if (pick(maker, 3) == 0) {
        say(maker, "%s DS 1 13 2 %064x\n", owner, pick(maker, 1000));
    }
}

/* So many names that a reply over TCP goes beyond what compression pointers reach. */
static void say_many(struct maker *maker, const char *owner)
{
    bool delegation = pick(maker, 2);
    unsigned addresses = pick(maker, 4);
    for (unsigned i = 150 + pick(maker, 150); i > 0; i--) {
        char target[NAME_TEXT_MAX];
        snprintf(target, sizeof(target), "a-target-with-a-first-label-of-some-length-%u.%s", i,
                 owner);
        say(maker, "%s %s %s\n", owner, delegation ? "NS" : "MX 1", target);
        if (i % 4 < addresses) {
            say_address(maker, target, i % 3 == 0);
            say_address(maker, target, i % 5 == 0);
        }
    }
}

/* All data of one owner name: of a kind, so that the zone's rules are mostly kept. */
static void say_owner(struct maker *maker, const char *owner)
{
    char target[NAME_TEXT_MAX];
    random_target(maker, target);
    if (pick(maker, 80) == 0) {
        say_many(maker, owner);
        return;
    }
    switch (pick(maker, 10)) {
    case 0:
    case 1:
        say(maker, "%s CNAME %s\n", owner, target);
        break;
    case 2:
        say(maker, "%s DNAME %s\n", owner, target);
        break;
    case 3:
    case 4:
        say_delegation(maker, owner);
        break;
    default:
        for (unsigned i = 1 + pick(maker, 4); i > 0; i--) {
            say_data(maker, owner);
        }
    }
}

/* May the name come after those that are there? Not the same twice, nothing above or below a
 * DNAME's likely place; one world in eight does not care and has zones that are refused. */
static bool owner_fits(char owners[][NAME_TEXT_MAX], unsigned count, const char *owner)
{
    uint8_t name[NAME_MAX], other[NAME_MAX];
    if (name_from_text(owner, NULL, name) != ERR_OK) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        ASSERT(name_from_text(owners[i], NULL, other) == ERR_OK);
        if (name_equal(name, other)) {
            return false;
        }
    }
    return true;
}

static void make_zone_text(struct maker *maker, const char *origin, unsigned only, const char *sub,
                           unsigned sub_view)
{
    static char owners[OWNERS][NAME_TEXT_MAX];
    uint8_t sub_name[NAME_MAX], name[NAME_MAX];
    unsigned count = 0, wanted = pick(maker, OWNERS);
    maker->tag = only;
    say(maker, "%s SOA ns.%s h. %u 1 1 1 %u\n", origin, origin[0] == '.' ? "" : origin,
        pick(maker, 9), pick(maker, 600));
    for (unsigned i = 1 + pick(maker, 3); i > 0; i--) {
        char target[NAME_TEXT_MAX];
        random_target(maker, target);
        say(maker, "%s NS %s\n", origin, target);
    }
    if (pick(maker, 8) == 0) {
        say(maker, "%s DNAME c.org.\n", origin);
        return;
    }
    for (unsigned tries = 0; count < wanted && tries < 3 * OWNERS; tries++) {
        random_name(maker, origin, 1 + pick(maker, NAME_WORDS), owners[count]);
        if (!owner_fits(owners, count, owners[count])) {
            continue;
        }
        ASSERT(name_from_text(owners[count], NULL, name) == ERR_OK);
        maker->tag = only;
        if (sub[0] && name_from_text(sub, NULL, sub_name) == ERR_OK &&
            name_in_zone(name, sub_name)) {
            maker->tag = sub_view;
        }
        say_owner(maker, owners[count++]);
    }
}

static void make_edit(struct made *made, struct maker *maker, unsigned zone, unsigned index,
                      const char *origin)
{
    char owner[NAME_TEXT_MAX];
    unsigned view = pick(maker, maker->views);
    uint8_t name[NAME_MAX];
    enum edit_op op = (enum edit_op)pick(maker, 3);
    random_name(maker, origin, 1 + pick(maker, 3), owner);
    if (name_from_text(owner, NULL, name) != ERR_OK) {
        return;
    }
    maker->tag = view;
    maker->text = made->edits[zone][index];
    maker->size = EDIT_TEXT_BYTES;
    maker->len = 0;
    if (op != EDIT_REMOVE) {
        for (unsigned i = 1 + pick(maker, 2); i > 0; i--) {
            say_address(maker, owner, pick(maker, 2));
        }
    }
    world_edit(&made->world, UINT64_C(1) << view, op, owner, 0,
               op == EDIT_REMOVE ? NULL : maker->text);
}

static void make_zone(struct made *made, struct maker *maker, const char *origin)
{
    struct world *world = &made->world;
    unsigned only = pick(maker, 4) ? VIEW_NONE : pick(maker, maker->views);
    unsigned sub_view = pick(maker, maker->views), zone = world->desired.zone_count;
    char sub[NAME_TEXT_MAX] = "";
    if (only == VIEW_NONE && pick(maker, 4) == 0) {
        random_name(maker, origin, 1, sub);
    }
    maker->text = made->texts[zone];
    maker->size = TEXT_BYTES;
    maker->len = 0;
    make_zone_text(maker, origin, only, sub, sub_view);
    world_zone(world, origin, only == VIEW_NONE ? VIEWS_ALL : UINT64_C(1) << only,
               pick(maker, 12) ? made->texts[zone] : NULL);
    if (sub[0]) {
        world_subtree(world, sub, UINT64_C(1) << sub_view);
    }
    for (unsigned i = only == VIEW_NONE ? pick(maker, WORLD_EDITS) : 0; i > 0; i--) {
        make_edit(made, maker, zone, i, origin);
    }
}

static void make_views(struct world *world, struct maker *maker)
{
    static const char *const names[WORLD_VIEWS] = {"v0", "v1", "v2", "v3"};
    static const char *const prefixes[WORLD_VIEWS] = {"10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/17",
                                                      "10.2.128.0/19"};
    static const char *const six[WORLD_VIEWS] = {"2001:db8:0::/48", "2001:db8:1::/48",
                                                 "2001:db8:2::/48", "2001:db8:2:8000::/49"};
    bool nobody = pick(maker, 2);
    maker->views = 1 + pick(maker, WORLD_VIEWS);
    for (unsigned i = 0; i < maker->views; i++) {
        bool rest = i + 1 == maker->views && !nobody;
        world_view(world, names[i], rest ? NULL : prefixes[i]);
        if (!rest) {
            world_match(world, six[i]);
        }
    }
    world_subnet_from(world, "10.9.0.53");
    if (pick(maker, 2)) {
        world_match(world, "10.9.0.0/24"); /* what the resolver itself is in */
    }
}

static void make_world(struct made *made, unsigned seed)
{
    struct maker maker = {.tag = VIEW_NONE};
    struct world *world = &made->world;
    struct diag_list diags;
    random_seed(&maker.random, seed);
    world_init(world, WORLD_BYTES);
    make_views(world, &maker);
    for (unsigned i = 0; i < ORIGIN_COUNT; i++) {
        if (pick(&maker, i + 1 == ORIGIN_COUNT ? 8 : 3) == 0 || i == 0) {
            make_zone(made, &maker, ORIGINS[i]);
        }
    }
    static const uint16_t payloads[] = {512, 700, 1232, 4096};
    world->scope.udp_payload = payloads[pick(&maker, 4)];
    world->scope.nsid_len = (uint8_t)(pick(&maker, 2) * pick(&maker, LIMIT_NSID_BYTES + 1));
    memset(world->scope.nsid, 'n', sizeof(world->scope.nsid));
    world->scope.version_bind = pick(&maker, 2) ? "v" : NULL;
    diag_init(&diags, &ALLOC_MALLOC);
    world_serve(world, &diags);
    diag_deinit(&diags);
}

const struct world *random_world(unsigned seed)
{
    static struct made *kept[RANDOM_WORLDS];
    struct made **place = &kept[seed % RANDOM_WORLDS];
    if (!*place) {
        *place = calloc(1, sizeof(**place));
        ASSERT(*place);
        make_world(*place, seed % RANDOM_WORLDS);
    }
    return &(*place)->world;
}

struct address random_world_client(uint8_t choice)
{
    static const char *const clients[] = {
        "10.0.0.1",    "10.1.2.3",        "10.2.0.1", "10.2.128.1",    "10.9.0.53",
        "192.0.2.200", "2001:db8:1:2::3", "10.9.0.1", "2001:db8:2::1", "2001:db8:2:8000::1",
    };
    struct address address;
    ASSERT(address_from_text(clients[choice % (sizeof(clients) / sizeof(*clients))], &address) ==
           ERR_OK);
    return address;
}
