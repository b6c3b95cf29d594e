/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snapshot/qp.h"

#include "base/assert.h"
#include "base/error.h"

#include <string.h>

/* --- twigs: the packed word --------------------------------------------------------------------
 *
 *   bits 0-1   tag: 0 empty, 1 leaf, 2 branch
 *   leaf:      bits 2-9 flags
 *   branch:    bits 2-11 key position, bits 12-59 which of the 48 codes have a twig
 */
enum {
    TAG_LEAF = 1,
    TAG_BRANCH = 2,
    TAG_MASK = 3,
    SHIFT_POSITION = 2,
    SHIFT_MAP = 12,
    CODES = 48,
    CACHE_LINE_BYTES = 64
};

#define POSITION_MASK UINT64_C(0x3ff)
#define MAP_MASK (((UINT64_C(1) << CODES) - 1) << SHIFT_MAP)

static uint64_t twig_word(struct twig twig)
{
    return (uint64_t)twig.high << 32 | twig.low;
}

static struct twig twig_make(uint64_t word, ref_t ref)
{
    return (struct twig){.low = (uint32_t)word, .high = (uint32_t)(word >> 32), .ref = ref};
}

static struct twig twig_leaf(ref_t node, unsigned flags)
{
    return twig_make(TAG_LEAF | (uint64_t)flags << 2, node);
}

static bool twig_is_branch(struct twig twig)
{
    return (twig.low & TAG_MASK) == TAG_BRANCH;
}

static unsigned twig_flags(struct twig twig)
{
    return twig.low >> 2 & 0xff;
}

static unsigned word_position(uint64_t word)
{
    return (unsigned)(word >> SHIFT_POSITION & POSITION_MASK);
}

static uint64_t code_bit(unsigned code)
{
    return UINT64_C(1) << (SHIFT_MAP + code);
}

/* Number of set bits, without the instruction that the oldest x86-64 lacks: a call into the
 * compiler's library costs more than these few steps. */
static unsigned bits_count(uint64_t bits)
{
    bits -= bits >> 1 & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) + (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (unsigned)(bits * UINT64_C(0x0101010101010101) >> 56);
}

/* Where the twig of a code stands (or would stand) among its brothers. */
static unsigned word_index(uint64_t word, uint64_t bit)
{
    return bits_count(word & (bit - 1) & MAP_MASK);
}

static unsigned word_count(uint64_t word)
{
    return bits_count(word & MAP_MASK);
}

static struct twig *branch_twigs(const struct slab *slab, ref_t ref)
{
    return (struct twig *)((struct block *)slab_at(slab, ref) + 1);
}

static bool twig_same(struct twig a, struct twig b)
{
    return a.low == b.low && a.high == b.high && a.ref == b.ref;
}

/* --- keys --------------------------------------------------------------------------------------
 *
 * Each byte of a name has two positions in its key, so a position tells its byte, and no key is
 * ever written down. The usual bytes of host names have a code of their own, in byte order, and 0
 * as their second: '*' is 2, '-' 4, digits 6-15, '_' 17, letters 19-44. Unusual bytes between them
 * share an escape code (1, 3, 5, 16, 18, 45, 46, 47), followed by a second code that tells which.
 * Code 0 ends a label, so a label has as many bytes in a key as in its name. Low byte: first code;
 * high byte: second. Upper case is folded. tests/unit/snapshot/test_qp.c derives the table again.
 */
