/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is registered: services (a name answered from here, and how), and their instances (one
 * address and port each, with weight, tags, site, checks). Plain values; a frozen copy is one block
 * of memory.
 *
 *   service web.prod.internal.  policy, checks of every instance
 *     └─ instance "web-1"       addresses by view, port, weight, tags, own checks, lease
 *
 * Views are named by text, as they come and go with the configuration.
 */
#pragma once

#include "base/address.h"
#include "base/alloc.h"
#include "base/diag.h"
#include "base/time.h"
#include "dns/name.h"

/* Owner of what the configuration declares; those of others have a prefix ("unix:1000"). */
#define OWNER_CONFIG "config"

#define CHECK_KIND_TABLE(X)                                                             \
    X(CHECK_TCP, "tcp", "a connection can be made, and what is expected is read")       \
    X(CHECK_HELD, "held", "a connection is kept open; its end is the news")             \
    X(CHECK_HTTP, "http", "an HTTP or HTTPS request is answered with a good status")    \
    X(CHECK_DNS, "dns", "a DNS query is answered")                                      \
    X(CHECK_TTL, "ttl", "the instance reports by itself; silence is failure")           \
    X(CHECK_COMMAND, "command", "a program ends with status 0 (1: warning)")            \
    X(CHECK_FILE, "file", "a file says so, or exists")                                  \
    X(CHECK_CALCULATED, "calculated", "at least n of the instance's other checks pass") \
    X(CHECK_ALIAS, "alias", "another service has an instance that works")

enum check_kind {
#define X(kind, name, text) kind,
    CHECK_KIND_TABLE(X)
#undef X
    CHECK_KIND_COUNT
};
const char *check_kind_name(enum check_kind kind);
enum check_kind check_kind_from_name(const char *name); /* CHECK_KIND_COUNT: none */

struct check {
    enum check_kind kind;
    const char *name; /* unique within its instance */
    uint32_t interval_ms, timeout_ms;
    uint16_t rise, fall;
    uint16_t port;             /* 0: the instance's */
    const char *target;        /* an address instead of the instance's own; NULL */
    const char *text;          /* path of http, name of dns, argument of command, file, alias */
    const char *host;          /* http: Host header and TLS name; NULL: the address */
    const char *send, *expect; /* tcp: what is sent, what must be read; http: in the body */
    uint16_t status_low, status_high; /* http */
    bool tls, verify;                 /* https; the certificate must be good */
    uint16_t need;                    /* calculated */
};

/* What the text of a check is called in its kind ("path" of http); NULL: it has none. */
const char *check_text_key(enum check_kind kind);

/* interval 5 s, timeout 2 s, rise 2, fall 3, status 200 to 299, verify. */
void check_default(struct check *check, enum check_kind kind);

enum answer_mode {
    MODE_ALL,      /* every working instance, rotated */
    MODE_SOME,     /* `answers` of them, the same for the same client */
    MODE_WEIGHTED, /* `answers` of them, drawn by weight */
};
const char *answer_mode_name(enum answer_mode mode);

#define LOCALITY_TABLE(X)                                                      \
    X(LOCALITY_ANY, "any", "the same for every client")                        \
    X(LOCALITY_PREFER, "prefer", "the client's site, then the service's list") \
    X(LOCALITY_NEAREST, "nearest", "the client's site, then those near it")    \
    X(LOCALITY_PIN, "pin", "the client's site and no other")

enum locality {
#define X(locality, name, text) locality,
    LOCALITY_TABLE(X)
#undef X
    LOCALITY_COUNT
};
const char *locality_name(enum locality locality);
enum locality locality_from_name(const char *name); /* LOCALITY_COUNT: none */

