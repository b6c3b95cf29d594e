/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/explain.h"

#include "answer/answer.h"
#include "answer/trace.h"
#include "api/json_text.h"
#include "api/reply.h"
#include "api/service_explain.h"
#include "api/zones.h"
#include "base/error.h"
#include "base/limits.h"
#include "dns/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A question, understood. */
struct asked {
    uint8_t name[NAME_MAX];
    uint16_t type;
    int listener; /* index in desired.listeners */
    struct client client;
    struct prefix subnet;
    bool has_subnet;
};

static int refuse(struct explain_refusal *refusal, const char *field, const char *reason,
                  const char *mend)
{
    *refusal = (struct explain_refusal){field, reason, mend};
    return ERR_INVALID;
}

static bool listener_called(const struct desired_listener *listener, const char *name)
{
    char address[ADDRESS_TEXT_BYTES], full[ADDRESS_TEXT_BYTES + 10];
    address_to_text(&listener->address, address);
    snprintf(full, sizeof(full), address_is_v4(&listener->address) ? "%s:%u" : "[%s]:%u", address,
             listener->port);
    return (listener->name && strcmp(listener->name, name) == 0) || strcmp(full, name) == 0;
}

/* The listener by name or ADDR:PORT; without one, the first of the client's address family. */
static int find_listener(const struct desired *desired, const char *name,
                         const struct address *from)
{
    for (uint32_t i = 0; i < desired->listener_count; i++) {
        const struct desired_listener *listener = &desired->listeners[i];
        if (name ? listener_called(listener, name)
                 : address_is_v4(&listener->address) == address_is_v4(from)) {
            return (int)i;
        }
    }
    return name || desired->listener_count == 0 ? -1 : 0;
}

static int understand_name(const struct explain_question *question, struct asked *asked,
                           struct explain_refusal *refusal)
{
    if (!question->name || name_from_text(question->name, NULL, asked->name) != ERR_OK) {
        return refuse(refusal, "name", "that is not a domain name",
                      "labels of at most 63 bytes, 255 in all, as in www.example.com");
    }
    asked->type = TYPE_A;
    if (question->type && type_from_text(question->type, &asked->type) != ERR_OK) {
        return refuse(refusal, "type", "that is not a record type",
                      "a name as in AAAA or MX, or TYPE and a number");
    }
    return ERR_OK;
}

static int understand_client(const struct desired *desired, const struct explain_question *question,
                             struct asked *asked, struct explain_refusal *refusal)
{
    if (!question->from || address_from_text(question->from, &asked->client.address) != ERR_OK) {
        return refuse(refusal, "from", "that is not an IP address",
                      "the client's address, as in 10.0.0.7 or 2001:db8::7");
    }
    asked->listener = find_listener(desired, question->listener, &asked->client.address);
    if (asked->listener < 0 && question->listener) {
        return refuse(refusal, "listener", "no listener is called that",
                      "its name in the configuration, or its ADDR:PORT");
    }
    asked->client.listener =
        asked->listener < 0 ? UINT16_MAX : desired->listeners[asked->listener].slot;
    bool tcp = question->transport && strcmp(question->transport, "tcp") == 0;
    asked->client.transport = tcp ? TRANSPORT_TCP : TRANSPORT_UDP;
    if (question->subnet) {
        asked->has_subnet = true;
        if (prefix_from_text(question->subnet, &asked->subnet) != ERR_OK) {
            return refuse(refusal, "subnet", "that is not a prefix", "as in 10.1.2.0/24");
        }
    }
    return ERR_OK;
}

/* How a view was chosen: the rule that won, in words. */
struct prefix_choice {
    const struct desired_match *match; /* NULL: the default, or nobody */
    const struct desired_view *view;
};

static bool match_beats(const struct desired_match *a, const struct desired_match *b)
{
    if (!b || (a->listener >= 0) != (b->listener >= 0)) {
        return !b || a->listener >= 0;
    }
    return a->prefix.bits > b->prefix.bits;
}

static struct prefix_choice choose_view(const struct desired *desired, int listener,
                                        const struct address *from)
{
    struct prefix_choice best = {0};
    for (uint32_t i = 0; i < desired->view_count; i++) {
        const struct desired_view *view = &desired->views[i];
        for (uint32_t j = 0; j < view->match_count; j++) {
            const struct desired_match *match = &view->matches[j];
            if ((match->listener < 0 || match->listener == listener) &&
                prefix_has(&match->prefix, from) && match_beats(match, best.match)) {
                best = (struct prefix_choice){match, view};
            }
        }
        if (view->is_default && !best.match) {
            best.view = view;
        }
    }
    return best;
}

static json_t *place_json(struct place place)
{
    char text[4096];
    if (!place.file || !place.line) {
        return json_null();
    }
    snprintf(text, sizeof(text), "%s:%u", place.file, place.line);
    return json_text(text_cut_whole(text));
}

