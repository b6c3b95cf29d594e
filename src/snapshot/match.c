/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snapshot/match.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 u128;

/* The IPv4-mapped addresses, ::ffff:0:0/96. */
#define V4_FIRST ((u128)0xffff << 32)
#define V4_LAST (V4_FIRST | UINT32_MAX)

/* Prefixes that hold one address nest, at most one of each length. */
enum {
    V4_BITS = 96,
    NESTED_MAX = 129
};

/* The ranges of one listener: a part of each of the arrays below. */
struct table {
    uint32_t v4_start, v4_count, v6_start, v6_count;
};

struct view_match {
    const struct alloc *alloc;
    struct table *listeners; /* by slot */
    uint32_t listener_count;
    struct table others;          /* listeners that no rule names */
    struct table subnet;          /* resolvers whose client subnet option counts: view 0 */
    struct buf v4_first, v4_view; /* uint32_t and uint8_t, side by side */
    struct buf v6_first, v6_view; /* u128 and uint8_t */
};

/* One configured prefix as a range of addresses. */
struct rule {
    u128 first, last;
    uint32_t order;
    uint8_t bits, view;
    bool named; /* names the listener */
};

/* Rules open at a point of the sweep, the innermost last. */
struct nest {
    const struct rule *rules[NESTED_MAX];
    unsigned depth;
};

static u128 address_number(const struct address *address)
{
    u128 number = 0;
    for (int i = 0; i < 16; i++) {
        number = number << 8 | address->bytes[i];
    }
    return number;
}

static u128 bits_mask(unsigned bits)
{
    return bits == 0 ? 0 : ~(u128)0 << (128 - bits);
}

static struct rule rule_make(const struct prefix *prefix, bool named, unsigned view, uint32_t order)
{
    u128 first = address_number(&prefix->base);
    return (struct rule){
        .first = first,
        .last = first | ~bits_mask(prefix->bits),
        .order = order,
        .bits = prefix->bits,
        .view = (uint8_t)view,
        .named = named,
    };
}

