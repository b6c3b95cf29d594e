/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The one table of limits: name, value, reason. Every queue, name, loop and connection count in
 * horizon is bounded by a row here; related rows are tied by static assertions below the table.
 * Limits that a configuration may change are options (config/) whose default is a row here.
 */
#pragma once

#define LIMIT_TABLE(X)                                                                           \
    X(LIMIT_NAME_BYTES, 255, "RFC 1035 2.3.4: a name on the wire")                               \
    X(LIMIT_LABEL_BYTES, 63, "RFC 1035 2.3.4: a label")                                          \
    X(LIMIT_LABELS, 127, "what fits in 255 bytes")                                               \
    X(LIMIT_MESSAGE_BYTES, 65535, "RFC 1035 4.2.2: the TCP length field")                        \
    X(LIMIT_UDP_PAYLOAD, 1232, "default EDNS payload: no fragments on an IPv6 minimum MTU")      \
    X(LIMIT_UDP_PLAIN, 512, "RFC 1035 4.2.1: UDP without EDNS")                                  \
    X(LIMIT_VIEWS, 64, "a set of views is one machine word")                                     \
    X(LIMIT_LISTENERS, 64, "addresses a server listens on")                                      \
    X(LIMIT_WORKERS, 256, "threads that answer")                                                 \
    X(LIMIT_ZONES, 65536, "zones in one process")                                                \
    X(LIMIT_CHAIN, 16, "links of a CNAME or DNAME chain followed in one answer")                 \
    X(LIMIT_EDNS_OPTIONS, 64, "options read in one OPT record; the rest is ignored")             \
    X(LIMIT_COMPRESS, 64, "names remembered for compression in one reply")                       \
    X(LIMIT_NSID_BYTES, 128, "RFC 5001 leaves it open; more only costs payload")                 \
    X(LIMIT_NODE_BYTES, 1048576, "all records of one owner name, encoded")                       \
    X(LIMIT_RRSET_BYTES, 65000, "one record set must fit a TCP reply")                           \
    X(LIMIT_INCLUDE_DEPTH, 8, "nested $INCLUDE files")                                           \
    X(LIMIT_INCLUDES, 10000, "$INCLUDE directives followed in one zone text")                    \
    X(LIMIT_DIAGS, 100, "findings kept from one check; the rest is counted")                     \
    X(LIMIT_ZONE_TEXT_BYTES, 4294967295, "size of one zone file")                                \
    X(LIMIT_CONFIG_BYTES, 67108864, "size of the configuration file")                            \
    X(LIMIT_CONFIG_DEPTH, 16, "lists and maps inside each other in a configuration")             \
    X(LIMIT_CONTROL_CONNECTIONS, 32, "open connections to the control socket")                   \
    X(LIMIT_CONTROL_IDLE_S, 10, "seconds a connection to the control socket may be silent")      \
    X(LIMIT_CONTROL_BODY_BYTES, 65536, "body of one request to the control socket")              \
    X(LIMIT_DIFFERENCES, 10000, "differences of two views that are listed; the rest is counted") \
    X(LIMIT_LOADING, 4, "zone files read and parsed at the same time")                           \
    X(LIMIT_STOP_MS, 5000, "how long a stop waits for queries under way")                        \
    X(LIMIT_INSTANCES, 65535, "instances of one service: an SRV set of more fits nowhere")       \
    X(LIMIT_SERVICES, 1048576, "services in one process")                                        \
    X(LIMIT_INSTANCE_ADDRESSES, 64, "addresses of one instance, of all views together")          \
    X(LIMIT_INSTANCE_ID_BYTES, 128, "id of an instance")                                         \
    X(LIMIT_OVERRIDES, 1000, "operator overrides, ended ones of a day included")                 \
    X(LIMIT_LEDGER_KEPT, 262144, "records that caches may hold though the answer is another")    \
    X(LIMIT_LINGERS, 100000, "names that were services within the hour, and are NODATA")         \
    X(LIMIT_BUDGETS, 64, "owners and sites whose part of the blast radius is counted")           \
    X(LIMIT_DRAINS, 64, "drains that run, or ended lately")                                      \
    X(LIMIT_INCIDENTS, 256, "failovers that are remembered")                                     \
    X(LIMIT_CHECKS, 16, "checks of one instance")                                                \
    X(LIMIT_CHECK_INTERVAL_MS, 100, "shortest interval of a check")                              \
    X(LIMIT_REFERENCES, 8, "targets that tell whether the checker itself has a network")         \
    X(LIMIT_PROBES, 1024, "probes under way at the same time")                                   \
    X(LIMIT_TAGS, 64, "tags, SRV names, sites or metadata of one object")                        \
    X(LIMIT_ANSWERS, 64, "addresses that a policy `some` or `weighted` puts into one answer")    \
    X(LIMIT_REGISTRY_NEGATIVE_TTL_S, 5, "a registered name may come back any moment")            \
    X(LIMIT_REGISTRY_QUEUE, 4096, "changes of the registry that wait for the store")             \
    X(LIMIT_REGISTRY_SEEN, 262144, "verdicts that wait for the store to record them")            \
    X(LIMIT_HISTORY, 10000, "changes of declared state that are remembered")                     \
    X(LIMIT_PLAN_BYTES, 67108864, "body of a request that applies a plan")

enum limit {
#define X(name, value, reason) name = value,
    LIMIT_TABLE(X)
#undef X
};

_Static_assert(LIMIT_LABELS * 2 + 1 <= LIMIT_NAME_BYTES, "labels follow from the name length");
_Static_assert(LIMIT_UDP_PLAIN <= LIMIT_UDP_PAYLOAD, "EDNS never shrinks a reply");
_Static_assert(LIMIT_RRSET_BYTES < LIMIT_MESSAGE_BYTES, "a set fits a TCP reply");
_Static_assert(LIMIT_RRSET_BYTES < LIMIT_NODE_BYTES, "a name holds at least one largest set");
