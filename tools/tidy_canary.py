# SPDX-License-Identifier: GPL-3.0-or-later
"""The canaries of tidy: for each rule a small tree that breaks it and nothing else.

A clean tree must give no finding; each canary must give its rule at its file
and line; a rule without a canary is itself a failure. Prints one line a
canary that failed, and the counts.
"""

import pathlib
import tempfile

LICENCE = "// SPDX-License-Identifier: GPL-3.0-or-later\n"
STORY = "/*\n * A thing: what it is,\n * who writes it and who reads it,\n * threads and lifetime.\n */\n"

LAYERS = """
core  base
core  dns     base
core  answer  dns
shell io      base
shell server  answer io
shell api     answer io
wire  daemon  server api
file  base/bridge.c  dns
only  libknot/  dns
only  urcu      server/publish.c
only  microhttpd.h  api
"""

# A tree that breaks no rule, with the look-alikes that a careless check would take for violations.
CLEAN = {
    "src/LAYERS": LAYERS,
    "src/base/meson.build": "x_sources = files('thing.c', 'bridge.c')\n",
    "src/base/thing.h": LICENCE + STORY + "#include <stdint.h>\n\nint thing_count(int a);\n",
    "src/base/thing.c": LICENCE
    + '#include "base/thing.h"\n\n#include <string.h>\n\n'
    + "static const char *const words[] = {\"strcpy(\", \"printf(\"}; // sprintf( in a comment\n"
    + "enum kind { KIND_ONE, KIND_TWO };\nstruct thing;\nstruct pair {\n    int a;\n    int *b;\n};\n"
    + "static int thing_twice(int a);\nextern const int thing_limit;\n"
    + "static int (*const step)(int) = thing_twice;\n\n"
    + "static int thing_twice(int a)\n{\n    static const int two = 2;\n    int counted = a;\n"
    + "    return counted * two;\n}\n\n"
    + "int thing_count(int a)\n{\n    return thing_twice(a) + (words[0] == NULL) + step(a);\n}\n",
    "src/base/bridge.c": LICENCE + '#include "dns/name.h"\n#include "base/thing.h"\n',
    "src/dns/meson.build": "x_sources = files('name.c')\n",
    "src/dns/name.h": LICENCE + STORY + '#include "base/thing.h"\n',
    "src/dns/name.c": LICENCE + '#include "dns/name.h"\n\n#include <libknot/packet/pkt.h>\n',
    "src/io/meson.build": "x_sources = files('clock.c')\n",
    "src/io/clock.c": LICENCE
    + "#include <time.h>\n\nstatic int calls;\n\nint io_clock(void)\n{\n"
    + "    calls++;\n    return (int)time(NULL);\n}\n",
    "src/server/meson.build": "x_sources = files('publish.c', 'listen.c')\n",
    "src/server/publish.c": LICENCE + "#include <urcu-qsbr.h>\n",
    "src/server/listen.c": LICENCE + "#include <sys/socket.h>\n",
    "src/api/meson.build": "x_sources = files('route.c')\n",
    "src/api/route.c": LICENCE + '#include <microhttpd.h>\n#include "api/route.h"\n',
    "src/api/route.h": LICENCE + STORY,
    "src/daemon/main.c": LICENCE + '#include "api/route.h"\n\nint main(void)\n{\n    return 0;\n}\n',
    "tests/run": "#!/usr/bin/env python3\n" + LICENCE.replace("//", "#"),
}

LONG = "int f(void)\n{\n" + "    f();\n" * 69 + "}\n"