/* Outer before inner, so that they can be nested in order; of equal ones the first configured. */
static int rule_compare(const void *left, const void *right)
{
    const struct rule *a = left, *b = right;
    if (a->first != b->first) {
        return a->first < b->first ? -1 : 1;
    }
    if (a->bits != b->bits) {
        return a->bits < b->bits ? -1 : 1;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

static int point_compare(const void *left, const void *right)
{
    const u128 *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

static void nest_close(struct nest *nest, u128 point)
{
    while (nest->depth && nest->rules[nest->depth - 1]->last < point) {
        nest->depth--;
    }
}

static void nest_open(struct nest *nest, const struct rule *rule)
{
    const struct rule *top = nest->depth ? nest->rules[nest->depth - 1] : NULL;
    if (top && top->first == rule->first && top->bits == rule->bits) {
        return; /* the same prefix again: the first counts */
    }
    nest->rules[nest->depth++] = rule;
}

/* The innermost rule that applies; an IPv6 prefix around all of IPv4 does not apply to IPv4. */
static const struct rule *nest_find(const struct nest *nest, bool v4)
{
    const struct rule *top = nest->depth ? nest->rules[nest->depth - 1] : NULL;
    return top && (!v4 || top->bits >= V4_BITS) ? top : NULL;
}

/* Adds one range to a table unless its view goes on. */
static int range_add(struct view_match *match, struct table *table, u128 first, bool v4,
                     uint8_t view)
{
    struct buf *firsts = v4 ? &match->v4_first : &match->v6_first;
    struct buf *views = v4 ? &match->v4_view : &match->v6_view;
    uint32_t *count = v4 ? &table->v4_count : &table->v6_count;
    if (*count && views->data[views->len - 1] == view) {
        return ERR_OK;
    }
    uint32_t first_v4 = (uint32_t)first;
    int err = v4 ? buf_append(firsts, &first_v4, sizeof(first_v4))
                 : buf_append(firsts, &first, sizeof(first));
    if (err == ERR_OK) {
        err = buf_append(views, &view, sizeof(view));
    }
    *count += err == ERR_OK;
    return err;
}

/* Every address at which the view may change, sorted; `points` holds 2 * count + 3. */
static size_t points_collect(const struct rule *rules, size_t count, u128 *points)
{
    size_t n = 0;
    points[n++] = 0;
    points[n++] = V4_FIRST;
    points[n++] = V4_LAST + 1;
    for (size_t i = 0; i < count; i++) {
        points[n++] = rules[i].first;
        if (rules[i].last != ~(u128)0) {
            points[n++] = rules[i].last + 1;
        }
    }
    qsort(points, n, sizeof(*points), point_compare);
    return n;
}

static int table_sweep(struct view_match *match, struct table *table, const struct rule *rules,
                       size_t count, const u128 *points, size_t point_count, uint8_t otherwise)
{
    struct nest named = {.depth = 0}, any = {.depth = 0};
    size_t next = 0;
    for (size_t i = 0; i < point_count; i++) {
        u128 point = points[i];
        nest_close(&named, point);
        nest_close(&any, point);
        for (; next < count && rules[next].first == point; next++) {
            nest_open(rules[next].named ? &named : &any, &rules[next]);
        }
        bool v4 = point >= V4_FIRST && point <= V4_LAST;
        const struct rule *rule = nest_find(&named, v4);
        rule = rule ? rule : nest_find(&any, v4);
        int err = range_add(match, table, point, v4, rule ? rule->view : otherwise);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

/* Flattens `rules` (sorted here) into a table. */
static int table_build(struct view_match *match, struct rule *rules, size_t count,
                       uint8_t otherwise, struct table *out)
{
    struct table table = {
        .v4_start = (uint32_t)match->v4_view.len,
        .v6_start = (uint32_t)match->v6_view.len,
    };
    u128 *points = mem_new(match->alloc, (2 * count + 3) * sizeof(*points));
    if (!points) {
        return ERR_NOMEM;
    }
    qsort(rules, count, sizeof(*rules), rule_compare);
    size_t point_count = points_collect(rules, count, points);
    int err = table_sweep(match, &table, rules, count, points, point_count, otherwise);
    mem_free(match->alloc, points);
    *out = table;
    return err;
}

/* Rules that concern listener `index` (-1: one that no rule names), and the default view. */
static size_t rules_collect(const struct desired *desired, int index, struct rule *rules,
                            uint8_t *otherwise)
{
    size_t count = 0;
    *otherwise = VIEW_NONE;
    for (uint32_t view = 0; view < desired->view_count; view++) {
        const struct desired_view *from = &desired->views[view];
        if (from->is_default && *otherwise == VIEW_NONE) {
            *otherwise = (uint8_t)view;
        }
        for (uint32_t i = 0; i < from->match_count; i++) {
            const struct desired_match *rule = &from->matches[i];
            if (rule->listener < 0 || rule->listener == index) {
                rules[count] = rule_make(&rule->prefix, rule->listener >= 0, view, (uint32_t)count);
                count++;
            }
        }
    }
    return count;
}

static size_t subnet_rules_collect(const struct desired *desired, struct rule *rules)
{
    size_t count = 0;
    for (uint32_t view = 0; view < desired->view_count; view++) {
        for (uint32_t i = 0; i < desired->views[view].subnet_from_count; i++) {
            rules[count] =
                rule_make(&desired->views[view].subnet_from[i], false, 0, (uint32_t)count);
            count++;
        }
    }
    return count;
}

static bool listener_is_named(const struct desired *desired, int index)
{
    for (uint32_t view = 0; view < desired->view_count; view++) {
        for (uint32_t i = 0; i < desired->views[view].match_count; i++) {
            if (desired->views[view].matches[i].listener == index) {
                return true;
            }
        }
    }
    return false;
}

static int tables_build(struct view_match *match, const struct desired *desired, struct rule *rules)
{
    uint8_t otherwise;
    size_t count = rules_collect(desired, -1, rules, &otherwise);
    int err = table_build(match, rules, count, otherwise, &match->others);
    for (uint32_t slot = 0; slot < match->listener_count; slot++) {
        match->listeners[slot] = match->others;
    }
    for (uint32_t i = 0; i < desired->listener_count && err == ERR_OK; i++) {
        if (listener_is_named(desired, (int)i)) {
            count = rules_collect(desired, (int)i, rules, &otherwise);
            err = table_build(match, rules, count, otherwise,
                              &match->listeners[desired->listeners[i].slot]);
        }
    }
    if (err == ERR_OK) {
        count = subnet_rules_collect(desired, rules);
        err = table_build(match, rules, count, VIEW_NONE, &match->subnet);
    }
    return err;
}

/* Upper bound of the rules of one table. */
static size_t rules_count(const struct desired *desired)
{
    size_t matches = 0, subnets = 0;
    for (uint32_t view = 0; view < desired->view_count; view++) {
        matches += desired->views[view].match_count;
        subnets += desired->views[view].subnet_from_count;
    }
    return matches > subnets ? matches : subnets;
}

int view_match_new(const struct alloc *alloc, const struct desired *desired,
                   struct view_match **out)
{
    struct view_match *match = mem_new_zero(alloc, 1, sizeof(*match));
    if (!match) {
        return ERR_NOMEM;
    }
    match->alloc = alloc;
    buf_init(&match->v4_first, alloc);
    buf_init(&match->v4_view, alloc);
    buf_init(&match->v6_first, alloc);
    buf_init(&match->v6_view, alloc);
    for (uint32_t i = 0; i < desired->listener_count; i++) {
        uint32_t slot = desired->listeners[i].slot;
        match->listener_count = slot >= match->listener_count ? slot + 1 : match->listener_count;
    }
    match->listeners = mem_new_zero(alloc, match->listener_count, sizeof(*match->listeners));
    struct rule *rules = mem_new(alloc, rules_count(desired) * sizeof(*rules));
    int err = match->listeners && rules ? tables_build(match, desired, rules) : ERR_NOMEM;
    mem_free(alloc, rules);
    if (err != ERR_OK) {
        view_match_free(match);
        return err;
    }
    *out = match;
    return ERR_OK;
}

void view_match_free(struct view_match *match)
{
    if (!match) {
        return;
    }
    buf_deinit(&match->v4_first);
    buf_deinit(&match->v4_view);
    buf_deinit(&match->v6_first);
    buf_deinit(&match->v6_view);
    mem_free(match->alloc, match->listeners);
    mem_free(match->alloc, match);
}

/* Index, within the table, of the IPv4 range that holds `number`. */
static uint32_t v4_find(const struct view_match *match, const struct table *table, uint32_t number)
{
    const uint32_t *first = (const uint32_t *)(const void *)match->v4_first.data + table->v4_start;
    uint32_t low = 0, count = table->v4_count;
    while (count > 1) {
        uint32_t half = count / 2;
        low = first[low + half] <= number ? low + half : low;
        count -= half;
    }
    return low;
}

static uint32_t v6_find(const struct view_match *match, const struct table *table, u128 number)
{
    const u128 *first = (const u128 *)(const void *)match->v6_first.data + table->v6_start;
    uint32_t low = 0, count = table->v6_count;
    while (count > 1) {
        uint32_t half = count / 2;
        low = first[low + half] <= number ? low + half : low;
        count -= half;
    }
    return low;
}

static unsigned table_find(const struct view_match *match, const struct table *table,
                           const struct address *address)
{
    if (address_is_v4(address)) {
        const uint8_t *b = address->bytes + 12;
        uint32_t number = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        return match->v4_view.data[table->v4_start + v4_find(match, table, number)];
    }
    uint32_t at = v6_find(match, table, address_number(address));
    return match->v6_view.data[table->v6_start + at];
}

static const struct table *listener_table(const struct view_match *match, unsigned listener)
{
    return listener < match->listener_count ? &match->listeners[listener] : &match->others;
}

unsigned view_match_find(const struct view_match *match, unsigned listener,
                         const struct address *client)
{
    return table_find(match, listener_table(match, listener), client);
}

bool view_match_subnet_listed(const struct view_match *match, const struct address *resolver)
{
    return table_find(match, &match->subnet, resolver) != VIEW_NONE;
}

/* First address of range `at` of a family; one past the family's last address for the one after. */
static u128 range_first(const struct view_match *match, const struct table *table, bool v4,
                        uint32_t at)
{
    if (v4) {
        uint32_t first;
        memcpy(&first, match->v4_first.data + (table->v4_start + at) * sizeof(first),
               sizeof(first));
        return V4_FIRST | first;
    }
    u128 first;
    memcpy(&first, match->v6_first.data + (table->v6_start + at) * sizeof(first), sizeof(first));
    return first;
}

static bool view_is_same(uint8_t view, uint64_t same)
{
    return view < 64 && (same >> view & 1);
}

unsigned view_match_scope(const struct view_match *match, unsigned listener,
                          const struct address *address, uint64_t same)
{
    const struct table *table = listener_table(match, listener);
    u128 number = address_number(address);
    bool v4 = address_is_v4(address);
    uint32_t count = v4 ? table->v4_count : table->v6_count;
    uint32_t at = v4 ? v4_find(match, table, (uint32_t)number) : v6_find(match, table, number);
    const uint8_t *views =
        v4 ? match->v4_view.data + table->v4_start : match->v6_view.data + table->v6_start;
    uint32_t low = at, high = at;
    while (low > 0 && view_is_same(views[low - 1], same)) {
        low--;
    }
    while (high + 1 < count && view_is_same(views[high + 1], same)) {
        high++;
    }
    u128 first = range_first(match, table, v4, low);
    u128 last = high + 1 < count ? range_first(match, table, v4, high + 1) - 1
                : v4             ? V4_LAST
                                 : ~(u128)0;
    unsigned bits = v4 ? V4_BITS : 0;
    while (bits < 128 &&
           ((number & bits_mask(bits)) < first || (number | ~bits_mask(bits)) > last)) {
        bits++;
    }
    return bits;
}
