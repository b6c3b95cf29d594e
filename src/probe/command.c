/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A program: status 0 passes, 1 warns, anything else fails; the first line it writes is the detail.
 * It gets the target as HORIZON_ADDRESS and HORIZON_PORT, no input, and a process group of its own,
 * which is killed when the timeout comes first.
 */
#include "probe/target.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct command {
    pid_t pid;
    int out; /* what it writes; -1: closed */
};

static void out_close(struct command *command)
{
    if (command->out >= 0) {
        close(command->out);
        command->out = -1;
    }
}

static void finish(struct target *target, enum outcome_kind outcome, const char *detail)
{
    out_close(target->state);
    target_close(target);
    target_finish(target, outcome, detail);
}

static void on_exit_seen(void *ctx)
{
    struct target *target = ctx;
    struct command *command = target->state;
    char text[160] = "";
    int status = 0;
    if (waitpid(command->pid, &status, WNOHANG) != command->pid) {
        return;
    }
    ssize_t got = read(command->out, text, sizeof(text) - 1);
    text[got > 0 ? got : 0] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    command->pid = 0;
    if (WIFSIGNALED(status)) {
        snprintf(text, sizeof(text), "ended by signal %d", WTERMSIG(status));
    } else if (!text[0]) {
        snprintf(text, sizeof(text), "exit status %d", WEXITSTATUS(status));
    }
    bool ended = WIFEXITED(status);
    finish(target,
           ended && WEXITSTATUS(status) == 0   ? OUTCOME_PASS
           : ended && WEXITSTATUS(status) == 1 ? OUTCOME_WARN
                                               : OUTCOME_FAIL,
           text);
}

/* Starts `sh -c TEXT`; 0, or an errno. */
static int start(const struct target *target, int out, pid_t *ret_pid)
{
    char address[ADDRESS_TEXT_BYTES], address_word[80], port_word[32];
    const char *words[] = {"sh", "-c", target->order.check->text, NULL};
    const char *environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", address_word, port_word,
                                 NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    snprintf(address_word, sizeof(address_word), "HORIZON_ADDRESS=%s",
             address_to_text(&target->order.address, address));
    snprintf(port_word, sizeof(port_word), "HORIZON_PORT=%u", target->order.port);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawn_file_actions_adddup2(&files, out, 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    int problem = posix_spawn(ret_pid, "/bin/sh", &files, &attributes, (char **)(uintptr_t)words,
                              (char **)(uintptr_t)environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return problem;
}

static void begin(struct target *target)
{
    struct command *command = target->state;
    int pipes[2];
    if (!command) {
        command = target->state = mem_new_zero(target->prober->alloc, 1, sizeof(*command));
        if (command) {
            command->out = -1;
        }
    }
    if (!command || !target->order.check->text || pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0) {
        target_finish(target, OUTCOME_NONE, "the program cannot be started here");
        return;
    }
    int problem = start(target, pipes[1], &command->pid);
    close(pipes[1]);
    command->out = pipes[0];
    if (problem) {
        command->pid = 0;
        finish(target, OUTCOME_NONE, "the program cannot be started here");
        return;
    }
    target->fd = (int)syscall(SYS_pidfd_open, command->pid, 0);
    if (target->fd < 0 || loop_poll_new(target->prober->loop, target->fd, on_exit_seen, target,
                                        &target->poll) != ERR_OK) {
        target->poll = NULL;
        kill(-command->pid, SIGKILL);
        waitpid(command->pid, NULL, 0);
        command->pid = 0;
        finish(target, OUTCOME_NONE, "the program cannot be watched here");
    }
}

static void stop(struct target *target)
{
    struct command *command = target->state;
    if (command && command->pid > 0) {
        kill(-command->pid, SIGKILL);
        waitpid(command->pid, NULL, 0); /* killed: it does not take long */
        command->pid = 0;
    }
    if (command) {
        out_close(command);
    }
}

static void timeout(struct target *target)
{
    stop(target);
    target_close(target);
    target_finish(target, OUTCOME_FAIL, "the program ran longer than the timeout, and was killed");
}

const struct probe_kind PROBE_COMMAND = {
    .local = true, .begin = begin, .timeout = timeout, .end = stop};
