/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The name tree against a plain model: a table of hostile names in canonical order, and for each
 * tree what it holds of each. Random transactions over several trees that share their nodes; after
 * each of them the content, what readers of the state before still see, and every reference count
 * in the slab.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/random.h"
#include "dns/name.h"
#include "snapshot/node.h"
#include "unit/failing.h"
#include "unit/snapshot/audit.h"

enum {
    TREES = 4, /* tree 0 is the base, the others follow it */
    POOL = 700,
    SLAB_BYTES = 16 << 20,
    TYPE_VALUE = 65280, /* private use: carries the model's value */
};

struct pool_name {
    uint8_t wire[NAME_MAX]; /* absolute: relative + root label */
    uint8_t len;            /* relative */
};

struct model {
    uint32_t value[TREES][POOL]; /* 0: not there; the low two bits are the leaf's flags */
};

struct world {
    struct random random;
    struct backing backing;
    struct slab slab;
    struct failing failing;
    struct pool_name pool[POOL];
    unsigned pool_count;
    struct twig roots[TREES];
    struct model model;
    struct retired retired;
    uint32_t next_value;
};

/* --- hostile names -------------------------------------------------------------------------------
 */

static uint8_t random_byte(struct random *random)
{
    if (random_below(random, 2)) {
        return (uint8_t)('a' + random_below(random, 3));
    }
    static const uint8_t often[] = "\0\1\2\3\77\100*+,-./09:@[^_`az{\177\200\377ab";
    if (random_below(random, 4)) {
        return often[random_below(random, sizeof(often) - 1)];
    }
    uint8_t byte = (uint8_t)random_below(random, 256);
    return byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
}

static size_t random_label(struct random *random, uint8_t *out, size_t room)
{
    size_t len =
        random_below(random, 10) ? 1 + random_below(random, 3) : 1 + random_below(random, 63);
    len = random_below(random, 40) ? len : 63;
    len = len < room ? len : room - 1;
    out[0] = (uint8_t)len;
    for (size_t i = 1; i <= len; i++) {
        out[i] = random_below(random, 5) ? random_byte(random) : 'a';
    }
    return len + 1;
}

/* A fresh name, often one label in front of a name of the pool, or a name of the pool with one byte
 * or its length changed. */
static void random_name(struct world *world, struct pool_name *out)
{
    struct random *random = &world->random;
    uint8_t tail[NAME_MAX];
    size_t tail_len = 0, len = 0;
    if (world->pool_count && random_below(random, 8)) {
        const struct pool_name *from = &world->pool[random_below(random, world->pool_count)];
        memcpy(tail, from->wire, from->len);
        tail_len = from->len;
    }
    if (tail_len && random_below(random, 3) == 0) {
        size_t at = 1 + random_below(random, tail[0]);
        tail[at] = random_byte(random);
    } else if (tail_len && random_below(random, 6) == 0 && tail[0] > 1) {
        memmove(tail + 1, tail + 2, tail_len - 2); /* a prefix of the label, or its end */
        tail[0]--;
        tail_len--;
    }
    size_t labels = random_below(random, 60) ? random_below(random, 3) : random_below(random, 127);
    for (size_t i = 0; i < labels && len + tail_len < 250; i++) {
        len += random_label(random, out->wire + len, 254 - tail_len - len);
    }
    memcpy(out->wire + len, tail, tail_len);
    out->len = (uint8_t)(len + tail_len);
    out->wire[out->len] = 0;
    assert_int_equal(name_check(out->wire, out->len + 1u), out->len + 1u);
}

static int pool_compare(const void *left, const void *right)
{
    return name_compare(((const struct pool_name *)left)->wire,
                        ((const struct pool_name *)right)->wire);
}

static void pool_fill(struct world *world)
{
    while (world->pool_count < POOL) {
        struct pool_name *name = &world->pool[world->pool_count];
        random_name(world, name);
        bool known = false;
        for (unsigned i = 0; i < world->pool_count && !known; i++) {
            known = name_equal(world->pool[i].wire, name->wire);
        }
        world->pool_count += !known;
    }
    qsort(world->pool, POOL, sizeof(world->pool[0]), pool_compare);
}

