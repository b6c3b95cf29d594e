/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snapshot/check.h"

#include "dns/name.h"

struct check {
    const struct slab *slab;
    struct twig root;
    const uint8_t *origin;
    unsigned origin_labels;
    size_t origin_len;
    struct place place;
    struct findings *findings;
    unsigned suspect_count; /* addresses below a cut: glue, or occluded? */
    const struct node *suspects[LIMIT_DIAGS];
};

static void report(struct check *check, enum severity severity, const struct node *node,
                   uint16_t type, const char *mend, const char *text)
{
    uint8_t owner[NAME_MAX];
    node_owner(node, check->origin, owner);
    findings_add(check->findings, severity, owner, type, check->place, mend, "%s", text);
}

/* RFC 1034 3.6.2 and RFC 2181 10.1: a CNAME stands alone, apart from DNSSEC's own records (RFC
 * 4034). */
static bool type_beside_cname(uint16_t type)
{
    return type == TYPE_CNAME || type == TYPE_RRSIG || type == TYPE_NSEC || type == 25 /* KEY */;
}

static void check_alias(struct check *check, const struct node *node)
{
    const struct rrset *sets = node_rrsets(node);
    const struct rrset *cname = node_find(node, TYPE_CNAME);
    const struct rrset *dname = node_find(node, TYPE_DNAME);
    for (unsigned i = 0; cname && i < node->head.count; i++) {
        if (!type_beside_cname(sets[i].type)) {
            report(check, SEVERITY_ERROR, node, sets[i].type, "keep the CNAME or the other data",
                   "CNAME beside other data");
            break;
        }
    }
    if (cname && cname->count > 1) {
        report(check, SEVERITY_ERROR, node, TYPE_CNAME, "keep one of them", "more than one CNAME");
    }
    if (dname && dname->count > 1) {
        report(check, SEVERITY_ERROR, node, TYPE_DNAME, "keep one of them (RFC 6672 2.4)",
               "more than one DNAME");
    }
    if (dname && node->head.flags & NODE_CUT) {
        report(check, SEVERITY_ERROR, node, TYPE_DNAME,
               "delegate the name or redirect it (RFC 6672 2.3)", "DNAME beside a delegation");
    }
}

/* Is the name's origin written twice ("www.example.com.example.com.")? A final dot was forgotten.
 */
static bool repeats_origin(const struct check *check, const uint8_t *name)
{
    unsigned labels = name_labels(name), origin = check->origin_labels;
    if (origin == 0 || labels < 2 * origin || !name_in_zone(name, check->origin)) {
        return false;
    }
    for (unsigned skip = labels - 2 * origin; skip > 0; skip--) {
        name += *name + 1u;
    }
    const uint8_t *want = check->origin;
    for (unsigned i = 0; i < origin; i++) {
        if (*name != *want) {
            return false;
        }
        for (unsigned k = 1; k <= *want; k++) {
            if ((name[k] | 0x20) != (want[k] | 0x20)) {
                return false;
            }
        }
        name += *name + 1u;
        want += *want + 1u;
    }
    return true;
}

/* A name server below its own delegation, or of the zone itself and in it, but without an address:
 * nobody can follow it. */
static void check_glue(struct check *check, const struct node *node, const uint8_t *owner,
                       const uint8_t *target)
{
    bool expected = node->head.flags & NODE_CUT || node_name_len(node) == 0;
    if (!expected || !name_in_zone(target, owner)) {
        return;
    }
    const struct node *glue = node_of_name(check->slab, check->root, check->origin_labels, target);
    if (!glue || (!node_find(glue, TYPE_A) && !node_find(glue, TYPE_AAAA))) {
        char name[NAME_TEXT_MAX];
        findings_add(check->findings, SEVERITY_WARNING, owner, TYPE_NS, check->place,
                     "add its A or AAAA record", "missing glue: no address of %s",
                     name_to_text(target, name));
    }
}

static void check_target(struct check *check, const struct node *node, const uint8_t *owner,
                         uint16_t type, const uint8_t *target)
{
    if (repeats_origin(check, target)) {
        char name[NAME_TEXT_MAX];
        findings_add(check->findings, SEVERITY_WARNING, owner, type, check->place,
                     "end the name with a dot", "the target %s repeats the origin",
                     name_to_text(target, name));
    }
    if (type == TYPE_NS) {
        check_glue(check, node, owner, target);
    }
}

