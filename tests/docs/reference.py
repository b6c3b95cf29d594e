#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of docs/reference, made from the rows of the tables in the code.

    tests/docs/reference.py           tells which pages differ; exit status 1 if any does
    tests/docs/reference.py --write   brings them up to date

A table stands in a page between `<!-- rows: NAME -->` and `<!-- end -->`.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def macro_rows(path, macro):
    """The arguments of each X(...) of a table macro: words, numbers, and strings without quotes."""
    text = (ROOT / path).read_text(encoding="utf-8")
    body = re.search(rf"#define {macro}\(X\)((?:.*\\\n)+.*)", text).group(1).replace("\\\n", " ")
    rows = []
    for row in re.findall(r'X\(((?:[^()"]|"(?:[^"\\]|\\.)*")*)\)', body):
        cells = re.findall(r'"(?:[^"\\]|\\.)*"|[^,\s][^,]*', row)
        rows.append([cell.strip()[1:-1] if cell.strip().startswith('"') else cell.strip()
                     for cell in cells])
    return rows


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def counters():
    rows = macro_rows("src/server/server.h", "COUNTER_TABLE")
    return table(["Counter", "For each view", "Counts"],
                 [[f"`{name}`", "yes" if int(per_view) else "", text]
                  for _, name, per_view, text in rows])


def limits():
    rows = macro_rows("src/base/limits.h", "LIMIT_TABLE")
    return table(["Limit", "Value", "Reason"],
                 [[f"`{name}`", f"{int(value):,}", text] for name, value, text in rows])


def errors():
    rows = macro_rows("src/base/error.h", "ERROR_TABLE")
    return table(["Name", "Means"], [[f"`{name}`", text] for _, _, name, text in rows])


def steps():
    rows = macro_rows("src/answer/trace.h", "TRACE_STEP_TABLE")
    return table(["In JSON", "In text"], [[f"`{name}`", text] for _, name, text in rows])


def options():
    rows = macro_rows("src/cli/command.h", "OPTION_TABLE")
    return table(["Option", "More than once", "Does"],
                 [[f"`--{word}" + ("`" if value == "NULL" else f" {value}`"),
                   "yes" if many == "true" else "", text] for _, word, value, many, text in rows])


ROWS = {"counters": counters, "limits": limits, "errors": errors, "steps": steps,
        "options": options}


def renewed(text):
    """The page with its tables made anew."""
    def make(match):
        return f"{match.group(1)}\n{ROWS[match.group(2)]()}\n{match.group(3)}"
    return re.sub(r"(<!-- rows: (\w+) -->)\n.*?(<!-- end -->)", make, text, flags=re.DOTALL)


def pages():
    """(path, text, renewed text) of each page that has tables."""
    for path in sorted((ROOT / "docs/reference").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if "<!-- rows: " in text:
            yield path, text, renewed(text)


def main():
    write = sys.argv[1:] == ["--write"]
    if sys.argv[1:] and not write:
        print(__doc__, file=sys.stderr)
        return 2
    stale = [(path, new) for path, text, new in pages() if new != text]
    for path, new in stale:
        print(path.relative_to(ROOT))
        if write:
            path.write_text(new, encoding="utf-8")
    return 1 if stale and not write else 0


if __name__ == "__main__":
    sys.exit(main())