/* --- the world -----------------------------------------------------------------------------------
 */

static struct world *world_new(uint64_t seed)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    random_seed(&world->random, seed);
    struct slab_backing backing = backing_init(&world->backing, SLAB_BYTES);
    slab_init(&world->slab, &backing);
    failing_init(&world->failing, SIZE_MAX);
    world->next_value = 4;
    pool_fill(world);
    return world;
}

static void world_audit(const struct world *world)
{
    struct audit audit;
    audit_init(&audit, &world->slab);
    for (unsigned i = 0; i < TREES; i++) {
        audit_root(&audit, world->roots[i]);
    }
    audit_retired(&audit, &world->retired);
    audit_close(&audit);
    assert_int_equal(world->failing.alive, 0);
}

static void world_free(struct world *world)
{
    for (unsigned i = 0; i < TREES; i++) {
        if (!twig_empty(world->roots[i])) {
            slab_release(&world->slab, world->roots[i].ref, &world->retired);
        }
        world->roots[i] = (struct twig){0};
    }
    world_audit(world);
    assert_int_equal(world->slab.live_bytes, 0);
    slab_reclaim(&world->slab, &world->retired);
    assert_int_equal(world->slab.retired_bytes, 0);
    world_audit(world);
    backing_deinit(&world->backing);
    free(world);
}

static uint32_t leaf_value(const struct slab *slab, ref_t ref)
{
    const struct node *node = node_at(slab, ref);
    const struct rrset *set = node_find(node, TYPE_VALUE);
    assert_non_null(set);
    const uint8_t *at = rrset_data(node, set);
    uint16_t len;
    uint32_t value;
    memcpy(&value, rdata_next(set, &at, &len), sizeof(value));
    assert_int_equal(len, sizeof(value));
    return value;
}

/* The tree holds exactly what the model says, in canonical order. */
static void tree_matches(const struct world *world, struct twig root, const uint32_t *value)
{
    struct qp_iter iter;
    qp_iter_init(&iter, &world->slab, root);
    for (unsigned i = 0; i < POOL; i++) {
        if (!value[i]) {
            continue;
        }
        ref_t ref = qp_iter_next(&iter);
        assert_int_not_equal(ref, 0);
        struct qp_leaf_name name = qp_leaf_name(&world->slab, ref);
        assert_int_equal(name.len, world->pool[i].len);
        assert_memory_equal(name.wire, world->pool[i].wire, name.len);
        assert_int_equal(leaf_value(&world->slab, ref), value[i]);
    }
    assert_int_equal(qp_iter_next(&iter), 0);
}

static void trees_match(const struct world *world, const struct twig *roots,
                        const struct model *model)
{
    for (unsigned i = 0; i < TREES; i++) {
        tree_matches(world, roots[i], model->value[i]);
    }
}

/* --- operations ----------------------------------------------------------------------------------
 */

static int leaf_new(struct world *world, struct txn *txn, const struct pool_name *name,
                    uint32_t value, ref_t *out)
{
    struct node_draft draft;
    node_draft_init(&draft, &ALLOC_MALLOC);
    (void)world;
    assert_int_equal(node_draft_add(&draft, TYPE_VALUE, 60, (uint8_t *)&value, sizeof(value)),
                     ERR_OK);
    int err = node_encode(txn, name->wire, name->len, &draft, out, NULL);
    node_draft_deinit(&draft);
    return err;
}

/* Each operation changes tree and model together, or fails and changes neither. */
static int op_set(struct world *world, struct txn *txn, unsigned tree, unsigned at)
{
    const struct pool_name *name = &world->pool[at];
    uint32_t value = world->next_value + (uint32_t)random_below(&world->random, 4);
    struct qp_space space;
    struct qp_name key;
    ref_t leaf;
    world->next_value += 4;
    int err = leaf_new(world, txn, name, value, &leaf);
    if (err != ERR_OK) {
        return err;
    }
    qp_name_init(&key, &space, name->wire, name->len);
    err = qp_set(txn, &world->roots[tree], &key, leaf, value & 3);
    if (err != ERR_OK) {
        txn_drop(txn, leaf);
        return err;
    }
    world->model.value[tree][at] = value;
    return ERR_OK;
}

