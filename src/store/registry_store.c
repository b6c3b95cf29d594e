/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/registry_store.h"

#include "base/error.h"
#include "base/limits.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

enum {
    SCHEMA_VERSION = 1,
    BUSY_MS = 2000,
};

enum statement {
    PUT_OBJECT,
    DROP_OBJECT,
    PUT_VERDICT,
    DROP_VERDICT,
    PUT_META,
    PUT_HISTORY,
    TRIM_HISTORY,
    STATEMENT_COUNT
};

static const char *const STATEMENTS[STATEMENT_COUNT] = {
    [PUT_OBJECT] =
        "INSERT INTO object(kind, name, id, owner, revision, body)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6)"
        " ON CONFLICT(kind, name, id) DO UPDATE SET owner = ?4, revision = ?5, body = ?6",
    [DROP_OBJECT] = "DELETE FROM object WHERE kind = ?1 AND name = ?2 AND id = ?3",
    [PUT_VERDICT] = "INSERT INTO verdict(name, id, verdict) VALUES(?1, ?2, ?3)"
                    " ON CONFLICT(name, id) DO UPDATE SET verdict = ?3",
    [DROP_VERDICT] = "DELETE FROM verdict WHERE name = ?1 AND id = ?2",
    [PUT_META] = "INSERT INTO meta(key, value) VALUES(?1, ?2)"
                 " ON CONFLICT(key) DO UPDATE SET value = ?2",
    [PUT_HISTORY] = "INSERT INTO history(revision, at, kind, name, id, owner, why, before, after)"
                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [TRIM_HISTORY] = "DELETE FROM history WHERE rowid <= (SELECT max(rowid) FROM history) - ?1",
};

static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS object(kind INTEGER NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL,"
    " owner TEXT NOT NULL, revision INTEGER NOT NULL, body TEXT NOT NULL,"
    " PRIMARY KEY(kind, name, id)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS verdict(name TEXT NOT NULL, id TEXT NOT NULL,"
    " verdict TEXT NOT NULL,"
    " PRIMARY KEY(name, id)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS history(revision INTEGER NOT NULL, at INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL, owner TEXT NOT NULL, why TEXT,"
    " before TEXT, after TEXT);";

struct registry_store {
    const struct alloc *alloc;
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    uint64_t revision;
    char problem[256];
};

static int error_from_sqlite(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return ERR_OK;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_FULL:
        return ERR_SPACE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
        return ERR_PERMISSION;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_INVALID;
    default:
        return ERR_IO;
    }
}

static int failed(struct registry_store *store, int code)
{
    snprintf(store->problem, sizeof(store->problem), "%s", sqlite3_errmsg(store->db));
    return error_from_sqlite(code);
}

const char *registry_store_problem(const struct registry_store *store)
{
    return store->problem;
}

uint64_t registry_store_revision(const struct registry_store *store)
{
    return store->revision;
}

/* --- opening -------------------------------------------------------------------------------------
 */

static int run_text(struct registry_store *store, const char *text)
{
    int code = sqlite3_exec(store->db, text, NULL, NULL, NULL);
    return code == SQLITE_OK ? ERR_OK : failed(store, code);
}

static int meta_read(struct registry_store *store, const char *key, int64_t *out)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, "SELECT value FROM meta WHERE key = ?1", -1,
                                  &statement, NULL);
    if (code != SQLITE_OK) {
        return failed(store, code);
    }
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        *out = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return code == SQLITE_ROW ? ERR_OK : code == SQLITE_DONE ? ERR_NOT_FOUND : failed(store, code);
}

static int step_done(struct registry_store *store, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    int err = code == SQLITE_DONE ? ERR_OK : failed(store, code);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return err;
}

static int meta_write(struct registry_store *store, const char *key, uint64_t value)
{
    sqlite3_stmt *statement = store->statements[PUT_META];
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)value);
    return step_done(store, statement);
}

