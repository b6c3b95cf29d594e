/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/answer/scene.h"

#include "dns/message.h"
#include "dns/type.h"

#include <stdio.h>

enum {
    WORLD_BYTES = 4 << 20,
    UDP_BYTES = 4096,
    QUERY_BYTES = 1024
};

static const char COM[] =
    "$TTL 300\n"
    "@ SOA ns1 host 1 2 3 4 60\n"
    "@ NS ns1\n"
    "@ NS ns2.example.org.\n"
    "@ MX 10 mail\n"
    "ns1 A 198.51.100.1\n"
    "ns1 AAAA 2001:db8::1\n"
    "www 60 A 198.51.100.80\n"
    "www 60 A 198.51.100.81\n"
    "mail A 198.51.100.25\n"
    "txt TXT \"hello\" \"world\"\n"
    "mixed TXT \"t\"\n"
    "mixed MX 1 mail\n"
    "mixed MX 2 www\n"
    "alias CNAME www\n"
    "far CNAME www.example.org.\n"
    "out CNAME www.elsewhere.test.\n"
    "dead CNAME x.broken.test.\n"
    "loop CNAME loop2\n"
    "loop2 CNAME loop\n"
    "self CNAME self\n"
    "nx CNAME nothing\n"
    "toent CNAME ent\n"
    "tosub CNAME x.sub\n"
    "a.ent A 198.51.100.9\n"
    "*.wild A 198.51.100.7\n"
    "*.wild MX 5 mail\n"
    "deep.host.wild TXT x\n"
    "*.walias CNAME www\n"
    "x.*.star TXT x\n"
    "sub NS ns.sub\n"
    "sub NS ns.sib\n"
    "sub DS 1 13 2 00000000000000000000000000000000000000000000000000000000000000aa\n"
    "ns.sub A 198.51.100.53\n"
    "sib NS ns.sib\n"
    "ns.sib A 198.51.100.54\n"
    "dn DNAME example.org.\n"
    "dnloop DNAME dnloop.dnloop\n"
    "self2 DNAME self2\n"
    "todn CNAME www.dn\n"
    "long DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    ".bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    ".ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.test.\n"
    "_sip._tcp SRV 1 2 5060 mail\n"
    "svc HTTPS 1 . alpn=h2\n"
    "svc2 HTTPS 1 www alpn=h2\n"
    "unknown TYPE65280 \\# 3 c00c01\n"
    "p PTR www\n"
    "c1 CNAME c2\nc2 CNAME c3\nc3 CNAME c4\nc4 CNAME c5\nc5 CNAME c6\nc6 CNAME c7\n"
    "c7 CNAME c8\nc8 CNAME c9\nc9 CNAME c10\nc10 CNAME c11\nc11 CNAME c12\nc12 CNAME c13\n"
    "c13 CNAME c14\nc14 CNAME c15\nc15 CNAME c16\nc16 CNAME c17\nc17 CNAME c18\n"
    "c18 A 198.51.100.18\n"
    "c17x CNAME c18\n"
    "with\\.dot A 198.51.100.30\n"
    "zero\\000 A 198.51.100.31\n";

static const char ORG[] = "$TTL 300\n"
                          "@ SOA ns1 host 7 2 3 4 600\n"
                          "@ NS ns2\n"
                          "ns2 A 198.51.100.2\n"
                          "www A 198.51.100.90\n";

static const char CORP[] = "$TTL 300\n"
                           "@ SOA ns1 host 9 2 3 4 60\n"
                           "@ NS ns1\n"
                           "ns1 A 10.0.3.1\n"
                           "git A 10.0.3.80\n";

struct scene *scene_new_empty(size_t bytes)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    assert_non_null(scene);
    world_init(&scene->world, bytes);
    return scene;
}

void scene_serve(struct scene *scene)
{
    struct diag_list diags;
    diag_init(&diags, &ALLOC_MALLOC);
    world_serve(&scene->world, &diags);
    if (scene->world.refused) {
        char text[256];
        diag_format(diags.first, text, sizeof(text));
        fail_msg("a zone was refused: %s", text);
    }
    diag_deinit(&diags);
}