/* Could its name end with the origin? A look at two bytes, for all but a few names. */
static bool may_repeat_origin(const struct check *check, const struct node *node)
{
    size_t len = node_name_len(node), origin_len = check->origin_len - 1;
    return len >= origin_len && origin_len > 0 &&
           node->name[len - origin_len] == check->origin[0] &&
           (node->name[len - 1] | 0x20) == (check->origin[origin_len - 1] | 0x20);
}

static bool has_targets(const struct node *node)
{
    const struct rrset *sets = node_rrsets(node);
    for (unsigned i = 0; i < node->head.count; i++) {
        if (type_target_offset(sets[i].type) >= 0) {
            return true;
        }
    }
    return false;
}

static void check_targets(struct check *check, const struct node *node)
{
    const struct rrset *sets = node_rrsets(node);
    uint8_t owner[NAME_MAX];
    if (!may_repeat_origin(check, node) && !has_targets(node)) {
        return;
    }
    node_owner(node, check->origin, owner);
    for (unsigned i = 0; i < node->head.count; i++) {
        int offset = type_target_offset(sets[i].type);
        const uint8_t *at = rrset_data(node, &sets[i]);
        for (unsigned k = 0; offset >= 0 && k < sets[i].count; k++) {
            uint16_t len;
            const uint8_t *rdata = rdata_next(&sets[i], &at, &len);
            if (len > offset && name_check(rdata + offset, (size_t)(len - offset))) {
                check_target(check, node, owner, sets[i].type, rdata + offset);
            }
        }
    }
    if (node_name_len(node) > 0 && repeats_origin(check, owner)) {
        findings_add(check->findings, SEVERITY_WARNING, owner, 0, check->place,
                     "end the name with a dot", "the name repeats the origin");
    }
}

static void report_occluded(struct check *check, const struct node *node, uint16_t type)
{
    report(check, SEVERITY_WARNING, node, type, "remove it, or the delegation above it",
           "occluded data, never answered,");
}

/* Only addresses make sense below a delegation (glue), and nothing below a DNAME. */
static void check_above(struct check *check, const struct node *node, unsigned cut_flags)
{
    if (cut_flags & LEAF_DNAME && !(cut_flags & LEAF_CUT)) {
        report(check, SEVERITY_ERROR, node, 0, "remove the data or the DNAME (RFC 6672 2.4)",
               "data below a DNAME");
        return;
    }
    const struct rrset *sets = node_rrsets(node);
    for (unsigned i = 0; cut_flags && i < node->head.count; i++) {
        if (sets[i].type != TYPE_A && sets[i].type != TYPE_AAAA) {
            report_occluded(check, node, sets[i].type);
            return;
        }
    }
    if (cut_flags && check->suspect_count < LIMIT_DIAGS) {
        check->suspects[check->suspect_count++] = node;
    }
}

/* Is a suspect a name server of this node's set? Then it is glue. */
static void suspects_clear(struct check *check, const struct node *node, const struct rrset *ns)
{
    const uint8_t *at = rrset_data(node, ns);
    uint8_t owner[NAME_MAX];
    for (unsigned k = 0; k < ns->count; k++) {
        uint16_t len;
        const uint8_t *target = rdata_next(ns, &at, &len);
        for (unsigned i = 0; i < check->suspect_count; i++) {
            if (check->suspects[i]) {
                node_owner(check->suspects[i], check->origin, owner);
                check->suspects[i] = name_equal(owner, target) ? NULL : check->suspects[i];
            }
        }
    }
}

/* Addresses below a cut are glue when some name server set of the zone names them (RFC 9471 counts
 * those of siblings in); the rest is occluded. */
static void check_suspects(struct check *check)
{
    struct qp_iter iter;
    qp_iter_init(&iter, check->slab, check->suspect_count ? check->root : (struct twig){0});
    for (ref_t ref; (ref = qp_iter_next(&iter)) != 0;) {
        const struct node *node = node_at(check->slab, ref);
        const struct rrset *ns = node_find(node, TYPE_NS);
        if (ns) {
            suspects_clear(check, node, ns);
        }
    }
    for (unsigned i = 0; i < check->suspect_count; i++) {
        if (check->suspects[i]) {
            report_occluded(check, check->suspects[i], 0);
        }
    }
}