static const uint16_t KEY_CODES[256] = {
    0x0101, 0x0201, 0x0301, 0x0401, 0x0501, 0x0601, 0x0701, 0x0801, 0x0901, 0x0a01, 0x0b01, 0x0c01,
    0x0d01, 0x0e01, 0x0f01, 0x1001, 0x1101, 0x1201, 0x1301, 0x1401, 0x1501, 0x1601, 0x1701, 0x1801,
    0x1901, 0x1a01, 0x1b01, 0x1c01, 0x1d01, 0x1e01, 0x1f01, 0x2001, 0x2101, 0x2201, 0x2301, 0x2401,
    0x2501, 0x2601, 0x2701, 0x2801, 0x2901, 0x2a01, 0x0002, 0x0103, 0x0203, 0x0004, 0x0105, 0x0205,
    0x0006, 0x0007, 0x0008, 0x0009, 0x000a, 0x000b, 0x000c, 0x000d, 0x000e, 0x000f, 0x0110, 0x0210,
    0x0310, 0x0410, 0x0510, 0x0610, 0x0710, 0x0013, 0x0014, 0x0015, 0x0016, 0x0017, 0x0018, 0x0019,
    0x001a, 0x001b, 0x001c, 0x001d, 0x001e, 0x001f, 0x0020, 0x0021, 0x0022, 0x0023, 0x0024, 0x0025,
    0x0026, 0x0027, 0x0028, 0x0029, 0x002a, 0x002b, 0x002c, 0x2210, 0x2310, 0x2410, 0x2510, 0x0011,
    0x0112, 0x0013, 0x0014, 0x0015, 0x0016, 0x0017, 0x0018, 0x0019, 0x001a, 0x001b, 0x001c, 0x001d,
    0x001e, 0x001f, 0x0020, 0x0021, 0x0022, 0x0023, 0x0024, 0x0025, 0x0026, 0x0027, 0x0028, 0x0029,
    0x002a, 0x002b, 0x002c, 0x012d, 0x022d, 0x032d, 0x042d, 0x052d, 0x062d, 0x072d, 0x082d, 0x092d,
    0x0a2d, 0x0b2d, 0x0c2d, 0x0d2d, 0x0e2d, 0x0f2d, 0x102d, 0x112d, 0x122d, 0x132d, 0x142d, 0x152d,
    0x162d, 0x172d, 0x182d, 0x192d, 0x1a2d, 0x1b2d, 0x1c2d, 0x1d2d, 0x1e2d, 0x1f2d, 0x202d, 0x212d,
    0x222d, 0x232d, 0x242d, 0x252d, 0x262d, 0x272d, 0x282d, 0x292d, 0x2a2d, 0x2b2d, 0x2c2d, 0x2d2d,
    0x012e, 0x022e, 0x032e, 0x042e, 0x052e, 0x062e, 0x072e, 0x082e, 0x092e, 0x0a2e, 0x0b2e, 0x0c2e,
    0x0d2e, 0x0e2e, 0x0f2e, 0x102e, 0x112e, 0x122e, 0x132e, 0x142e, 0x152e, 0x162e, 0x172e, 0x182e,
    0x192e, 0x1a2e, 0x1b2e, 0x1c2e, 0x1d2e, 0x1e2e, 0x1f2e, 0x202e, 0x212e, 0x222e, 0x232e, 0x242e,
    0x252e, 0x262e, 0x272e, 0x282e, 0x292e, 0x2a2e, 0x2b2e, 0x2c2e, 0x012f, 0x022f, 0x032f, 0x042f,
    0x052f, 0x062f, 0x072f, 0x082f, 0x092f, 0x0a2f, 0x0b2f, 0x0c2f, 0x0d2f, 0x0e2f, 0x0f2f, 0x102f,
    0x112f, 0x122f, 0x132f, 0x142f, 0x152f, 0x162f, 0x172f, 0x182f, 0x192f, 0x1a2f, 0x1b2f, 0x1c2f,
    0x1d2f, 0x1e2f, 0x1f2f, 0x202f, 0x212f, 0x222f, 0x232f, 0x242f, 0x252f, 0x262f, 0x272f, 0x282f,
    0x292f, 0x2a2f, 0x2b2f, 0x2c2f,
};

void qp_name_init(struct qp_name *name, struct qp_space *space, const uint8_t *wire, size_t len)
{
    unsigned labels = 0;
    for (size_t at = 0; at < len; at += wire[at] + 1u) {
        space->start[labels++] = (uint8_t)at;
    }
    *name = (struct qp_name){
        .wire = wire, .start = space->start, .len = (uint8_t)len, .labels = (uint8_t)labels};
}