static int schema_make(struct registry_store *store, struct diag_list *diags, const char *path)
{
    int64_t schema = SCHEMA_VERSION, revision = 0;
    int err = run_text(store, SCHEMA);
    for (unsigned i = 0; err == ERR_OK && i < STATEMENT_COUNT; i++) {
        int code = sqlite3_prepare_v3(store->db, STATEMENTS[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &store->statements[i], NULL);
        err = code == SQLITE_OK ? ERR_OK : failed(store, code);
    }
    if (err != ERR_OK) {
        return err;
    }
    err = meta_read(store, "schema", &schema);
    if (err == ERR_NOT_FOUND) {
        err = meta_write(store, "schema", SCHEMA_VERSION);
    } else if (err == ERR_OK && schema != SCHEMA_VERSION) {
        diag_add(diags, SEVERITY_ERROR, (struct place){.file = path},
                 "start the version that wrote it, or move the file away",
                 "the registry has format %lld; this version knows %d", (long long)schema,
                 SCHEMA_VERSION);
        return ERR_INVALID;
    }
    if (err == ERR_OK) {
        int read = meta_read(store, "revision", &revision);
        err = read == ERR_NOT_FOUND ? ERR_OK : read;
    }
    store->revision = (uint64_t)revision;
    return err;
}

static int store_open(struct registry_store *store, const char *path, struct diag_list *diags)
{
    int code = sqlite3_open_v2(
        path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, NULL);
    if (code != SQLITE_OK) {
        return store->db ? failed(store, code) : ERR_NOMEM;
    }
    sqlite3_busy_timeout(store->db, BUSY_MS);
    int err = run_text(store, "PRAGMA journal_mode = WAL");
    if (err == ERR_OK) {
        err = run_text(store, "PRAGMA synchronous = FULL");
    }
    return err == ERR_OK ? schema_make(store, diags, path) : err;
}

int registry_store_open(const struct alloc *alloc, const char *folder, struct diag_list *diags,
                        struct registry_store **ret)
{
    char path[4096];
    struct registry_store *store = mem_new_zero(alloc, 1, sizeof(*store));
    if (!store) {
        return ERR_NOMEM;
    }
    store->alloc = alloc;
    uint32_t errors = diags->errors;
    snprintf(path, sizeof(path), "%s/registry.db", folder);
    int err = store_open(store, path, diags);
    if (err != ERR_OK) {
        if (diags->errors == errors) {
            const char *mend =
                err == ERR_INVALID ? "bring back a copy, or move it away to begin anew (what is "
                                     "registered is lost then)"
                : err == ERR_PERMISSION ? "the server's user must be able to write it"
                : err == ERR_BUSY       ? "stop what holds it open"
                                        : NULL;
            diag_add(diags, SEVERITY_ERROR, (struct place){.file = path}, mend,
                     "the registry cannot be opened: %s",
                     store->problem[0] ? store->problem : error_text(err));
        }
        registry_store_close(store);
        return err;
    }
    *ret = store;
    return ERR_OK;
}

void registry_store_close(struct registry_store *store)
{
    if (!store) {
        return;
    }
    for (unsigned i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(store->statements[i]);
    }
    sqlite3_close(store->db);
    mem_free(store->alloc, store);
}

/* --- writing -------------------------------------------------------------------------------------
 */

static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    if (text) {
        sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
    } else {
        sqlite3_bind_null(statement, at);
    }
}

static int object_write(struct registry_store *store, const struct store_row *row)
{
    sqlite3_stmt *statement = store->statements[row->body ? PUT_OBJECT : DROP_OBJECT];
    sqlite3_bind_int(statement, 1, (int)row->kind);
    bind_text(statement, 2, row->name);
    bind_text(statement, 3, row->id);
    if (row->body) {
        bind_text(statement, 4, row->owner);
        sqlite3_bind_int64(statement, 5, (sqlite3_int64)row->revision);
        bind_text(statement, 6, row->body);
    }
    return step_done(store, statement);
}

static int history_write(struct registry_store *store, const struct store_row *row,
                         const struct store_change *change)
{
    sqlite3_stmt *statement = store->statements[PUT_HISTORY];
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)row->revision);
    sqlite3_bind_int64(statement, 2, change->at.ns);
    sqlite3_bind_int(statement, 3, (int)row->kind);
    bind_text(statement, 4, row->name);
    bind_text(statement, 5, row->id);
    bind_text(statement, 6, row->by ? row->by : row->owner);
    bind_text(statement, 7, row->why);
    bind_text(statement, 8, row->before);
    bind_text(statement, 9, row->body);
    int err = step_done(store, statement);
    if (err == ERR_OK) {
        sqlite3_bind_int64(store->statements[TRIM_HISTORY], 1, LIMIT_HISTORY);
        err = step_done(store, store->statements[TRIM_HISTORY]);
    }
    return err;
}

static int verdict_write(struct registry_store *store, const struct store_verdict *verdict)
{
    sqlite3_stmt *statement = store->statements[verdict->verdict ? PUT_VERDICT : DROP_VERDICT];
    bind_text(statement, 1, verdict->name);
    bind_text(statement, 2, verdict->id);
    if (verdict->verdict) {
        bind_text(statement, 3, verdict->verdict);
    }
    return step_done(store, statement);
}

static int drains_write(struct registry_store *store, const char *text)
{
    sqlite3_stmt *statement = store->statements[PUT_META];
    sqlite3_bind_text(statement, 1, "drains", -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, text, -1, SQLITE_STATIC);
    return step_done(store, statement);
}