static int op_remove(struct world *world, struct txn *txn, unsigned tree, unsigned at)
{
    struct qp_space space;
    struct qp_name key;
    qp_name_init(&key, &space, world->pool[at].wire, world->pool[at].len);
    int err = qp_remove(txn, &world->roots[tree], &key);
    assert_int_equal(err == ERR_NOT_FOUND, world->model.value[tree][at] == 0);
    if (err == ERR_OK) {
        world->model.value[tree][at] = 0;
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* Changes the leaf in place. */
static int op_touch(struct world *world, struct txn *txn, unsigned tree, unsigned at)
{
    struct qp_space space;
    struct qp_name key;
    struct twig *leaf;
    qp_name_init(&key, &space, world->pool[at].wire, world->pool[at].len);
    int err = qp_touch(txn, &world->roots[tree], &key, &leaf);
    assert_int_equal(err == ERR_NOT_FOUND, world->model.value[tree][at] == 0);
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    uint32_t value = (world->model.value[tree][at] & 3) | (world->next_value & ~UINT32_C(3));
    world->next_value += 4;
    assert_true(txn_owns(txn, leaf->ref));
    const struct node *node = node_at(&world->slab, leaf->ref);
    const struct rrset *set = node_find(node, TYPE_VALUE);
    memcpy((uint8_t *)(uintptr_t)rrset_data(node, set) + 2, &value, sizeof(value));
    world->model.value[tree][at] = value;
    return ERR_OK;
}

/* Makes one tree share all of another. */
static int op_share(struct world *world, struct txn *txn, unsigned tree, unsigned from)
{
    int err = txn_reserve(txn);
    if (err != ERR_OK || tree == from || twig_empty(world->roots[from])) {
        return err;
    }
    txn_retain(txn, world->roots[from].ref);
    if (!twig_empty(world->roots[tree])) {
        txn_drop(txn, world->roots[tree].ref);
    }
    world->roots[tree] = world->roots[from];
    memcpy(world->model.value[tree], world->model.value[from], sizeof(world->model.value[tree]));
    return ERR_OK;
}

static int op_random(struct world *world, struct txn *txn)
{
    struct random *random = &world->random;
    unsigned tree = (unsigned)random_below(random, TREES),
             at = (unsigned)random_below(random, POOL);
    switch (random_below(random, 20)) {
    case 0:
        return op_share(world, txn, tree, (unsigned)random_below(random, TREES));
    case 1:
    case 2:
    case 3:
        return op_touch(world, txn, tree, at);
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
        return op_remove(world, txn, tree, at);
    default:
        return op_set(world, txn, tree, at);
    }
}

/* The other trees follow a change of one name of the base, as compile does it. */
static int op_follow(struct world *world, struct txn *txn, unsigned tree, struct twig base_old,
                     unsigned at)
{
    struct qp_space space;
    struct qp_name key;
    struct twig *root = &world->roots[tree], base_new = world->roots[0];
    qp_name_init(&key, &space, world->pool[at].wire, world->pool[at].len);
    int err = qp_follow(txn, root, base_old, base_new, &key);
    if (err == ERR_NOT_FOUND) {
        ref_t node = qp_get(&world->slab, base_new, &key);
        if (!node) {
            return op_remove(world, txn, tree, at);
        }
        txn_retain(txn, node);
        err = qp_set(txn, root, &key, node, world->model.value[0][at] & 3);
        if (err != ERR_OK) {
            struct retired none = {0};
            slab_release(&world->slab, node, &none);
            assert_int_equal(none.first, 0);
        }
    }
    if (err == ERR_OK) {
        world->model.value[tree][at] = world->model.value[0][at];
    }
    return err;
}

static int change_followed(struct world *world, struct txn *txn)
{
    struct twig base_old = world->roots[0];
    unsigned at = (unsigned)random_below(&world->random, POOL);
    int err =
        random_below(&world->random, 3) ? op_set(world, txn, 0, at) : op_remove(world, txn, 0, at);
    for (unsigned tree = 1; err == ERR_OK && tree < TREES; tree++) {
        err = op_follow(world, txn, tree, base_old, at);
    }
    return err;
}

/* --- transactions --------------------------------------------------------------------------------
 */

enum mode {
    MODE_PLAIN,
    MODE_NO_SLAB,
    MODE_NO_MEMORY
};

static void failure_arm(struct world *world, enum mode mode)
{
    if (mode == MODE_NO_SLAB) {
        world->slab.backing.reserved =
            world->slab.top + random_below(&world->random, 60) * SLAB_UNIT;
    } else if (mode == MODE_NO_MEMORY) {
        world->failing.left = random_below(&world->random, 2);
    }
}

static void failure_disarm(struct world *world)
{
    world->slab.backing.reserved = SLAB_BYTES;
    world->failing.left = SIZE_MAX;
}

static void transaction(struct world *world, enum mode mode)
{
    struct txn txn;
    struct twig old[TREES];
    struct model *before = malloc(sizeof(*before));
    assert_non_null(before);
    memcpy(old, world->roots, sizeof(old));
    *before = world->model;
    txn_begin(&txn, &world->slab, &world->failing.alloc);
    failure_arm(world, mode);
    bool follow = random_below(&world->random, 2), go_on = random_below(&world->random, 2);
    unsigned steps = follow ? 1 : 1 + (unsigned)random_below(&world->random, 25);
    int err = ERR_OK;
    for (unsigned i = 0; i < steps && (err == ERR_OK || (go_on && !follow)); i++) {
        err = follow ? change_followed(world, &txn) : op_random(world, &txn);
    }
    failure_disarm(world);
    trees_match(world, old, before); /* a reader of the state before */
    trees_match(world, world->roots, &world->model);
    if ((err == ERR_OK || go_on) && random_below(&world->random, 4)) {
        txn_commit(&txn, &world->retired);
        trees_match(world, old, before);
        trees_match(world, world->roots, &world->model);
        if (random_below(&world->random, 2)) {
            world_audit(world);
            slab_reclaim(&world->slab, &world->retired);
        }
    } else {
        struct retired garbage = {0};
        txn_abort(&txn, old, TREES);
        for (unsigned i = 0; i < TREES; i++) {
            if (!twig_empty(world->roots[i])) {
                slab_release(&world->slab, world->roots[i].ref, &garbage);
            }
        }
        slab_reclaim(&world->slab, &garbage);
        memcpy(world->roots, old, sizeof(old));
        world->model = *before;
    }
    trees_match(world, world->roots, &world->model);
    world_audit(world);
    free(before);
}

/* --- searching against the model
 * ------------------------------------------------------------------ */

static unsigned shared_labels(const uint8_t *a, const uint8_t *b)
{
    unsigned an = name_labels(a), bn = name_labels(b);
    for (; an > bn; an--) {
        a += *a + 1u;
    }
    for (; bn > an; bn--) {
        b += *b + 1u;
    }
    while (!name_equal(a, b)) {
        a += *a + 1u;
        b += *b + 1u;
        an--;
    }
    return an;
}

static int ref_index(const struct world *world, ref_t ref)
{
    struct qp_leaf_name name = qp_leaf_name(&world->slab, ref);
    for (int i = 0; i < POOL; i++) {
        if (world->pool[i].len == name.len &&
            memcmp(world->pool[i].wire, name.wire, name.len) == 0) {
            return i;
        }
    }
    return -1;
}

static void find_matches(const struct world *world, unsigned tree, const struct pool_name *query)
{
    const uint32_t *value = world->model.value[tree];
    unsigned labels = name_labels(query->wire), encloser = 0, cut_labels = UINT8_MAX;
    int exact = -1, cut = -1, longest = -1, longest_strict = -1;
    bool exists = false;
    for (int i = 0; i < POOL; i++) { /* canonical order: ancestors come first, the topmost before */
        if (!value[i]) {
            continue;
        }
        unsigned mine = name_labels(world->pool[i].wire);
        unsigned shared = shared_labels(query->wire, world->pool[i].wire);
        encloser = shared > encloser ? shared : encloser;
        exists = exists || shared == labels;
        exact = shared == labels && mine == labels ? i : exact;
        longest = shared == mine ? i : longest;
        longest_strict = shared == mine && mine < labels ? i : longest_strict;
        if (shared == mine && mine < labels && value[i] & 3 && mine < cut_labels) {
            cut = i;
            cut_labels = mine;
        }
    }
    struct qp_space space;
    struct qp_name key;
    struct qp_found found;
    qp_name_init(&key, &space, query->wire, query->len);
    qp_find(&world->slab, world->roots[tree], &key, &found);
    assert_int_equal(found.exact ? ref_index(world, found.exact) : -1, exact);
    assert_int_equal(found.exists, exists);
    assert_int_equal(found.encloser, encloser);
    assert_int_equal(found.cut ? ref_index(world, found.cut) : -1, cut);
    if (cut >= 0) {
        assert_int_equal(found.cut_labels, cut_labels);
        assert_int_equal(found.cut_flags, value[cut] & 3);
    }
    ref_t ref = qp_get(&world->slab, world->roots[tree], &key);
    assert_int_equal(ref, found.exact);
    /* A search ahead ends where the real one does. */
    struct qp_ahead ahead;
    qp_ahead_init(&ahead, &world->slab, &world->roots[tree], &key);
    while (qp_ahead_step(&ahead)) {
    }
    assert_true(ahead.leaf || twig_empty(world->roots[tree]));
    assert_true(!found.exact || ahead.leaf == found.exact);
    ref = qp_find_longest(&world->slab, world->roots[tree], &key, false);
    assert_int_equal(ref ? ref_index(world, ref) : -1, longest);
    ref = qp_find_longest(&world->slab, world->roots[tree], &key, true);
    assert_int_equal(ref ? ref_index(world, ref) : -1, longest_strict);
}

/* The walk below a name gives what lies at and below it, in order. */
static void below_matches(const struct world *world, unsigned tree, const struct pool_name *query)
{
    const uint32_t *value = world->model.value[tree];
    struct qp_space space;
    struct qp_name key;
    struct qp_iter iter;
    qp_name_init(&key, &space, query->wire, query->len);
    qp_iter_init_below(&iter, &world->slab, world->roots[tree], &key);
    for (int i = 0; i < POOL; i++) {
        if (value[i] && name_in_zone(world->pool[i].wire, query->wire)) {
            ref_t ref = qp_iter_next(&iter);
            assert_int_not_equal(ref, 0);
            assert_int_equal(ref_index(world, ref), i);
        }
    }
    assert_int_equal(qp_iter_next(&iter), 0);
}

static void search(struct world *world, unsigned queries)
{
    for (unsigned i = 0; i < queries; i++) {
        struct pool_name query = world->pool[random_below(&world->random, POOL)];
        if (random_below(&world->random, 3)) {
            random_name(world, &query);
        }
        unsigned tree = (unsigned)random_below(&world->random, TREES);
        find_matches(world, tree, &query);
        below_matches(world, tree, &query);
        if (query.len) {
            query.len = (uint8_t)(query.len - query.wire[0] - 1); /* and its parent */
            memmove(query.wire, query.wire + query.wire[0] + 1, query.len + 1u);
            below_matches(world, tree, &query);
        }
    }
}

/* The front of an absolute name searches as the relative name itself. */
static void fronts(struct world *world)
{
    for (unsigned i = 0; i < 50; i++) {
        const struct pool_name *name = &world->pool[random_below(&world->random, POOL)];
        unsigned labels = name_labels(name->wire);
        unsigned cut = (unsigned)random_below(&world->random, labels + 1);
        struct qp_space space, front_space;
        struct qp_name whole, front, want;
        qp_name_init(&whole, &space, name->wire, name->len);
        qp_name_front(&front, &whole, cut);
        size_t len = 0;
        for (unsigned k = 0; k < labels - cut; k++) {
            len += name->wire[len] + 1u;
        }
        qp_name_init(&want, &front_space, name->wire, len);
        assert_int_equal(front.len, want.len);
        assert_int_equal(front.labels, want.labels);
        for (unsigned position = 0; position < 2 * len + 4; position++) {
            assert_int_equal(qp_name_code(&front, position), qp_name_code(&want, position));
        }
        assert_memory_equal(front.start, want.start, want.labels);
    }
}

static void run(uint64_t seed, unsigned transactions, enum mode mode)
{
    struct world *world = world_new(seed);
    for (unsigned i = 0; i < transactions; i++) {
        transaction(world, mode == MODE_PLAIN || i % 4 == 0 ? MODE_PLAIN : mode);
        if (i % 16 == 0) {
            search(world, 25);
        }
    }
    search(world, 300);
    fronts(world);
    world_free(world);
}

/* --- tests ---------------------------------------------------------------------------------------
 */

static void random_transactions_keep_content_and_counts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        run(seed, 400, MODE_PLAIN);
    }
}