void qp_name_front(struct qp_name *front, const struct qp_name *name, unsigned labels)
{
    unsigned left = name->labels - labels;
    unsigned len = labels == 0 ? name->len : left == 0 ? 0 : name->start[left];
    *front = (struct qp_name){
        .wire = name->wire, .start = name->start, .len = (uint8_t)len, .labels = (uint8_t)left};
}

static inline void key_cursor_init(struct key_cursor *cursor, const struct qp_name *name)
{
    *cursor = (struct key_cursor){.name = name, .end = -1, .left = name->labels};
}

/* The positions asked for must not fall. */
static inline unsigned key_cursor_code(struct key_cursor *cursor, unsigned position)
{
    const struct qp_name *name = cursor->name;
    int byte = (int)(position / 2);
    while (byte > cursor->end) {
        if (cursor->left == 0) {
            return 0;
        }
        unsigned start = name->start[--cursor->left];
        cursor->begin = cursor->end + 1;
        cursor->end = cursor->begin + name->wire[start];
        cursor->shift = (int)start + 1 - cursor->begin;
    }
    if (byte == cursor->end) {
        return 0;
    }
    return (unsigned)KEY_CODES[name->wire[byte + cursor->shift]] >> position % 2 * 8 & 0xff;
}

unsigned qp_name_code(const struct qp_name *name, unsigned position)
{
    struct key_cursor cursor;
    key_cursor_init(&cursor, name);
    return key_cursor_code(&cursor, position);
}

/* First position at which two keys differ, or -1 when they are equal. */
static int key_difference(const struct qp_name *a, const struct qp_name *b)
{
    unsigned shorter = a->labels < b->labels ? a->labels : b->labels, byte = 0;
    for (unsigned i = 1; i <= shorter; i++) {
        const uint8_t *one = a->wire + a->start[a->labels - i];
        const uint8_t *other = b->wire + b->start[b->labels - i];
        unsigned len = *one < *other ? *one : *other;
        for (unsigned k = 1; k <= len; k++, byte++) {
            unsigned differ = KEY_CODES[one[k]] ^ KEY_CODES[other[k]];
            if (differ) {
                return (int)(2 * byte + ((differ & 0xff) == 0));
            }
        }
        if (*one != *other) {
            return (int)(2 * byte);
        }
        byte++;
    }
    return a->labels == b->labels ? -1 : (int)(2 * byte);
}

static void leaf_name_init(const struct slab *slab, ref_t leaf, struct qp_space *space,
                           struct qp_name *out)
{
    struct qp_leaf_name name = qp_leaf_name(slab, leaf);
    qp_name_init(out, space, name.wire, name.len);
}

/* --- search ------------------------------------------------------------------------------------
 */

/* The walk towards a name: the leaf it ends at shares the longest possible start of the key.
 * Ancestors met on the way are candidates until the leaf tells how far the key really agreed. */
struct walk {
    struct twig leaf;
    unsigned ancestors;
    struct twig ancestor[QP_ANCESTORS];
};

static void walk_to(const struct slab *slab, struct twig root, const struct qp_name *name,
                    struct walk *walk)
{
    const struct twig *at = &root;
    struct key_cursor cursor;
    key_cursor_init(&cursor, name);
    walk->ancestors = 0;
    while (twig_is_branch(*at)) {
        uint64_t word = twig_word(*at);
        unsigned position = word_position(word), code = key_cursor_code(&cursor, position);
        const struct twig *twigs = branch_twigs(slab, at->ref);
        /* Where a label of the name begins, the twig of code 0 is the name without that label. */
        if ((word & code_bit(0)) && code != 0 && position == 2 * (unsigned)cursor.begin &&
            !twig_is_branch(twigs[0]) && walk->ancestors < QP_ANCESTORS) {
            walk->ancestor[walk->ancestors++] = twigs[0];
        }
        uint64_t bit = code_bit(code);
        at = &twigs[word & bit ? word_index(word, bit) : 0];
    }
    walk->leaf = *at;
}