struct scene *scene_new(void)
{
    struct scene *scene = scene_new_empty(WORLD_BYTES);
    struct world *world = &scene->world;
    world_view(world, "internal", "10.0.0.0/8");
    world_match(world, "2001:db8:10::/48");
    world_subnet_from(world, "10.0.0.53");
    world_view(world, "external", NULL);
    world_zone(world, "example.com.", VIEWS_ALL, COM);
    world_edit(world, 1, EDIT_REPLACE, "www.example.com.", 0, "www.example.com. 20 A 10.0.1.80\n");
    world_edit(world, 1, EDIT_ADD, "debug.example.com.", 0, "debug.example.com. 20 A 10.0.1.99\n");
    world_edit(world, 1, EDIT_REMOVE, "mail.example.com.", 0, NULL);
    world_zone(world, "example.org.", VIEWS_ALL, ORG);
    world_zone(world, "broken.test.", VIEWS_ALL, NULL);
    world_zone(world, "corp.example.com.", 1, CORP);
    world->scope.version_bind = "horizon";
    world->scope.nsid_len = 4;
    memcpy(world->scope.nsid, "dc-1", 4);
    scene_serve(scene);
    return scene;
}

void scene_free(struct scene *scene)
{
    world_deinit(&scene->world);
    free(scene);
}

size_t scene_query(const struct ask *ask, uint8_t *out)
{
    uint8_t name[NAME_MAX];
    assert_int_equal(name_from_text(ask->name, NULL, name), ERR_OK);
    size_t len = name_len(name), at = HEADER_BYTES;
    memset(out, 0, HEADER_BYTES);
    wire_write16(out, 4711);
    wire_write16(out + 2, ask->flags);
    wire_write16(out + 4, 1);
    wire_write16(out + 10, ask->edns);
    memcpy(out + at, name, len);
    at += len;
    wire_write16(out + at, ask->type);
    wire_write16(out + at + 2, ask->class ? ask->class : CLASS_IN);
    at += 4;
    if (ask->edns) {
        out[at] = 0;
        wire_write16(out + at + 1, TYPE_OPT);
        wire_write16(out + at + 3, ask->payload);
        wire_write32(out + at + 5, (uint32_t)ask->version << 16 | (ask->dnssec_ok ? 0x8000 : 0));
        wire_write16(out + at + 9, ask->options_len);
        if (ask->options_len) {
            memcpy(out + at + 11, ask->options, ask->options_len);
        }
        at += 11u + ask->options_len;
    }
    return at;
}

void scene_ask(struct scene *scene, const struct ask *ask)
{
    uint8_t query[QUERY_BYTES];
    size_t len = scene_query(ask, query);
    struct client client = {.transport = ask->tcp ? TRANSPORT_TCP : TRANSPORT_UDP};
    assert_int_equal(address_from_text(ask->from ? ask->from : "192.0.2.1", &client.address),
                     ERR_OK);
    memset(scene->wire, 0x5a, sizeof(scene->wire));
    scene->len = answer(scene->world.snapshot, &client, query, len, 1, scene->wire,
                        ask->tcp ? LIMIT_MESSAGE_BYTES : UDP_BYTES, &scene->outcome, &scene->told,
                        ask->trace);
    if (!packet_read(&scene->reply, scene->wire, scene->len)) {
        fail_msg("%s: the reply does not read: %s", ask->name, scene->reply.fault);
    }
}

struct text {
    char *at;
    size_t left;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text->at, text->left, format, args);
    va_end(args);
    assert_true(len >= 0 && (size_t)len < text->left);
    text->at += len;
    text->left -= (size_t)len;
}

static void say_record(struct text *text, struct packet *packet, uint32_t index)
{
    static const char *const sections[] = {"an", "au", "ad"};
    static uint8_t rdata[LIMIT_MESSAGE_BYTES];
    const struct packet_record *record = &packet->records[index];
    char owner[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
    say(text, "%s %s %u %s ", sections[packet_section(packet, index)],
        name_to_text(record->owner, owner), record->ttl, type_to_text(record->type, type));
    size_t len = packet_expand(packet, record, rdata);
    int written = rdata_to_text(record->type, rdata, (uint16_t)len, text->at, text->left);
    assert_true(written >= 0);
    text->at += written;
    text->left -= (size_t)written;
    say(text, "\n");
}

const char *scene_text(struct scene *scene)
{
    struct text text = {scene->text, sizeof(scene->text)};
    struct packet *packet = &scene->reply;
    say(&text, "%s%s%s\n", rcode_name(packet_rcode(packet)), packet->flags & FLAG_AA ? " aa" : "",
        packet->flags & FLAG_TC ? " tc" : "");
    for (uint32_t i = 0; i < packet->record_count; i++) {
        if (packet->records[i].type != TYPE_OPT) {
            say_record(&text, packet, i);
        }
    }
    return scene->text;
}
