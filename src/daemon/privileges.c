/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/privileges.h"

#include "base/error.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

static int find_user(const struct config *config, struct place place, struct diag_list *diags,
                     struct identity *identity)
{
    const struct passwd *user = getpwnam(config->user);
    if (!user) {
        diag_add(diags, SEVERITY_ERROR, place,
                 "add it ('useradd --system NAME'), or choose another with server.user",
                 "there is no user '%s'", config->user);
        return ERR_NOT_FOUND;
    }
    identity->user = user->pw_uid;
    identity->group = user->pw_gid;
    identity->name = config->user;
    return ERR_OK;
}

static int find_group(const struct config *config, struct place place, struct diag_list *diags,
                      struct identity *identity)
{
    const struct group *group = getgrnam(config->group);
    if (!group) {
        diag_add(diags, SEVERITY_ERROR, place, "choose another with server.group",
                 "there is no group '%s'", config->group);
        return ERR_NOT_FOUND;
    }
    identity->group = group->gr_gid;
    return ERR_OK;
}

int identity_find(const struct config *config, struct diag_list *diags, struct identity *ret)
{
    struct place place = {.file = config->file};
    struct identity identity = {.user = UINT_MAX, .group = UINT_MAX};
    int err = config->user ? find_user(config, place, diags, &identity) : ERR_OK;
    if (err == ERR_OK && config->group) {
        err = find_group(config, place, diags, &identity);
    }
    if (err != ERR_OK) {
        return err;
    }
    bool other = (identity.user != UINT_MAX && identity.user != geteuid()) ||
                 (identity.group != UINT_MAX && identity.group != getegid());
    if (other && geteuid() != 0) {
        diag_add(diags, SEVERITY_ERROR, place, "start it as root, or leave out server.user",
                 "only root can become user '%s'", config->user ? config->user : config->group);
        return ERR_PERMISSION;
    }
    if (!other) {
        identity = (struct identity){.user = UINT_MAX, .group = UINT_MAX};
    }
    *ret = identity;
    return ERR_OK;
}

/* Leaves the process with no capability but, if wanted and there, CAP_NET_BIND_SERVICE. */
static int reduce_capabilities(bool keep_bind)
{
    cap_value_t bind = CAP_NET_BIND_SERVICE;
    cap_flag_value_t have = CAP_CLEAR;
    cap_t now = cap_get_proc(), wanted = cap_init();
    int status = now && wanted ? cap_get_flag(now, bind, CAP_PERMITTED, &have) : -1;
    if (status == 0 && keep_bind && have == CAP_SET) {
        status = cap_set_flag(wanted, CAP_PERMITTED, 1, &bind, CAP_SET) |
                 cap_set_flag(wanted, CAP_EFFECTIVE, 1, &bind, CAP_SET);
    }
    if (status == 0) {
        status = cap_set_proc(wanted);
    }
    int number = errno;
    cap_free(now);
    cap_free(wanted);
    errno = number;
    return status;
}

static const char *become(const struct identity *identity, bool keep_bind)
{
    if (keep_bind && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) {
        return "keep capabilities";
    }
    if (identity->name && initgroups(identity->name, identity->group) != 0) {
        return "set the groups";
    }
    if (!identity->name && setgroups(1, &identity->group) != 0) {
        return "set the groups";
    }
    if (setresgid(identity->group, identity->group, identity->group) != 0) {
        return "set the group";
    }
    if (identity->user != UINT_MAX &&
        setresuid(identity->user, identity->user, identity->user) != 0) {
        return "set the user";
    }
    return NULL;
}

/* Is the way back really closed? */
static bool still_root(const struct identity *identity)
{
    return identity->user != UINT_MAX && identity->user != 0 && (setuid(0) == 0 || geteuid() == 0);
}

int privileges_drop(const struct identity *identity, bool keep_bind_capability,
                    struct diag_list *diags)
{
    const char *failed = NULL;
    if (identity->group != UINT_MAX) {
        failed = become(identity, keep_bind_capability);
    }
    if (!failed && geteuid() != 0 && reduce_capabilities(keep_bind_capability) != 0) {
        failed = "give up capabilities";
    }
    if (!failed && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        failed = "forbid new privileges";
    }
    if (failed) {
        diag_add(diags, SEVERITY_ERROR, (struct place){0}, NULL, "cannot %s: %s", failed,
                 strerror(errno));
        return ERR_PERMISSION;
    }
    if (still_root(identity)) {
        diag_add(diags, SEVERITY_ERROR, (struct place){0}, NULL, "root was not given up");
        return ERR_PERMISSION;
    }
    return ERR_OK;
}