void qp_ahead_init(struct qp_ahead *ahead, const struct slab *slab, const struct twig *root,
                   const struct qp_name *name)
{
    *ahead = (struct qp_ahead){.slab = slab, .at = twig_empty(*root) ? NULL : root};
    key_cursor_init(&ahead->cursor, name);
}

bool qp_ahead_step(struct qp_ahead *ahead)
{
    if (!ahead->at) {
        return false;
    }
    if (!twig_is_branch(*ahead->at)) {
        /* A node of a few addresses is two lines. */
        const uint8_t *node = slab_at(ahead->slab, ahead->at->ref);
        __builtin_prefetch(node);
        __builtin_prefetch(node + CACHE_LINE_BYTES);
        ahead->leaf = ahead->at->ref;
        ahead->at = NULL;
        return true;
    }
    uint64_t word = twig_word(*ahead->at);
    uint64_t bit = code_bit(key_cursor_code(&ahead->cursor, word_position(word)));
    const struct twig *twigs = branch_twigs(ahead->slab, ahead->at->ref);
    ahead->at = &twigs[word & bit ? word_index(word, bit) : 0];
    __builtin_prefetch(ahead->at);
    __builtin_prefetch((const uint8_t *)(ahead->at + 1) - 1); /* a twig may lie across two lines */
    return true;
}

/* How many whole labels, from the root's end, two relative names share. */
static unsigned shared_labels(const struct qp_name *name, struct qp_leaf_name leaf)
{
    uint8_t starts[128];
    unsigned count = 0;
    for (size_t at = 0; at < leaf.len && count < 128; at += leaf.wire[at] + 1u) {
        starts[count++] = (uint8_t)at;
    }
    unsigned shared = 0;
    while (shared < count && shared < name->labels) {
        const uint8_t *a = name->wire + name->start[name->labels - 1 - shared];
        const uint8_t *b = leaf.wire + starts[count - 1 - shared];
        if (*a != *b || memcmp(a + 1, b + 1, *a) != 0) {
            break;
        }
        shared++;
    }
    return shared;
}

/* Is the leaf's name equal to `name`, or above it? */
static bool name_ends_with(const struct qp_name *name, struct qp_leaf_name leaf)
{
    if (leaf.len > name->len) {
        return false;
    }
    size_t before = name->len - leaf.len;
    unsigned label = 0;
    while (label < name->labels && name->start[label] < before) {
        label++;
    }
    bool boundary = label < name->labels ? name->start[label] == before : leaf.len == 0;
    return boundary && memcmp(name->wire + before, leaf.wire, leaf.len) == 0;
}

static unsigned relative_labels(struct qp_leaf_name name)
{
    unsigned labels = 0;
    for (size_t at = 0; at < name.len; at += name.wire[at] + 1u) {
        labels++;
    }
    return labels;
}

void qp_find(const struct slab *slab, struct twig root, const struct qp_name *name,
             struct qp_found *out)
{
    struct walk walk;
    *out = (struct qp_found){0};
    if (twig_empty(root)) {
        return;
    }
    walk_to(slab, root, name, &walk);
    struct qp_leaf_name leaf = qp_leaf_name(slab, walk.leaf.ref);
    if (leaf.len == name->len && memcmp(leaf.wire, name->wire, leaf.len) == 0) {
        out->exact = walk.leaf.ref;
        out->encloser = name->labels;
        out->exists = true;
    } else {
        out->encloser = (uint8_t)shared_labels(name, leaf);
        out->exists = out->encloser == name->labels;
        if (walk.ancestors < QP_ANCESTORS && relative_labels(leaf) == out->encloser) {
            walk.ancestor[walk.ancestors++] = walk.leaf; /* the walk ended at an ancestor */
        }
    }
    for (unsigned i = 0; i < walk.ancestors; i++) {
        unsigned flags = twig_flags(walk.ancestor[i]) & (LEAF_CUT | LEAF_DNAME);
        if (!flags) {
            continue;
        }
        unsigned labels = relative_labels(qp_leaf_name(slab, walk.ancestor[i].ref));
        if (labels <= out->encloser && labels < name->labels) {
            out->cut = walk.ancestor[i].ref;
            out->cut_labels = (uint8_t)labels;
            out->cut_flags = (uint8_t)flags;
            return;
        }
    }
}