static void a_full_slab_leaves_the_old_trees(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed <= 104; seed++) {
        run(seed, 400, MODE_NO_SLAB);
    }
}

static void no_memory_for_notes_leaves_the_old_trees(void **state)
{
    (void)state;
    for (uint64_t seed = 200; seed <= 204; seed++) {
        run(seed, 400, MODE_NO_MEMORY);
    }
}

static int key_of_byte(unsigned byte, uint8_t codes[2])
{
    uint8_t wire[2] = {1, (uint8_t)byte};
    struct qp_space space;
    struct qp_name key;
    qp_name_init(&key, &space, wire, sizeof(wire));
    codes[0] = (uint8_t)qp_name_code(&key, 0);
    codes[1] = (uint8_t)qp_name_code(&key, 1);
    assert_int_equal(qp_name_code(&key, 2), 0); /* the label ends */
    assert_int_equal(qp_name_code(&key, 4), 0); /* nothing comes after it */
    return codes[1] ? 2 : 1;
}

static bool byte_is_usual(unsigned byte)
{
    return byte == '*' || byte == '-' || byte == '_' || (byte >= '0' && byte <= '9') ||
           (byte >= 'a' && byte <= 'z');
}

static void the_codes_of_bytes_keep_their_order(void **state)
{
    (void)state;
    unsigned usual = 0, last = 0;
    bool alone[48] = {false}, escape[48] = {false};
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t codes[2], folded[2];
        int count = key_of_byte(byte, codes);
        if (byte >= 'A' && byte <= 'Z') {
            assert_int_equal(key_of_byte(byte + 32, folded), count);
            assert_memory_equal(codes, folded, 2);
            continue;
        }
        assert_int_equal(count, byte_is_usual(byte) ? 1 : 2);
        usual += count == 1;
        (count == 1 ? alone : escape)[codes[0]] = true;
        assert_true(codes[0] > 0 && codes[0] < 48 && codes[1] < 48);
        unsigned here = codes[0] * 256u + codes[1];
        assert_true(here > last);
        last = here;
    }
    assert_int_equal(usual, 39);
    for (unsigned i = 0; i < 48; i++) {
        assert_false(alone[i] && escape[i]);
    }
}