static void why_text(const struct prefix_choice *choice, const struct desired *desired,
                     const struct address *who, bool subnet, char *out, size_t size)
{
    char address[ADDRESS_TEXT_BYTES], prefix[PREFIX_TEXT_BYTES];
    address_to_text(who, address);
    const char *what = subnet ? "client subnet " : "";
    if (choice->view && choice->view->implicit) {
        snprintf(out, size, "no views are configured: one view for everyone");
    } else if (!choice->match) {
        snprintf(out, size, "no prefix has %s%s; this is the default view", what, address);
    } else if (choice->match->listener < 0) {
        snprintf(out, size, "%s%s is in %s", what, address,
                 prefix_to_text(&choice->match->prefix, prefix));
    } else {
        const char *listener = desired->listeners[choice->match->listener].name;
        snprintf(out, size, "%s%s is in %s on listener %s", what, address,
                 prefix_to_text(&choice->match->prefix, prefix), listener ? listener : "given");
    }
}

static json_t *view_json(const struct explain_world *world, const struct asked *asked,
                         unsigned view)
{
    const struct desired *desired = world->desired;
    if (view >= desired->view_count) {
        return json_null();
    }
    const struct address *who = &asked->client.address;
    struct prefix_choice choice = choose_view(desired, asked->listener, who);
    bool subnet = false;
    if (choice.view != &desired->views[view] && asked->has_subnet) {
        who = &asked->subnet.base;
        choice = choose_view(desired, asked->listener, who);
        subnet = true;
    }
    char why[512];
    why_text(&choice, desired, who, subnet, why, sizeof(why));
    const struct desired_view *chosen = &desired->views[view];
    return json_pack("{s:s, s:b, s:s, s:o}", "name", chosen->name, "internal",
                     (int)chosen->internal, "why", why, "place",
                     place_json(choice.match ? choice.match->place : chosen->place));
}

static json_t *steps_json(const struct trace *trace)
{
    json_t *list = json_array();
    for (const struct trace_entry *entry = trace->first; entry; entry = entry->next) {
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:o}", "step", trace_step_name(entry->step),
                                        "rule", trace_step_text(entry->step), "detail",
                                        json_text(entry->detail ? entry->detail : "")));
    }
    return list;
}

/* How long a cache may keep that a name has nothing (RFC 2308 5): the SOA's TTL, or its MINIMUM,
 * which is the last word of its data. */
static json_int_t negative_ttl(const json_t *soa)
{
    json_int_t ttl = json_integer_value(json_object_get(soa, "ttl"));
    const char *data = json_string_value(json_object_get(soa, "data"));
    const char *last = data ? strrchr(data, ' ') : NULL;
    json_int_t minimum = last ? strtoll(last + 1, NULL, 10) : ttl;
    return minimum < ttl ? minimum : ttl;
}

static json_int_t shorter(json_int_t least, json_int_t ttl)
{
    return least < 0 || ttl < least ? ttl : least;
}

/* How long a cache may keep this as a whole. What is negative, also at the end of a chain, counts
 * by its SOA; other records of the authority section only where nothing was answered. */
static json_t *ttl_json(const json_t *reply)
{
    const json_t *answer = json_object_get(reply, "answer"), *record;
    json_int_t least = -1;
    size_t i;
    json_array_foreach(answer, i, record)
    {
        least = shorter(least, json_integer_value(json_object_get(record, "ttl")));
    }
    bool answered = json_array_size(answer) > 0;
    json_array_foreach(json_object_get(reply, "authority"), i, record)
    {
        const char *type = json_string_value(json_object_get(record, "type"));
        if (type && strcmp(type, "SOA") == 0) {
            least = shorter(least, negative_ttl(record));
        } else if (!answered) {
            least = shorter(least, json_integer_value(json_object_get(record, "ttl")));
        }
    }
    return least < 0 ? json_null() : json_integer(least);
}

__attribute__((format(printf, 3, 4))) static void guard_add(json_t *guards, const char *guard,
                                                            const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    json_array_append_new(
        guards, json_pack("{s:s, s:o}", "guard", guard, "detail", json_text(text_cut_whole(text))));
}

static bool exception_covers(const struct desired_exception *exception, unsigned view,
                             const uint8_t *name, const struct address *address)
{
    const uint8_t *pattern = exception->name;
    bool below = pattern[0] == 1 && pattern[1] == '*';
    bool named = below ? name_in_zone(name, pattern + 2) && !name_equal(name, pattern + 2)
                       : name_equal(name, pattern);
    return named && exception->views >> view & 1 && prefix_has(&exception->prefix, address);
}

/* A private address in the answer: which rule let it pass. */
static void guard_address(json_t *guards, const struct desired *desired, unsigned view,
                          const json_t *record)
{
    struct address address;
    uint8_t name[NAME_MAX];
    const char *data = json_string_value(json_object_get(record, "data"));
    const char *owner = json_string_value(json_object_get(record, "name"));
    if (address_from_text(data, &address) != ERR_OK ||
        name_from_text(owner, NULL, name) != ERR_OK || address_kind(&address) == ADDRESS_PUBLIC) {
        return;
    }
    const char *kind = address_kind_name(address_kind(&address));
    if (desired->views[view].internal) {
        guard_add(guards, "leak", "%s is %s; view %s is internal", data, kind,
                  desired->views[view].name);
        return;
    }
    for (uint32_t i = 0; i < desired->exception_count; i++) {
        const struct desired_exception *exception = &desired->exceptions[i];
        if (exception_covers(exception, view, name, &address)) {
            guard_add(guards, "leak", "%s is %s; let pass: %s", data, kind,
                      exception->reason ? exception->reason : "an exception");
            return;
        }
    }
}