ref_t qp_find_longest(const struct slab *slab, struct twig root, const struct qp_name *name,
                      bool strict)
{
    struct walk walk;
    if (twig_empty(root)) {
        return 0;
    }
    walk_to(slab, root, name, &walk);
    struct qp_leaf_name leaf = qp_leaf_name(slab, walk.leaf.ref);
    if (name_ends_with(name, leaf) && !(strict && leaf.len == name->len)) {
        return walk.leaf.ref;
    }
    unsigned shared = shared_labels(name, leaf);
    for (unsigned i = walk.ancestors; i-- > 0;) {
        unsigned labels = relative_labels(qp_leaf_name(slab, walk.ancestor[i].ref));
        if (labels <= shared && !(strict && labels == name->labels)) {
            return walk.ancestor[i].ref;
        }
    }
    return 0;
}

ref_t qp_get(const struct slab *slab, struct twig root, const struct qp_name *name)
{
    if (twig_empty(root)) {
        return 0;
    }
    struct walk walk;
    walk_to(slab, root, name, &walk);
    struct qp_leaf_name leaf = qp_leaf_name(slab, walk.leaf.ref);
    bool same = leaf.len == name->len && memcmp(leaf.wire, name->wire, leaf.len) == 0;
    return same ? walk.leaf.ref : 0;
}

/* --- change ------------------------------------------------------------------------------------
 */

/* Makes the twig array below *twig private. */
static int branch_own(struct txn *txn, struct twig *twig)
{
    if (txn_owns(txn, twig->ref)) {
        return ERR_OK;
    }
    return txn_clone(txn, twig->ref, &twig->ref);
}

/* A branch of two: the new leaf, and what stood at *at. */
static int branch_split(struct txn *txn, struct twig *at, unsigned position, unsigned old_code,
                        unsigned new_code, struct twig leaf)
{
    ref_t ref;
    int err = txn_alloc(txn, sizeof(struct block) + 2 * sizeof(struct twig), BLOCK_BRANCH, &ref);
    if (err != ERR_OK) {
        return err;
    }
    ((struct block *)slab_at(txn->slab, ref))->count = 2;
    struct twig *twigs = branch_twigs(txn->slab, ref);
    twigs[new_code > old_code] = leaf;
    twigs[new_code < old_code] = *at;
    *at = twig_make(TAG_BRANCH | (uint64_t)position << SHIFT_POSITION | code_bit(old_code) |
                        code_bit(new_code),
                    ref);
    return ERR_OK;
}

/* One more twig in the branch at *at. */
static int branch_grow(struct txn *txn, struct twig *at, unsigned code, struct twig leaf)
{
    uint64_t word = twig_word(*at);
    unsigned count = word_count(word), index = word_index(word, code_bit(code));
    ref_t ref;
    int err = txn_alloc(txn, sizeof(struct block) + (count + 1) * sizeof(struct twig), BLOCK_BRANCH,
                        &ref);
    if (err != ERR_OK) {
        return err;
    }
    ((struct block *)slab_at(txn->slab, ref))->count = (uint16_t)(count + 1);
    struct twig *to = branch_twigs(txn->slab, ref);
    const struct twig *from = branch_twigs(txn->slab, at->ref);
    memcpy(to, from, index * sizeof(*to));
    to[index] = leaf;
    memcpy(to + index + 1, from + index, (count - index) * sizeof(*to));
    txn_supersede(txn, at->ref);
    *at = twig_make(word | code_bit(code), ref);
    return ERR_OK;
}