# rule, file, what is appended to the file (or the whole file, if it is new), the text on the line
# that must be reported (None: line 1).
PLANTED = [
    ("layer", "src/base/thing.c", '#include "dns/name.h"\n', "dns/name.h"),
    ("layer", "src/server/listen.c", '#include "api/route.h"\n', "api/route.h"),
    ("layer", "src/server/listen.c", '  #  include "api/route.h" // far\n', "api/route.h"),
    ("layer", "src/secret/x.h", LICENCE + STORY, None),
    ("library", "src/base/thing.c", "#include <libknot/libknot.h>\n", "libknot.h"),
    ("library", "src/server/listen.c", "#include <urcu-qsbr.h>\n", "urcu"),
    ("library", "src/server/listen.c", "#include <microhttpd.h>\n", "microhttpd"),
    ("include", "src/dns/name.c", '#include "name.h"\n', '"name.h"'),
    ("include", "src/dns/name.c", '#include "dns/gone.h"\n', "gone.h"),
    ("core-header", "src/dns/name.c", "#include <sys/socket.h>\n", "sys/socket.h"),
    ("core-header", "src/dns/name.c", "#include <unistd.h>\n", "unistd.h"),
    ("core-header", "src/dns/name.c", "#include <pthread.h>\n", "pthread.h"),
    ("core-header", "src/dns/name.c", "#include <time.h>\n", "time.h"),
    ("core-header", "src/dns/name.c", "#include <arpa/inet.h>\n", "arpa/inet.h"),
    ("core-header", "src/dns/name.c", "#include <netinet/in.h>\n", "netinet/in.h"),
    ("core-state", "src/dns/name.c", "static int seen;\n", "seen"),
    ("core-state", "src/dns/name.c", "int seen = 3;\n", "seen"),
    ("core-state", "src/dns/name.c", "static const char *last;\n", "last"),
    ("core-state", "src/dns/name.c", "static int table[4] = {1, 2};\n", "table"),
    ("core-state", "src/dns/name.c", "static struct pair pairs[4];\n", "pairs"),
    ("core-state", "src/dns/name.c", "static int (*hook)(int);\n", "hook"),
    ("core-state", "src/dns/name.c", "int f(void)\n{\n    static int n;\n    return n++;\n}\n", "int n;"),
    ("core-state", "src/dns/name.c", "static _Thread_local int seen;\n", "seen"),
    ("core-print", "src/dns/name.c", 'int f(void)\n{\n    return printf("x");\n}\n', "printf"),
    ("core-memory", "src/answer/a.c", LICENCE + "void *f(void)\n{\n    return malloc(1);\n}\n", "malloc"),
    ("banned", "src/io/clock.c", "void f(char *a)\n{\n    strcpy(a, a);\n}\n", "strcpy"),
    ("banned", "src/io/clock.c", "void f(char *a)\n{\n    sprintf(a, a);\n}\n", "sprintf"),
    ("banned", "src/io/clock.c", "int f(char *a)\n{\n    return atoi(a);\n}\n", "atoi"),
    ("banned", "src/io/clock.c", "int f(void)\n{\n    return rand();\n}\n", "rand"),
    ("banned", "src/io/clock.c", "void *f(void)\n{\n    return alloca(4);\n}\n", "alloca"),
    ("banned", "src/io/clock.c", "char *f(char *a)\n{\n    return strtok(a, a);\n}\n", "strtok"),
    ("banned", "src/io/clock.c", "char *f(char *a)\n{\n    return gets(a);\n}\n", "gets"),
    ("banned", "src/io/clock.c", "char *f(char *a)\n{\n    return strcat(a, a);\n}\n", "strcat"),
    ("clock", "src/server/listen.c", "long f(void)\n{\n    return time(0);\n}\n", "time"),
    ("clock", "src/server/listen.c", "int f(void)\n{\n    return gettimeofday(0, 0);\n}\n", "gettime"),
    ("clock", "src/server/listen.c", "int f(void)\n{\n    return clock_gettime(1, 0);\n}\n", "clock_"),
    ("function-length", "src/server/listen.c", LONG, "int f(void)"),
    ("file-length", "src/server/listen.c", "int a(void);\n" * 800, 801),
    ("story", "src/dns/mute.h", LICENCE + "/* Only a word. */\nint mute(void);\n", None),
    ("dead", "src/dns/orphan.c", LICENCE, None),
    ("dead", "src/dns/lonely.h", LICENCE + STORY, None),
    ("licence", "src/server/listen.h", STORY, None),
    ("licence", "tools/tool", "#!/bin/sh\n", None),
    ("unfinished", "src/dns/name.c", "// TO" + "DO: later\n", "later"),
    ("unfinished", "tests/run", "# FIX" + "ME: later\n", "later"),
    ("whitespace", "src/dns/name.c", "int f(void);\t\n", "f(void)"),
    ("whitespace", "src/dns/name.c", "int f(void); \n", "f(void)"),
    ("whitespace", "src/dns/name.c", "// " + "x" * 98 + "\n", "xxx"),
]


def plant(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def expected_line(text, marker):
    if marker is None:
        return 1
    if isinstance(marker, int):
        return marker
    numbers = [n for n, line in enumerate(text.splitlines(), 1) if marker in line]
    return numbers[-1]


def caught(look, root, rule, name, addition, marker):
    """Whether a planted violation is reported; the tree is clean again afterwards."""
    path = root / name
    before = CLEAN.get(name)
    text = (before or "") + addition
    plant(root, {name: text})
    try:
        line = expected_line(text, marker)
        return any(found[:3] == (name, line, rule) for found in look(root))
    finally:
        if before is None:
            path.unlink()
        else:
            plant(root, {name: before})


def run(look, rules):
    failures = []
    with tempfile.TemporaryDirectory(prefix="tidy-canary-") as folder:
        root = pathlib.Path(folder)
        plant(root, CLEAN)
        for name, line, rule, message in look(root):
            failures.append(f"the clean tree: {name}:{line}: {rule}: {message}")
        for planted in PLANTED:
            if not caught(look, root, *planted):
                failures.append(f"not caught: {planted[0]} in {planted[1]}: {planted[2][-60:]!r}")
    for rule in rules:
        if not any(planted[0] == rule for planted in PLANTED):
            failures.append(f"rule without a canary: {rule}")
    for failure in failures:
        print(failure)
    total = len(PLANTED) + 1 + len(rules)
    print(f"tidy: {total - len(failures)} canaries passed, {len(failures)} failed")
    return 1 if failures else 0
