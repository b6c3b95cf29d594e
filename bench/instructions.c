/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an answer costs in instructions, by kind of answer: the core alone, asked under callgrind.
 * Unlike time, the count is the same on a busy machine and on a quiet one, so a test can hold on to
 * it (tests/bench/test_instructions.py, against bench/instructions.json).
 *
 *   zone text ─► records ─► control ─► snapshot ─► cases[] ─► batch_ask() ─► answer(), N times
 *                                                             └ the one function that is counted
 *
 * Two worlds with the same 10,000 services of 3 to 10 addresses: `alone` has one view for everyone;
 * `split` has two, chosen by the client's prefix, the second with other addresses for every name.
 * Questions are drawn with a fixed seed, and each is asked once uncounted to see that its answer is
 * of the kind its case is named after. With a case's name as argument only that one is asked, which
 * is how a profile of it is had (bench/README.md). Standard output, one line each:
 *
 *   build COMPILER-MAJOR -OLEVEL ARCHITECTURE
 *   case NAME QUERIES                            in the order in which batch_ask() is called
 */
#include "answer/answer.h"
#include "base/error.h"
#include "base/random.h"
#include "control/services.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/zonetext.h"
#include "io/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SERVICES = 10000,
    SITES = 200,   /* delegations, each with two servers and their glue */
    ALIASES = 500, /* chains of two: alias, its target, the service */
    QUERIES = 2000,
    ADDRESSES_MIN = 3,
    ADDRESSES_SPREAD = 8,
    TTL_S = 60,
    TEXT_BYTES = 4 << 20,
    QUERY_BYTES = 128,
    REPLY_BYTES = 4096,
    PAYLOAD_BYTES = 1232,
    SLAB_MOST_GB = 4,
};

#if defined(__clang__)
#define COMPILER "clang"
#define COMPILER_MAJOR __clang_major__
#else
#define COMPILER "gcc"
#define COMPILER_MAJOR __GNUC__
#endif
#if defined(__x86_64__)
#define ARCHITECTURE "x86_64"
#elif defined(__aarch64__)
#define ARCHITECTURE "aarch64"
#else
#define ARCHITECTURE "other"
#endif

static const char ORIGIN[] = "dc1.test.";
static const char *const KINDS[] = {"api",    "auth", "batch", "cache", "cart",  "db",
                                    "feed",   "mail", "pay",   "queue", "stock", "ledger",
                                    "search", "user", "store", "web"};
static const char *const ENVIRONMENTS[] = {"prod", "stage", "test", "dev"};

enum {
    KIND_COUNT = sizeof(KINDS) / sizeof(*KINDS),
    ENVIRONMENT_COUNT = sizeof(ENVIRONMENTS) / sizeof(*ENVIRONMENTS)
};

struct question {
    uint8_t wire[QUERY_BYTES];
    size_t len;
    uint64_t random; /* what the server would draw: rotates the addresses */
};

struct text {
    char *bytes;
    size_t len;
};

struct world {
    uint8_t origin[NAME_MAX];
    struct desired_view views[2];
    struct desired_match match;
    struct desired_overlay overlay;
    struct desired_zone zone;
    struct desired desired;
    struct scope scope;
    struct view_match *view_match;
    struct memory memory;
    struct control *control;
    struct services *services; /* NULL: names stand in the zone */
    struct snapshot *snapshot;
};

enum world_kind {
    WORLD_ALONE,
    WORLD_SPLIT,
    WORLD_ROTATED,  /* every name a registered service, all of its instances rotated */
    WORLD_WEIGHTED, /* ... one of them, drawn by weight */
    WORLD_KINDS
};

/* How a case's question is made from a random number. */
typedef void question_fn(struct random *random, char name[NAME_TEXT_MAX]);

struct bench_case {
    const char *name;
    enum world_kind world;
    const char *client;
    question_fn *draw;
    uint16_t type;
    uint8_t kind;    /* enum answer_kind: what every answer must be */
    uint8_t answers; /* at least */
};

static void must(int err, const char *what)
{
    if (err != ERR_OK) {
        fprintf(stderr, "instructions: %s: %s\n", what, error_text(err));
        exit(1);
    }
}

/* --- the zone ------------------------------------------------------------------------------------
 */

/* "api-0007.prod": a kind, a number, an environment. */
static void service_name(uint32_t number, char *out, size_t size)
{
    unsigned environment = (number * UINT32_C(2654435761) >> 8) % ENVIRONMENT_COUNT;
    snprintf(out, size, "%s-%04u.%s", KINDS[number % KIND_COUNT], number / KIND_COUNT,
             ENVIRONMENTS[environment]);
}