static void the_longest_key_fits(void **state)
{
    (void)state;
    uint8_t wire[NAME_MAX];
    size_t len = 0;
    for (unsigned label = 0; label < 4; label++) {
        size_t size = label < 3 ? 63 : 61;
        wire[len++] = (uint8_t)size;
        memset(wire + len, 0xff, size);
        len += size;
    }
    struct qp_space space;
    struct qp_name key;
    qp_name_init(&key, &space, wire, len);
    assert_int_equal(len, 254);
    assert_in_range(2 * len, 1, QP_KEY_MAX);
    /* From the root's end: the label of 61 bytes, its end, then those of 63. */
    unsigned last = 2 * (unsigned)(len - 2);
    assert_int_equal(qp_name_code(&key, 2 * 60), 47);
    assert_int_equal(qp_name_code(&key, 2 * 60 + 1), 44);
    assert_int_equal(qp_name_code(&key, 2 * 61), 0);
    assert_int_equal(qp_name_code(&key, 2 * 62), 47);
    assert_int_equal(qp_name_code(&key, last + 1), 44);
    assert_int_equal(qp_name_code(&key, last + 2), 0);
    assert_int_equal(qp_name_code(&key, QP_KEY_MAX - 1), 0);
}

/* Where all names below a branch share a byte that the name asked for has not, a code 0 on the walk
 * may end a label of theirs only: a branch stands there, no ancestor. It was taken for a node. */