struct service {
    uint8_t *name;     /* absolute, lower case */
    const char *owner; /* "config", "api:TOKEN", "unix:UID" */
    uint64_t revision; /* that last changed it */
    enum answer_mode mode;
    enum locality locality;
    uint16_t answers; /* of MODE_SOME and MODE_WEIGHTED */
    uint32_t ttl_s;
    uint8_t panic_percent;  /* below this share of working instances all come back; 0: at none */
    bool closed;            /* may be answered with nothing when no instance works */
    bool keep_last;         /* a deregistration of the last instance is not served */
    uint32_t slow_start_ms; /* weight grows for so long after a recovery; 0: at once */
    uint32_t critical_remove_ms; /* an instance whose lease ran out goes after this; 0: never */
    uint32_t flap_half_life_ms;  /* 0: no damping */
    bool flap_hold_up;
    const char **sites; /* pools in the order of preference; empty: one pool of all */
    uint16_t site_count;
    uint8_t site_percent; /* a site is down when less than this share of its weight works */
    bool active;          /* every site that is not down is answered, not the first alone */
    bool sites_together;  /* a site that is down in one view is down in all */
    bool failback_manual; /* a site that works again waits for a person */
    uint32_t budget_ms;   /* within which a failover must be over; 0: none is declared */
    uint32_t failback_ms; /* or so long, and never shorter than the TTL */
    const char **srv;     /* RFC 2782 labels, "_http._tcp" */
    uint16_t srv_count;
    bool over_zone; /* the name stands in the zone's file, too: A and AAAA are answered from here */
    bool https, svcb;  /* records of these types, with port and hints (RFC 9460) */
    const char **tags; /* that are names of their own below the service */
    uint16_t tag_count;
    struct check *checks;
    uint16_t check_count;
    struct place place; /* in a configuration; file NULL: elsewhere */
};

struct service_address {
    struct address address;
    const char *view; /* NULL: every view */
};

struct meta {
    const char *key, *value;
};

struct instance {
    const uint8_t *service; /* its name */
    const char *id;
    const char *owner;
    uint64_t revision;
    struct service_address *addresses;
    uint16_t address_count;
    uint16_t port;
    uint16_t weight, priority; /* 0..65535; weight 0: only when nothing else is left */
    const char **tags;
    uint16_t tag_count;
    struct meta *meta;
    uint16_t meta_count;
    const char *site;     /* NULL: none */
    struct check *checks; /* besides the service's; one of the same name replaces it */
    uint16_t check_count;
    uint32_t lease_ms; /* must be renewed within; 0: for good */
    struct place place;
};

/* Defaults of everything but names. */
void service_default(struct service *service);
void instance_default(struct instance *instance);

/* A copy in one block of memory, NULL without; mem_free() gives it back. */
struct service *service_freeze(const struct alloc *alloc, const struct service *service);
struct instance *instance_freeze(const struct alloc *alloc, const struct instance *instance);
/* Bytes of the frozen form. */
size_t instance_bytes(const struct instance *instance);

/* Apart from owner, revision, place and time of registration. */
bool service_same(const struct service *a, const struct service *b);
bool instance_same(const struct instance *a, const struct instance *b);

/* What was refused: the field as a path ("checks[0].interval"), why, and the mend (may be ""). */
struct refusal {
    char field[96];
    char reason[256];
    char mend[160];
};
/* Fills *refusal and returns ERR_INVALID. */
__attribute__((format(printf, 4, 5))) int refusal_fill(struct refusal *refusal, const char *field,
                                                       const char *mend, const char *format, ...);

/* Does every field make sense by itself? ERR_INVALID with *refusal. */
int service_check(const struct service *service, struct refusal *refusal);
int instance_check(const struct instance *instance, struct refusal *refusal);
int check_check(const struct check *check, const char *field, struct refusal *refusal);

/* The label that stands for an instance below its service: its id where that is a label (letters,
 * digits, hyphens; not a declared tag of the service), else 'i' and a hash in hex. out: a wire
 * label, length first, at most 64 bytes. */
void instance_label(const struct service *service, const char *id, uint8_t out[64]);