__attribute__((format(printf, 2, 3))) static void say(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text->bytes + text->len, TEXT_BYTES - text->len, format, args);
    va_end(args);
    must(len >= 0 && text->len + (size_t)len < TEXT_BYTES ? ERR_OK : ERR_LIMIT, "zone text");
    text->len += (size_t)len;
}

/* "7." and the like; printf would take longer than all the rest, sixty-five thousand times. */
static void say_octet(struct text *text, unsigned octet, char end)
{
    must(text->len + 4 < TEXT_BYTES ? ERR_OK : ERR_LIMIT, "zone text");
    for (unsigned power = octet >= 100 ? 100 : octet >= 10 ? 10 : 1; power > 0; power /= 10) {
        text->bytes[text->len++] = (char)('0' + octet / power % 10);
    }
    text->bytes[text->len++] = end;
}

/* All services; the seed decides their addresses, `first` their first byte. As many addresses in
 * each world and view, so that their costs compare. */
static void say_services(struct text *text, unsigned first, uint64_t seed)
{
    struct random random;
    char name[NAME_TEXT_MAX];
    random_seed(&random, seed);
    for (uint32_t number = 0; number < SERVICES; number++) {
        service_name(number, name, sizeof(name));
        unsigned base = (unsigned)random_below(&random, 200);
        unsigned count = ADDRESSES_MIN + number % ADDRESSES_SPREAD;
        say(text, "%s", name);
        for (unsigned i = 0; i < count; i++) {
            say(text, " A ");
            say_octet(text, first, '.');
            say_octet(text, number >> 8, '.');
            say_octet(text, number & 255, '.');
            say_octet(text, base + i, '\n');
        }
    }
}

static void say_head(struct text *text)
{
    say(text, "@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 198.18.0.1\n");
}

static void say_zone(struct text *text)
{
    char name[NAME_TEXT_MAX];
    say_head(text);
    say_services(text, 198, 1);
    for (unsigned i = 0; i < SITES; i++) {
        say(text, "site-%u NS ns1.site-%u\n NS ns2.site-%u\n", i, i, i);
        say(text, "ns1.site-%u A 198.19.%u.1\nns2.site-%u A 198.19.%u.2\n", i, i, i, i);
    }
    for (uint32_t i = 0; i < ALIASES; i++) {
        service_name(i * (SERVICES / ALIASES), name, sizeof(name));
        say(text, "alias-%u CNAME live-%u\nlive-%u CNAME %s\n", i, i, i, name);
    }
}

static void text_parse(const struct text *text, struct records *out)
{
    uint8_t origin[NAME_MAX];
    struct diag_list diags;
    struct zonetext_source source = {.file = "bench.zone",
                                     .text = text->bytes,
                                     .len = text->len,
                                     .first_line = 1,
                                     .origin = origin,
                                     .default_ttl = TTL_S};
    must(name_from_text(ORIGIN, NULL, origin), "origin");
    diag_init(&diags, &ALLOC_MALLOC);
    records_init(out, &ALLOC_MALLOC);
    must(zonetext_parse(&source, out, &diags), "zone text");
    diag_deinit(&diags);
}

static void world_describe(struct world *world, bool split)
{
    world->views[0] = (struct desired_view){.name = "outside", .is_default = true};
    world->views[1] = (struct desired_view){
        .name = "inside", .internal = true, .matches = &world->match, .match_count = 1};
    must(prefix_from_text("10.0.0.0/8", &world->match.prefix), "prefix");
    world->match.listener = -1;
    world->overlay = (struct desired_overlay){
        .views = UINT64_C(1) << 1, .reason = "bench", .file = "bench.overlay"};
    world->zone = (struct desired_zone){.origin = world->origin,
                                        .file = "bench.zone",
                                        .only = VIEWS_ALL,
                                        .overlays = &world->overlay,
                                        .overlay_count = split};
    world->desired = (struct desired){
        .views = world->views, .view_count = 1 + split, .zones = &world->zone, .zone_count = 1};
    must(view_match_new(&ALLOC_MALLOC, &world->desired, &world->view_match), "views");
    world->scope = (struct scope){.match = world->view_match,
                                  .view_count = world->desired.view_count,
                                  .udp_payload = PAYLOAD_BYTES};
}