static json_t *guards_json(const struct explain_world *world, unsigned view,
                           const struct zone_status *zone, const json_t *reply)
{
    json_t *guards = json_array();
    if (zone && zone->held) {
        guard_add(guards, "reload", "serial %u is held: %s", zone->held_serial,
                  zone->problem ? zone->problem : "it removes too much");
    } else if (zone && zone->state == ZONE_STALE) {
        guard_add(guards, "reload", "the old version is served: %s",
                  zone->problem ? zone->problem : "the last reload failed");
    }
    if (view < world->desired->view_count) {
        size_t i;
        json_t *record;
        json_array_foreach(json_object_get(reply, "answer"), i, record)
        {
            guard_address(guards, world->desired, view, record);
        }
    }
    return guards;
}

static json_t *query_json(const struct explain_world *world, const struct asked *asked)
{
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], from[ADDRESS_TEXT_BYTES];
    char at[ADDRESS_TEXT_BYTES], listener[ADDRESS_TEXT_BYTES + 32] = "";
    if (asked->listener >= 0) {
        const struct desired_listener *where = &world->desired->listeners[asked->listener];
        snprintf(listener, sizeof(listener), address_is_v4(&where->address) ? "%s:%u" : "[%s]:%u",
                 address_to_text(&where->address, at), where->port);
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", name_to_text(asked->name, name), "type",
                     type_to_text(asked->type, type), "from",
                     address_to_text(&asked->client.address, from), "listener", listener,
                     "transport", asked->client.transport == TRANSPORT_TCP ? "tcp" : "udp");
}

/* The site of the client, or of the network that a listed resolver asks for. */
static unsigned site_of(const struct explain_world *world, const struct asked *asked)
{
    const struct scope *scope = world->snapshot->scope;
    bool subnet =
        asked->has_subnet && view_match_subnet_listed(scope->match, &asked->client.address);
    return scope_site(scope, subnet ? &asked->subnet.base : &asked->client.address);
}

static json_t *explain_outcome(const struct explain_world *world, const struct asked *asked,
                               const struct outcome *outcome, const struct trace *trace,
                               json_t *reply)
{
    struct zone_status status, *zone = NULL;
    if (outcome->zone != UINT32_MAX &&
        control_zone_status(world->control, outcome->zone, &status) == ERR_OK) {
        zone = &status;
    }
    return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "query",
                     query_json(world, asked), "view", view_json(world, asked, outcome->view),
                     "zone", zone ? zone_to_json(zone, world->desired) : json_null(), "kind",
                     answer_kind_name(outcome->kind), "steps", steps_json(trace), "ttl",
                     ttl_json(reply), "guards", guards_json(world, outcome->view, zone, reply),
                     "service",
                     outcome->view < world->desired->view_count
                         ? service_explain_json(world->services, asked->name, outcome->view,
                                                site_of(world, asked))
                         : json_null(),
                     "reply", json_incref(reply), "revision", (json_int_t)world->snapshot->revision,
                     "generation", (json_int_t)world->snapshot->generation);
}

static int explain_asked(const struct explain_world *world, const struct asked *asked,
                         json_t **ret_json)
{
    uint8_t query[REPLY_QUERY_MAX];
    struct reply_question wire = {
        .name = asked->name,
        .type = asked->type,
        .payload = LIMIT_UDP_PAYLOAD,
        .subnet = asked->has_subnet ? &asked->subnet : NULL,
    };
    size_t query_len = reply_make_query(&wire, query);
    uint8_t *reply = malloc(LIMIT_MESSAGE_BYTES);
    if (!reply) {
        return ERR_NOMEM;
    }
    struct trace trace;
    struct outcome outcome;
    trace_init(&trace, &ALLOC_MALLOC);
    size_t reply_len = answer(world->snapshot, &asked->client, query, query_len, 0, reply,
                              LIMIT_MESSAGE_BYTES, &outcome, NULL, &trace);
    json_t *reply_json = NULL, *json = NULL;
    int err = reply_to_json(reply, reply_len, &reply_json);
    if (err == ERR_OK) {
        json = explain_outcome(world, asked, &outcome, &trace, reply_json);
        err = json ? ERR_OK : ERR_NOMEM;
    }
    json_decref(reply_json);
    trace_deinit(&trace);
    free(reply);
    if (err == ERR_OK) {
        *ret_json = json;
    }
    return err;
}

int explain_to_json(const struct explain_world *world, const struct explain_question *question,
                    json_t **ret_json, struct explain_refusal *refusal)
{
    struct asked asked = {0};
    int err = understand_name(question, &asked, refusal);
    if (err == ERR_OK) {
        err = understand_client(world->desired, question, &asked, refusal);
    }
    return err == ERR_OK ? explain_asked(world, &asked, ret_json) : err;
}