static void check_node(struct check *check, const struct node *node)
{
    if (node->head.flags & (NODE_CNAME | NODE_DNAME)) {
        check_alias(check, node);
    }
    if (node_name_len(node) == 0 && !node_find(node, TYPE_NS)) {
        report(check, SEVERITY_ERROR, node, 0, "add the zone's NS records", "no NS");
    }
    check_targets(check, node);
}

void zone_check_tree(const struct slab *slab, struct twig root, const uint8_t *origin,
                     struct findings *findings)
{
    struct check check = {.slab = slab,
                          .root = root,
                          .origin = origin,
                          .origin_labels = name_labels(origin),
                          .origin_len = name_len(origin),
                          .findings = findings};
    struct qp_iter iter;
    /* The walk is in canonical order: what is below a cut follows it without a gap. */
    const struct node *cut = NULL;
    qp_iter_init(&iter, slab, root);
    for (ref_t ref; (ref = qp_iter_next(&iter)) != 0;) {
        const struct node *node = node_at(slab, ref);
        check_node(&check, node);
        if (cut &&
            name_relative_below(node->name, node_name_len(node), cut->name, node_name_len(cut))) {
            check_above(&check, node, node_leaf_flags(cut));
        } else {
            cut = node_leaf_flags(node) ? node : NULL;
        }
    }
    check_suspects(&check);
}

/* A base has been counted while it was built; an overlay may add one. */
static void check_soa(struct check *check, const struct node *node)
{
    const struct rrset *soa = node_find(node, TYPE_SOA);
    if (soa && node_name_len(node) > 0) {
        report(check, SEVERITY_ERROR, node, TYPE_SOA, "a zone has one SOA, at its apex",
               "SOA below the apex");
    } else if (soa && soa->count > 1) {
        report(check, SEVERITY_ERROR, node, TYPE_SOA, "keep one of them", "second SOA");
    }
}

/* A cut that came by an overlay: is anything below it that may not be there? */
static void check_below(struct check *check, const struct qp_name *name, unsigned cut_flags)
{
    struct qp_iter iter;
    qp_iter_init_below(&iter, check->slab, check->root, name);
    for (ref_t ref; (ref = qp_iter_next(&iter)) != 0;) {
        const struct node *node = node_at(check->slab, ref);
        if (node_name_len(node) > name->len) {
            check_above(check, node, cut_flags);
        }
    }
}

/* The name may have been the glue of a delegation above it. */
static void check_lost_glue(struct check *check, const struct node *cut, const uint8_t *name)
{
    const struct rrset *ns = node_find(cut, TYPE_NS);
    const uint8_t *at = ns ? rrset_data(cut, ns) : NULL;
    uint8_t owner[NAME_MAX];
    node_owner(cut, check->origin, owner);
    for (unsigned i = 0; ns && i < ns->count; i++) {
        uint16_t len;
        const uint8_t *target = rdata_next(ns, &at, &len);
        if (name_equal(target, name)) {
            check_glue(check, cut, owner, target);
        }
    }
}

void zone_check_name(const struct slab *slab, struct twig root, const uint8_t *origin,
                     const struct qp_name *name, struct place place, struct findings *findings)
{
    struct check check = {.slab = slab,
                          .root = root,
                          .origin = origin,
                          .origin_labels = name_labels(origin),
                          .origin_len = name_len(origin),
                          .place = place,
                          .findings = findings};
    struct qp_found found;
    qp_find(slab, root, name, &found);
    const struct node *node = found.exact ? node_at(slab, found.exact) : NULL;
    if (name->len == 0 && (!node || !node_find(node, TYPE_SOA))) {
        findings_add(findings, SEVERITY_ERROR, origin, 0, place, "leave the apex its SOA",
                     "no SOA");
    }
    if (found.cut && found.cut_flags & LEAF_CUT) {
        uint8_t owner[NAME_MAX];
        memcpy(owner, name->wire, name->len);
        memcpy(owner + name->len, origin, name_len(origin));
        check_lost_glue(&check, node_at(slab, found.cut), owner);
    }
    if (!node) {
        return;
    }
    check_soa(&check, node);
    check_node(&check, node);
    if (found.cut) {
        check_above(&check, node, found.cut_flags);
    }
    if (node_leaf_flags(node)) {
        check_below(&check, name, node_leaf_flags(node));
    }
    check_suspects(&check);
}