/* --- registered services -------------------------------------------------------------------------
 */

static void no_verdict(void *ctx, const struct instance_entry *instance, enum verdict before,
                       enum verdict now, const char *detail)
{
    (void)ctx;
    (void)instance;
    (void)before;
    (void)now;
    (void)detail;
}

static void no_choice(void *ctx, const struct service_entry *service, enum choice_kind before,
                      enum choice_kind now)
{
    (void)ctx;
    (void)service;
    (void)before;
    (void)now;
}

static const struct probe_port NO_PROBES;
static const struct services_events NO_EVENTS = {.verdict = no_verdict, .choice = no_choice};

/* One service as say_services() writes it: the same addresses, an instance each. */
static void service_register(struct world *world, uint32_t number, unsigned base,
                             enum answer_mode mode)
{
    struct registry *registry = services_registry(world->services);
    char text[NAME_TEXT_MAX], id[16];
    uint8_t name[NAME_MAX];
    struct service service;
    struct refusal refusal;
    service_name(number, text, sizeof(text));
    must(name_from_text(text, world->origin, name), text);
    service_default(&service);
    service.name = name;
    service.owner = "bench";
    service.mode = mode;
    must(registry_put_service(registry, &service, REVISION_ANY, NULL, &refusal), "service");
    unsigned count = ADDRESSES_MIN + number % ADDRESSES_SPREAD;
    for (unsigned i = 0; i < count; i++) {
        const uint8_t bytes[4] = {198, (uint8_t)(number >> 8), (uint8_t)number,
                                  (uint8_t)(base + i)};
        struct service_address address = {.address = address_from_v4(bytes)};
        struct instance instance;
        instance_default(&instance);
        snprintf(id, sizeof(id), "i%u", i);
        instance.service = name;
        instance.id = id;
        instance.owner = "bench";
        instance.port = 80;
        instance.weight = (uint16_t)(1 + i);
        instance.addresses = &address;
        instance.address_count = 1;
        must(registry_put_instance(registry, &instance, REVISION_ANY, NULL, &refusal), "instance");
    }
}

static void services_make(struct world *world, enum answer_mode mode)
{
    struct random random;
    must(services_new(world->control, &NO_PROBES, &NO_EVENTS, &world->services), "services");
    random_seed(&random, 1);
    for (uint32_t number = 0; number < SERVICES; number++) {
        service_register(world, number, (unsigned)random_below(&random, 200), mode);
    }
    services_commit(world->services, (struct mono){0}, (struct wall){0});
}

/* --- worlds --------------------------------------------------------------------------------------
 */

static void world_load(struct world *world, const struct records *base,
                       const struct records *overlay)
{
    static const struct control_limits limits = {.hold_removed_percent = 5,
                                                 .hold_removed_names = 10};
    struct records overlays = *overlay;
    struct zone_content content = {
        .base = *base, .overlays = &overlays, .overlay_count = world->zone.overlay_count};
    struct diag_list diags;
    diag_init(&diags, &ALLOC_MALLOC);
    must(control_configure(world->control, &world->desired, &world->scope, &limits, &diags),
         "configure");
    must(control_zone_loaded(world->control, 0, &content, (struct wall){0}, &diags), "load");
    if (world->services) {
        must(services_flush(world->services, (struct mono){0}), "services");
    }
    world->snapshot = control_take_snapshot(world->control);
    must(world->snapshot ? ERR_OK : ERR_NOMEM, "snapshot");
    diag_deinit(&diags);
}

static void world_init(struct world *world, enum world_kind kind, const struct records *base,
                       const struct records *overlay)
{
    must(name_from_text(ORIGIN, NULL, world->origin), "origin");
    must(memory_reserve(&world->memory, (size_t)SLAB_MOST_GB << 30, (size_t)256 << 20),
         "address space");
    struct slab_backing backing = {.base = world->memory.base,
                                   .reserved = world->memory.reserved,
                                   .commit = memory_commit,
                                   .ctx = &world->memory};
    must(control_new(&ALLOC_MALLOC, &backing, &world->control), "control");
    world_describe(world, kind == WORLD_SPLIT);
    if (kind == WORLD_ROTATED || kind == WORLD_WEIGHTED) {
        services_make(world, kind == WORLD_ROTATED ? MODE_ALL : MODE_WEIGHTED);
    }
    world_load(world, base, overlay);
}

