/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The registry's store on a disk that fails: a full one, a torn write, a failing sync, at every
 * call in turn. Whatever was acknowledged before is there afterwards; a change is there as a whole
 * or not at all; one that was acknowledged is there; and when the disk works again, so does the
 * store.
 *
 *   registry_store ─► SQLite ─► this VFS ─► fails the n-th call of a kind ─► the real one
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "store/registry_store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum fault {
    FAULT_NONE,
    FAULT_FULL, /* a write finds no room */
    FAULT_TORN, /* a write stops half way */
    FAULT_SYNC  /* a sync fails */
};

/* SQLite's interface has no context: one at a time. */
static struct {
    enum fault kind;
    long left; /* calls of the kind that still succeed */
    bool hit;
} fault;

struct file {
    sqlite3_file base;
    sqlite3_file *real;
};

static sqlite3_vfs vfs;
static sqlite3_vfs *real_vfs;

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct file *)file)->real;
}

static bool fails(bool is_sync)
{
    if (fault.kind == FAULT_NONE || (fault.kind == FAULT_SYNC) != is_sync || fault.left-- > 0) {
        return false;
    }
    fault.hit = true;
    return true; /* and so do all that follow */
}

static int on_close(sqlite3_file *file)
{
    int code = real_of(file)->pMethods->xClose(real_of(file));
    sqlite3_free(real_of(file));
    return code;
}

static int on_read(sqlite3_file *file, void *out, int bytes, sqlite3_int64 at)
{
    return real_of(file)->pMethods->xRead(real_of(file), out, bytes, at);
}

static int on_write(sqlite3_file *file, const void *data, int bytes, sqlite3_int64 at)
{
    sqlite3_file *real = real_of(file);
    if (fails(false)) {
        if (fault.kind == FAULT_TORN) {
            real->pMethods->xWrite(real, data, bytes / 2, at);
            return SQLITE_IOERR_WRITE;
        }
        return SQLITE_FULL;
    }
    return real->pMethods->xWrite(real, data, bytes, at);
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int on_sync(sqlite3_file *file, int flags)
{
    return fails(true) ? SQLITE_IOERR_FSYNC : real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int on_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), ret);
}

static int on_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int on_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int on_reserved(sqlite3_file *file, int *ret)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret);
}

static int on_control(sqlite3_file *file, int what, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), what, argument);
}

static int on_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int on_device(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int on_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, ret);
}

static int on_shm_lock(sqlite3_file *file, int at, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), at, count, flags);
}

static void on_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int on_shm_unmap(sqlite3_file *file, int remove)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods METHODS = {
    .iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_reserved,
    .xFileControl = on_control,
    .xSectorSize = on_sector,
    .xDeviceCharacteristics = on_device,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

static int on_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags,
                   int *ret_flags)
{
    struct file *made = (struct file *)file;
    (void)self;
    made->base.pMethods = NULL;
    made->real = sqlite3_malloc(real_vfs->szOsFile);
    if (!made->real) {
        return SQLITE_NOMEM;
    }
    int code = real_vfs->xOpen(real_vfs, name, made->real, flags, ret_flags);
    if (code == SQLITE_OK) {
        made->base.pMethods = &METHODS;
    } else {
        sqlite3_free(made->real);
    }
    return code;
}