/* The twig of the nearest leaf: shares the longest start of the key. */
static struct twig nearest_leaf(const struct slab *slab, struct twig at, const struct qp_name *name)
{
    struct key_cursor cursor;
    key_cursor_init(&cursor, name);
    while (twig_is_branch(at)) {
        uint64_t word = twig_word(at);
        uint64_t bit = code_bit(key_cursor_code(&cursor, word_position(word)));
        at = branch_twigs(slab, at.ref)[word & bit ? word_index(word, bit) : 0];
    }
    return at;
}

/* Goes down while branches test positions before `limit`, making the path private. */
static int path_own(struct txn *txn, struct twig **at, const struct qp_name *name, unsigned limit)
{
    struct key_cursor cursor;
    key_cursor_init(&cursor, name);
    while (twig_is_branch(**at) && word_position(twig_word(**at)) < limit) {
        int err = branch_own(txn, *at);
        if (err != ERR_OK) {
            return err;
        }
        uint64_t word = twig_word(**at);
        uint64_t bit = code_bit(key_cursor_code(&cursor, word_position(word)));
        ASSERT(word & bit);
        *at = &branch_twigs(txn->slab, (*at)->ref)[word_index(word, bit)];
    }
    return ERR_OK;
}

int qp_set(struct txn *txn, struct twig *root, const struct qp_name *name, ref_t leaf,
           unsigned flags)
{
    int err = txn_reserve(txn);
    if (err != ERR_OK) {
        return err;
    }
    struct twig fresh = twig_leaf(leaf, flags);
    if (twig_empty(*root)) {
        *root = fresh;
        return ERR_OK;
    }
    struct twig near = nearest_leaf(txn->slab, *root, name);
    struct qp_space space;
    struct qp_name other;
    leaf_name_init(txn->slab, near.ref, &space, &other);
    int position = key_difference(name, &other);
    struct twig *at = root;
    err = path_own(txn, &at, name, position < 0 ? UINT16_MAX : (unsigned)position);
    if (err != ERR_OK) {
        return err;
    }
    if (position < 0) {
        txn_drop(txn, at->ref);
        *at = fresh;
        return ERR_OK;
    }
    unsigned where = (unsigned)position, code = qp_name_code(name, where);
    if (twig_is_branch(*at) && word_position(twig_word(*at)) == where) {
        return branch_grow(txn, at, code, fresh);
    }
    return branch_split(txn, at, where, qp_name_code(&other, where), code, fresh);
}

/* Takes the twig of `code` out of the branch at *at; a last twig takes the branch's place. */
static int branch_shrink(struct txn *txn, struct twig *at, unsigned code)
{
    uint64_t word = twig_word(*at);
    unsigned count = word_count(word), index = word_index(word, code_bit(code));
    const struct twig *from = branch_twigs(txn->slab, at->ref);
    struct twig gone = from[index];
    struct twig after;
    if (count == 2) {
        after = from[1 - index];
    } else {
        ref_t ref;
        int err = txn_alloc(txn, sizeof(struct block) + (count - 1) * sizeof(struct twig),
                            BLOCK_BRANCH, &ref);
        if (err != ERR_OK) {
            return err;
        }
        ((struct block *)slab_at(txn->slab, ref))->count = (uint16_t)(count - 1);
        struct twig *to = branch_twigs(txn->slab, ref);
        memcpy(to, from, index * sizeof(*to));
        memcpy(to + index, from + index + 1, (count - 1 - index) * sizeof(*to));
        after = twig_make(word & ~code_bit(code), ref);
    }
    txn_supersede(txn, at->ref);
    txn_drop(txn, gone.ref);
    *at = after;
    return ERR_OK;
}

int qp_remove(struct txn *txn, struct twig *root, const struct qp_name *name)
{
    if (!qp_get(txn->slab, *root, name)) {
        return ERR_NOT_FOUND;
    }
    int err = txn_reserve(txn);
    if (err != ERR_OK) {
        return err;
    }
    if (!twig_is_branch(*root)) {
        txn_drop(txn, root->ref);
        *root = (struct twig){0};
        return ERR_OK;
    }
    /* The last branch on the path loses a twig; those above are only copied. */
    unsigned last = 0;
    for (struct twig at = *root; twig_is_branch(at);) {
        uint64_t word = twig_word(at);
        last = word_position(word);
        at = branch_twigs(txn->slab, at.ref)[word_index(word, code_bit(qp_name_code(name, last)))];
    }
    struct twig *at = root;
    err = path_own(txn, &at, name, last);
    return err == ERR_OK ? branch_shrink(txn, at, qp_name_code(name, last)) : err;
}