/* All worlds are made of the same addresses. */
static void worlds_init(struct world worlds[WORLD_KINDS])
{
    struct text text = {.bytes = malloc(TEXT_BYTES)};
    struct records base, overlay, bare;
    must(text.bytes ? ERR_OK : ERR_NOMEM, "zone text");
    say_zone(&text);
    text_parse(&text, &base);
    text.len = 0;
    say_services(&text, 10, 2);
    text_parse(&text, &overlay);
    text.len = 0;
    say_head(&text);
    text_parse(&text, &bare);
    free(text.bytes);
    for (unsigned i = 0; i < WORLD_KINDS; i++) {
        bool zone = i == WORLD_ALONE || i == WORLD_SPLIT;
        world_init(&worlds[i], (enum world_kind)i, zone ? &base : &bare, &overlay);
    }
    records_deinit(&bare);
    records_deinit(&base);
    records_deinit(&overlay);
}

static void world_deinit(struct world *world)
{
    control_retire(world->control, world->snapshot);
    services_free(world->services);
    control_free(world->control);
    view_match_free(world->view_match);
    memory_release(&world->memory);
}

/* --- the questions -------------------------------------------------------------------------------
 */

static void draw_service(struct random *random, char *name)
{
    service_name((uint32_t)random_below(random, SERVICES), name, NAME_TEXT_MAX);
}

/* Half under an environment that the service is not in, half a number never given. */
static void draw_missing(struct random *random, char *name)
{
    uint32_t number = (uint32_t)random_below(random, SERVICES);
    unsigned environment = (number * UINT32_C(2654435761) >> 8) % ENVIRONMENT_COUNT;
    bool wrong_place = random_below(random, 2);
    unsigned shift = wrong_place ? 1 : 0;
    snprintf(name, NAME_TEXT_MAX, "%s-%04u.%s", KINDS[number % KIND_COUNT],
             number / KIND_COUNT + (wrong_place ? 0 : SERVICES),
             ENVIRONMENTS[(environment + shift) % ENVIRONMENT_COUNT]);
}

/* A label that nobody asked before, below a name that exists. */
static void draw_flood(struct random *random, char *name)
{
    char service[64];
    service_name((uint32_t)random_below(random, SERVICES), service, sizeof(service));
    snprintf(name, NAME_TEXT_MAX, "%010llx.%s",
             (unsigned long long)(random_next(random) & UINT64_C(0xffffffffff)), service);
}

static void draw_delegated(struct random *random, char *name)
{
    unsigned site = (unsigned)random_below(random, SITES);
    snprintf(name, NAME_TEXT_MAX, "host-%u.site-%u", (unsigned)random_below(random, 1000), site);
}

static void draw_alias(struct random *random, char *name)
{
    snprintf(name, NAME_TEXT_MAX, "alias-%u", (unsigned)random_below(random, ALIASES));
}

/* A query as resolvers send it: one question, EDNS with 1232 bytes, recursion not desired. */
static void question_write(struct question *question, const struct world *world, const char *name,
                           uint16_t type)
{
    uint8_t owner[NAME_MAX];
    uint8_t *at = question->wire + HEADER_BYTES;
    must(name_from_text(name, world->origin, owner), name);
    size_t len = name_len(owner);
    must(HEADER_BYTES + len + 4 + 11 <= QUERY_BYTES ? ERR_OK : ERR_LIMIT, name);
    memset(question->wire, 0, sizeof(question->wire));
    wire_write16(question->wire + 4, 1);
    wire_write16(question->wire + 10, 1);
    memcpy(at, owner, len);
    wire_write16(at + len, type);
    wire_write16(at + len + 2, 1);
    at += len + 4;
    wire_write16(at + 1, TYPE_OPT);
    wire_write16(at + 3, PAYLOAD_BYTES);
    question->len = (size_t)(at + 11 - question->wire);
}

/* --- the cases -----------------------------------------------------------------------------------
 */