static void vfs_install(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "failing";
    vfs.szOsFile = sizeof(struct file);
    vfs.xOpen = on_open;
    assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

/* --- the store on it -----------------------------------------------------------------------------
 */

static struct registry_store *open_store(const char *folder)
{
    struct diag_list diags;
    struct registry_store *store = NULL;
    diag_init(&diags, &ALLOC_MALLOC);
    int err = registry_store_open(&ALLOC_MALLOC, folder, &diags, &store);
    if (err != ERR_OK) {
        fail_msg("%s", diags.first ? diags.first->text : error_text(err));
    }
    diag_deinit(&diags);
    return store;
}

enum {
    ROWS = 40 /* some pages of them */
};

/* Sets all rows to `value`, in one change. */
static int put_all(struct registry_store *store, unsigned value)
{
    struct store_row rows[ROWS];
    char ids[ROWS][16], body[700];
    memset(body, 'x', sizeof(body) - 1);
    body[sizeof(body) - 1] = '\0';
    snprintf(body, 16, "%u", value);
    body[strlen(body)] = ' ';
    for (unsigned i = 0; i < ROWS; i++) {
        snprintf(ids[i], sizeof(ids[i]), "i%u", i);
        rows[i] = (struct store_row){STORE_INSTANCE, "web.", ids[i], "x",  value,
                                     body,           NULL,   false,  NULL, NULL};
    }
    const struct store_change change = {rows, ROWS, NULL, 0, value, {1}, NULL};
    return registry_store_write(store, &change);
}

struct seen {
    unsigned rows, value;
    bool mixed;
};

static int see(void *ctx, const struct store_row *row)
{
    struct seen *seen = ctx;
    unsigned value = (unsigned)atoi(row->body);
    seen->mixed = seen->mixed || (seen->rows > 0 && seen->value != value);
    seen->value = value;
    seen->rows++;
    return ERR_OK;
}

/* Which change is there: all of it. */
static unsigned value_of(struct registry_store *store)
{
    struct seen seen = {0};
    assert_int_equal(registry_store_objects(store, see, &seen), ERR_OK);
    assert_false(seen.mixed);
    assert_int_equal(seen.rows, ROWS);
    return seen.value;
}

static void folder_clear(const char *folder)
{
    static const char *const files[] = {"registry.db", "registry.db-wal", "registry.db-shm"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        unlink(path);
    }
}

/* One fault at call n of its kind; false: there were not so many. */
static bool fault_once(const char *folder, enum fault kind, long n)
{
    fault.kind = FAULT_NONE;
    struct registry_store *store = open_store(folder);
    assert_int_equal(put_all(store, 1), ERR_OK);
    assert_int_equal(put_all(store, 2), ERR_OK);
    fault.kind = kind;
    fault.left = n;
    fault.hit = false;
    int err = put_all(store, 3);
    bool hit = fault.hit;
    fault.kind = FAULT_NONE;
    if (err != ERR_OK) {
        assert_true(hit);
        assert_true(err == ERR_SPACE || err == ERR_IO);
        assert_true(registry_store_problem(store)[0] != '\0');
        assert_int_equal(value_of(store), 2); /* as if nobody had asked */
        assert_int_equal(registry_store_revision(store), 2);
    } else {
        assert_int_equal(value_of(store), 3);
    }
    unsigned before = value_of(store);
    registry_store_close(store);
    store = open_store(folder);
    assert_int_equal(value_of(store), before);
    assert_int_equal(put_all(store, 4), ERR_OK); /* the disk works again */
    registry_store_close(store);
    store = open_store(folder);
    assert_int_equal(value_of(store), 4);
    assert_int_equal(registry_store_revision(store), 4);
    registry_store_close(store);
    folder_clear(folder);
    return hit;
}

static void test_every_call_fails_once(void **state)
{
    char folder[] = "/tmp/horizon-store-XXXXXX";
    unsigned long runs = 0;
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (enum fault kind = FAULT_FULL; kind <= FAULT_SYNC; kind++) {
        for (long n = 0; fault_once(folder, kind, n); n++) {
            runs++;
        }
    }
    assert_true(runs > 20);
    assert_int_equal(rmdir(folder), 0);
}

/* What a process leaves behind that is killed in the middle of a torn write: a copy of the files,
 * as they are then, opened by another one. */
static void test_killed_in_the_middle(void **state)
{
    char folder[] = "/tmp/horizon-store-XXXXXX", other[] = "/tmp/horizon-other-XXXXXX";
    char command[256];
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_non_null(mkdtemp(other));
    for (long n = 0; n < 60; n++) {
        fault.kind = FAULT_NONE;
        struct registry_store *store = open_store(folder);
        assert_int_equal(put_all(store, 1), ERR_OK);
        assert_int_equal(put_all(store, 2), ERR_OK);
        fault.kind = FAULT_TORN;
        fault.left = n;
        int err = put_all(store, 3);
        snprintf(command, sizeof(command), "cp %s/registry.db* %s/", folder, other);
        assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a fixed command */
        fault.kind = FAULT_NONE;
        struct registry_store *after = open_store(other);
        unsigned value = value_of(after);
        assert_true(err == ERR_OK ? value == 3 : value == 2 || value == 3);
        registry_store_close(after);
        registry_store_close(store);
        folder_clear(folder);
        folder_clear(other);
    }
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(rmdir(other), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call_fails_once),
        cmocka_unit_test(test_killed_in_the_middle),
    };
    vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