int qp_touch(struct txn *txn, struct twig *root, const struct qp_name *name, struct twig **out)
{
    if (!qp_get(txn->slab, *root, name)) {
        return ERR_NOT_FOUND;
    }
    int err = txn_reserve(txn);
    if (err != ERR_OK) {
        return err;
    }
    struct twig *at = root;
    err = path_own(txn, &at, name, UINT16_MAX);
    if (err == ERR_OK && !txn_owns(txn, at->ref)) {
        err = txn_clone(txn, at->ref, &at->ref);
    }
    if (err == ERR_OK) {
        *out = at;
    }
    return err;
}

/* Can the whole subtree at *at be the base's again? Yes when it was the base's before. */
static void twig_adopt(struct txn *txn, struct twig *at, struct twig base_new)
{
    txn_retain(txn, base_new.ref);
    txn_drop(txn, at->ref);
    *at = base_new;
}

static unsigned twig_position(struct twig twig)
{
    return twig_is_branch(twig) ? word_position(twig_word(twig)) : UINT16_MAX;
}

/* The twig of the name's code below a branch; false when there is none. */
static bool twig_step(const struct slab *slab, struct twig *at, const struct qp_name *name)
{
    uint64_t word = twig_word(*at), bit = code_bit(qp_name_code(name, word_position(word)));
    if (!(word & bit)) {
        return false;
    }
    *at = branch_twigs(slab, at->ref)[word_index(word, bit)];
    return true;
}

/* One step down in the following tree; ERR_NOT_FOUND where it has no such branch. */
static int follow_own(struct txn *txn, struct twig **at, const struct qp_name *name)
{
    struct twig probe = **at;
    if (!twig_is_branch(probe) || !twig_step(txn->slab, &probe, name)) {
        return ERR_NOT_FOUND;
    }
    int err = branch_own(txn, *at);
    if (err == ERR_OK) {
        uint64_t word = twig_word(**at), bit = code_bit(qp_name_code(name, word_position(word)));
        *at = &branch_twigs(txn->slab, (*at)->ref)[word_index(word, bit)];
    }
    return err;
}

int qp_follow(struct txn *txn, struct twig *root, struct twig base_old, struct twig base_new,
              const struct qp_name *name)
{
    int err = txn_reserve(txn);
    struct twig *at = root;
    while (err == ERR_OK && !twig_empty(*at) && !twig_empty(base_old) && !twig_empty(base_new)) {
        if (twig_same(*at, base_old)) {
            twig_adopt(txn, at, base_new);
            return ERR_OK;
        }
        unsigned mine = twig_position(*at), old = twig_position(base_old);
        if (mine <= old && mine <= twig_position(base_new)) {
            err = follow_own(txn, &at, name);
        } else if (mine < old) {
            return ERR_NOT_FOUND;
        }
        /* The bases go down together or not at all: below a branch that only one of them has, their
         * subtrees stand for different sets of names. */
        if (err == ERR_OK && old <= mine) {
            bool both = old == twig_position(base_new) && old != UINT16_MAX;
            if (!both || !twig_step(txn->slab, &base_old, name) ||
                !twig_step(txn->slab, &base_new, name)) {
                return ERR_NOT_FOUND;
            }
        }
    }
    return err != ERR_OK ? err : ERR_NOT_FOUND;
}

/* --- differences ---------------------------------------------------------------------------------
 */

static struct twig twig_child(const struct slab *slab, struct twig at, unsigned code)
{
    uint64_t word = twig_word(at), bit = code_bit(code);
    return word & bit ? branch_twigs(slab, at.ref)[word_index(word, bit)] : (struct twig){0};
}