static const struct bench_case CASES[] = {
    {"hit", WORLD_ALONE, "192.0.2.1", draw_service, TYPE_A, ANSWER_POSITIVE, ADDRESSES_MIN},
    {"nxdomain", WORLD_ALONE, "192.0.2.1", draw_missing, TYPE_A, ANSWER_NXDOMAIN, 0},
    {"nodata", WORLD_ALONE, "192.0.2.1", draw_service, TYPE_AAAA, ANSWER_NODATA, 0},
    {"referral", WORLD_ALONE, "192.0.2.1", draw_delegated, TYPE_A, ANSWER_REFERRAL, 0},
    {"alias chain", WORLD_ALONE, "192.0.2.1", draw_alias, TYPE_A, ANSWER_POSITIVE,
     2 + ADDRESSES_MIN},
    {"random subdomain", WORLD_ALONE, "192.0.2.1", draw_flood, TYPE_A, ANSWER_NXDOMAIN, 0},
    {"first view", WORLD_SPLIT, "192.0.2.1", draw_service, TYPE_A, ANSWER_POSITIVE, ADDRESSES_MIN},
    {"service rotated", WORLD_ROTATED, "192.0.2.1", draw_service, TYPE_A, ANSWER_POSITIVE,
     ADDRESSES_MIN},
    {"service weighted", WORLD_WEIGHTED, "192.0.2.1", draw_service, TYPE_A, ANSWER_POSITIVE, 1},
    {"second view", WORLD_SPLIT, "10.1.2.3", draw_service, TYPE_A, ANSWER_POSITIVE, ADDRESSES_MIN},
};

/* The first byte of the last answer record's address: of the zone 198, of the overlay 10. */
static bool answer_is_right(const struct bench_case *row, const struct question *question,
                            const uint8_t *reply, size_t len, const struct outcome *outcome)
{
    unsigned answers = wire_read16(reply + 6);
    unsigned view = strcmp(row->name, "second view") == 0;
    if (len < question->len || outcome->kind != row->kind || outcome->view != view ||
        outcome->truncated || answers < row->answers) {
        return false;
    }
    const uint8_t *last = reply + len - 11 - 4; /* before the OPT record */
    return row->kind != ANSWER_POSITIVE || *last == (view ? 10 : 198);
}

static void questions_prepare(const struct bench_case *row, const struct world *world,
                              const struct client *client, struct question *questions)
{
    uint8_t reply[REPLY_BYTES];
    char name[NAME_TEXT_MAX];
    struct outcome outcome;
    struct random random;
    random_seed(&random, 20261120);
    for (unsigned i = 0; i < QUERIES; i++) {
        row->draw(&random, name);
        question_write(&questions[i], world, name, row->type);
        questions[i].random = random_next(&random);
        size_t len = answer(world->snapshot, client, questions[i].wire, questions[i].len,
                            questions[i].random, reply, sizeof(reply), &outcome, NULL, NULL);
        if (!answer_is_right(row, &questions[i], reply, len, &outcome)) {
            fprintf(stderr, "instructions: case \"%s\": %s was answered wrongly (%s)\n", row->name,
                    name, answer_kind_name(outcome.kind));
            exit(1);
        }
    }
}

/* What is counted, by its name: not static, so that it keeps it. */
void batch_ask(const struct snapshot *snapshot, const struct client *client,
               const struct question *questions, uint8_t reply[REPLY_BYTES]);
__attribute__((noinline)) void batch_ask(const struct snapshot *snapshot,
                                         const struct client *client,
                                         const struct question *questions,
                                         uint8_t reply[REPLY_BYTES])
{
    static struct told_list told;
    struct outcome outcome;
    for (unsigned i = 0; i < QUERIES; i++) {
        answer(snapshot, client, questions[i].wire, questions[i].len, questions[i].random, reply,
               REPLY_BYTES, &outcome, &told, NULL);
        told.count = 0;
    }
}

static void case_run(const struct bench_case *row, const struct world *world)
{
    static struct question questions[QUERIES];
    static uint8_t reply[REPLY_BYTES];
    struct client client = {.transport = TRANSPORT_UDP};
    must(address_from_text(row->client, &client.address), "client");
    questions_prepare(row, world, &client, questions);
    batch_ask(world->snapshot, &client, questions, reply);
    printf("case %s %u\n", row->name, QUERIES);
}

int main(int argc, char **argv)
{
    static struct world worlds[WORLD_KINDS];
    printf("build %s-%d -O%s %s\n", COMPILER, COMPILER_MAJOR, BENCH_OPTIMIZATION, ARCHITECTURE);
    worlds_init(worlds);
    unsigned asked = 0;
    for (unsigned i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        if (argc < 2 || strcmp(argv[1], CASES[i].name) == 0) {
            case_run(&CASES[i], &worlds[CASES[i].world]);
            asked++;
        }
    }
    for (unsigned i = 0; i < WORLD_KINDS; i++) {
        world_deinit(&worlds[i]);
    }
    if (asked == 0) {
        fprintf(stderr, "instructions: no case \"%s\"\n", argv[1]);
        return 2;
    }
    return 0;
}