static void branch_at_a_label_start(uint64_t seed)
{
    static const char *const names[] = {"t.", "aa.t.", "c.aa.t.", "d.aa.t.", "aab.t."};
    struct world *world = world_new(seed); /* gives the leaves their flags */
    struct txn txn;
    memset(world->pool, 0, sizeof(world->pool));
    txn_begin(&txn, &world->slab, &world->failing.alloc);
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(name_from_text(names[i], NULL, world->pool[i].wire), ERR_OK);
        world->pool[i].len = (uint8_t)(name_len(world->pool[i].wire) - 1);
        assert_int_equal(op_set(world, &txn, 0, i), ERR_OK);
    }
    txn_commit(&txn, &world->retired);
    struct pool_name query = {.len = 6};
    assert_int_equal(name_from_text("z.a.t.", NULL, query.wire), ERR_OK);
    find_matches(world, 0, &query);
    world_free(world);
}

static void no_branch_is_taken_for_an_ancestor(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        branch_at_a_label_start(seed);
    }
}

/* What is private and shared, and given up again before an abort, must not stay behind. */
static void an_abort_frees_what_was_given_up_again(void **state)
{
    (void)state;
    struct world *world = world_new(7);
    struct twig old[TREES] = {{0}};
    struct txn txn;
    txn_begin(&txn, &world->slab, &world->failing.alloc);
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(op_set(world, &txn, i % 2, i), ERR_OK);
    }
    assert_int_equal(op_share(world, &txn, 1, 0), ERR_OK); /* drops a private tree */
    assert_int_equal(op_share(world, &txn, 2, 0), ERR_OK);
    for (unsigned i = 0; i < 200; i++) { /* nodes born here, shared, then dropped by all */
        assert_int_equal(op_remove(world, &txn, 0, i), ERR_OK);
        assert_int_equal(op_remove(world, &txn, 1, i), ERR_OK);
        assert_int_equal(op_remove(world, &txn, 2, i), ERR_OK);
    }
    txn_abort(&txn, old, TREES);
    memset(&world->model, 0, sizeof(world->model));
    assert_int_equal(world->slab.live_bytes, 0);
    world_audit(world);
    world_free(world);
}