/* The code, at a position of the key, of all names below a twig, which agree until its own. */
static unsigned twig_code(const struct slab *slab, struct twig at, unsigned position)
{
    struct qp_space space;
    struct qp_name name;
    while (twig_is_branch(at)) {
        at = branch_twigs(slab, at.ref)[0];
    }
    leaf_name_init(slab, at.ref, &space, &name);
    return qp_name_code(&name, position);
}

static void leaf_diff(const struct slab *slab, struct twig a, struct twig b, qp_diff_fn *each,
                      void *ctx)
{
    struct qp_space space;
    struct qp_name name;
    leaf_name_init(slab, a.ref, &space, &name);
    ref_t other = twig_empty(b) ? 0 : qp_get(slab, b, &name);
    if (other != a.ref) {
        each(ctx, a.ref, other);
    }
}

void qp_diff(const struct slab *slab, struct twig a, struct twig b, qp_diff_fn *each, void *ctx)
{
    if (twig_empty(a) || twig_same(a, b)) {
        return;
    }
    if (!twig_is_branch(a)) {
        leaf_diff(slab, a, b, each, ctx);
        return;
    }
    unsigned position = twig_position(a);
    while (twig_is_branch(b) && twig_position(b) < position) {
        b = twig_child(slab, b, twig_code(slab, a, twig_position(b)));
    }
    if (twig_same(a, b)) {
        return;
    }
    bool level = twig_is_branch(b) && twig_position(b) == position;
    unsigned only = level || twig_empty(b) ? CODES : twig_code(slab, b, position);
    for (unsigned code = 0; code < CODES; code++) {
        struct twig below = level ? twig_child(slab, b, code) : (struct twig){0};
        qp_diff(slab, twig_child(slab, a, code), code == only ? b : below, each, ctx);
    }
}

/* --- ordered walk ------------------------------------------------------------------------------
 */

void qp_iter_init(struct qp_iter *iter, const struct slab *slab, struct twig root)
{
    iter->slab = slab;
    iter->depth = 0;
    iter->lone = root;
    if (twig_is_branch(root)) {
        iter->level[0].ref = root.ref;
        iter->level[0].next = 0;
        iter->level[0].count = (uint16_t)word_count(twig_word(root));
        iter->depth = 1;
    }
}

void qp_iter_init_below(struct qp_iter *iter, const struct slab *slab, struct twig root,
                        const struct qp_name *name)
{
    struct twig at = root;
    unsigned key_len = 2u * name->len;
    while (twig_position(at) < key_len) {
        if (!twig_step(slab, &at, name)) {
            at = (struct twig){0};
        }
    }
    /* All leaves there share the start of their keys: one tells whether it is the name's. */
    if (!twig_empty(at)) {
        struct qp_space space;
        struct qp_name leaf;
        leaf_name_init(slab, nearest_leaf(slab, at, name).ref, &space, &leaf);
        int difference = key_difference(name, &leaf);
        if (difference >= 0 && (unsigned)difference < key_len) {
            at = (struct twig){0};
        }
    }
    qp_iter_init(iter, slab, at);
}

ref_t qp_iter_next(struct qp_iter *iter)
{
    if ((iter->lone.low & TAG_MASK) == TAG_LEAF) {
        ref_t leaf = iter->lone.ref;
        iter->lone = (struct twig){0};
        return leaf;
    }
    while (iter->depth > 0) {
        unsigned top = iter->depth - 1;
        if (iter->level[top].next == iter->level[top].count) {
            iter->depth--;
            continue;
        }
        struct twig twig = branch_twigs(iter->slab, iter->level[top].ref)[iter->level[top].next++];
        if (!twig_is_branch(twig)) {
            return twig.ref;
        }
        ASSERT(iter->depth < QP_KEY_MAX);
        iter->level[iter->depth].ref = twig.ref;
        iter->level[iter->depth].next = 0;
        iter->level[iter->depth].count = (uint16_t)word_count(twig_word(twig));
        iter->depth++;
    }
    return 0;
}