static int change_write(struct registry_store *store, const struct store_change *change)
{
    int err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < change->row_count; i++) {
        const struct store_row *row = &change->rows[i];
        err = object_write(store, row);
        if (err == ERR_OK && row->history) {
            err = history_write(store, row, change);
        }
    }
    for (size_t i = 0; err == ERR_OK && i < change->verdict_count; i++) {
        err = verdict_write(store, &change->verdicts[i]);
    }
    if (err == ERR_OK && change->drains) {
        err = drains_write(store, change->drains);
    }
    if (err == ERR_OK && change->revision) {
        err = meta_write(store, "revision", change->revision);
    }
    return err;
}

int registry_store_write(struct registry_store *store, const struct store_change *change)
{
    int err = run_text(store, "BEGIN IMMEDIATE");
    if (err != ERR_OK) {
        return err;
    }
    err = change_write(store, change);
    if (err == ERR_OK) {
        err = run_text(store, "COMMIT");
    }
    if (err != ERR_OK) {
        char problem[sizeof(store->problem)];
        memcpy(problem, store->problem, sizeof(problem));
        if (!sqlite3_get_autocommit(store->db)) {
            run_text(store, "ROLLBACK");
        }
        memcpy(store->problem, problem, sizeof(problem));
        return err;
    }
    store->revision = change->revision ? change->revision : store->revision;
    return ERR_OK;
}

/* --- reading -------------------------------------------------------------------------------------
 */

static const char *column_text(sqlite3_stmt *statement, int at)
{
    return (const char *)sqlite3_column_text(statement, at);
}

int registry_store_objects(struct registry_store *store, registry_store_row *each, void *ctx)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(
        store->db, "SELECT kind, name, id, owner, revision, body FROM object ORDER BY kind", -1,
        &statement, NULL);
    int err = ERR_OK;
    while (err == ERR_OK && code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct store_row row = {
            .kind = (enum store_row_kind)sqlite3_column_int(statement, 0),
            .name = column_text(statement, 1),
            .id = column_text(statement, 2),
            .owner = column_text(statement, 3),
            .revision = (uint64_t)sqlite3_column_int64(statement, 4),
            .body = column_text(statement, 5),
        };
        err = row.name && row.id && row.owner && row.body ? each(ctx, &row) : ERR_NOMEM;
        code = SQLITE_OK;
    }
    if (code != SQLITE_OK && code != SQLITE_DONE) {
        err = failed(store, code);
    }
    sqlite3_finalize(statement);
    return err;
}

char *registry_store_drains(struct registry_store *store)
{
    sqlite3_stmt *statement = NULL;
    char *text = NULL;
    int code = sqlite3_prepare_v2(store->db, "SELECT value FROM meta WHERE key = 'drains'", -1,
                                  &statement, NULL);
    if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        const char *found = column_text(statement, 0);
        text = found ? mem_copy_text(store->alloc, found) : NULL;
    }
    sqlite3_finalize(statement);
    return text;
}

int registry_store_verdicts(struct registry_store *store, registry_store_seen *each, void *ctx)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, "SELECT name, id, verdict FROM verdict", -1,
                                  &statement, NULL);
    int err = ERR_OK;
    while (err == ERR_OK && code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct store_verdict verdict = {column_text(statement, 0), column_text(statement, 1),
                                        column_text(statement, 2)};
        err = verdict.name && verdict.id && verdict.verdict ? each(ctx, &verdict) : ERR_NOMEM;
        code = SQLITE_OK;
    }
    if (code != SQLITE_OK && code != SQLITE_DONE) {
        err = failed(store, code);
    }
    sqlite3_finalize(statement);
    return err;
}

int registry_store_history(struct registry_store *store, uint64_t before, unsigned limit,
                           registry_store_told *each, void *ctx)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db,
                                  "SELECT revision, at, kind, name, id, owner, why, before, after"
                                  " FROM history WHERE revision < ?1 ORDER BY rowid DESC LIMIT ?2",
                                  -1, &statement, NULL);
    int err = ERR_OK;
    if (code == SQLITE_OK) {
        sqlite3_bind_int64(statement, 1, before > INT64_MAX ? INT64_MAX : (sqlite3_int64)before);
        sqlite3_bind_int(statement, 2, (int)limit);
    }
    while (err == ERR_OK && code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct store_event event = {
            .revision = (uint64_t)sqlite3_column_int64(statement, 0),
            .at = {sqlite3_column_int64(statement, 1)},
            .kind = (enum store_row_kind)sqlite3_column_int(statement, 2),
            .name = column_text(statement, 3),
            .id = column_text(statement, 4),
            .owner = column_text(statement, 5),
            .why = column_text(statement, 6),
            .before = column_text(statement, 7),
            .after = column_text(statement, 8),
        };
        err = each(ctx, &event);
        code = SQLITE_OK;
    }
    if (code != SQLITE_OK && code != SQLITE_DONE) {
        err = failed(store, code);
    }
    sqlite3_finalize(statement);
    return err;
}