/* An unchanged rest is shared: a tree that differs in k names costs k paths, not a copy. */
static void trees_cost_their_differences(void **state)
{
    (void)state;
    struct world *world = world_new(8);
    struct txn txn;
    txn_begin(&txn, &world->slab, &world->failing.alloc);
    for (unsigned i = 0; i < POOL; i++) {
        assert_int_equal(op_set(world, &txn, 0, i), ERR_OK);
    }
    txn_commit(&txn, &world->retired);
    uint64_t alone = world->slab.live_bytes;
    txn_begin(&txn, &world->slab, &world->failing.alloc);
    assert_int_equal(op_share(world, &txn, 1, 0), ERR_OK);
    assert_int_equal(op_set(world, &txn, 1, POOL / 2), ERR_OK);
    txn_commit(&txn, &world->retired);
    assert_in_range(world->slab.live_bytes - alone, 1, alone / 10);
    uint64_t two = world->slab.live_bytes;
    for (unsigned i = 0; i < POOL; i++) { /* the follower stays a follower */
        struct twig base_old = world->roots[0];
        txn_begin(&txn, &world->slab, &world->failing.alloc);
        assert_int_equal(op_set(world, &txn, 0, i), ERR_OK);
        assert_int_equal(i == POOL / 2 ? ERR_OK : op_follow(world, &txn, 1, base_old, i), ERR_OK);
        txn_commit(&txn, &world->retired);
        slab_reclaim(&world->slab, &world->retired);
    }
    assert_in_range(world->slab.live_bytes, alone, two);
    world_audit(world);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_codes_of_bytes_keep_their_order),
        cmocka_unit_test(the_longest_key_fits),
        cmocka_unit_test(random_transactions_keep_content_and_counts),
        cmocka_unit_test(a_full_slab_leaves_the_old_trees),
        cmocka_unit_test(no_memory_for_notes_leaves_the_old_trees),
        cmocka_unit_test(no_branch_is_taken_for_an_ancestor),
        cmocka_unit_test(an_abort_frees_what_was_given_up_again),
        cmocka_unit_test(trees_cost_their_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
