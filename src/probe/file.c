/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A file that says how it is: "passing", "warning" or "critical" in its first line; any other
 * content, or none, is passing, a file that is not there is critical. For what a cron job finds
 * out.
 */
#include "probe/target.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void begin(struct target *target)
{
    char text[128];
    int fd = open(target->order.check->text ? target->order.check->text : "",
                  O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    int problem = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (got < 0) {
        target_finish(target, problem_outcome(problem), "the file cannot be read");
        return;
    }
    text[got] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    enum verdict verdict = verdict_from_name(text);
    target_finish(target,
                  verdict == VERDICT_CRITICAL  ? OUTCOME_FAIL
                  : verdict == VERDICT_WARNING ? OUTCOME_WARN
                                               : OUTCOME_PASS,
                  text[0] ? text : "the file is there");
}

const struct probe_kind PROBE_FILE = {.local = true, .begin = begin};
