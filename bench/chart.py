# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of the figures: one bar a server, CPU microseconds a query, as plain SVG."""

from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, BAR, GAP, TITLE = 760, 90, 190, 18, 8, 36
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 } .note { fill: #59636e; font-size: 12px }
  .peer { fill: #8c959f } .own { fill: #0969da } .floor { fill: #d0d7de }
  .spread { stroke: #1f2328; stroke-width: 1.5 } .back { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .note { fill: #9198a1 } .spread { stroke: #e6edf3 }
    .back { fill: #0d1117 } .floor { fill: #3d444d } .own { fill: #4493f8 }
  }
"""


def _bar(server, top, scale):
    kind = {"horizon": "own", "echo": "floor"}.get(server["name"].split()[0], "peer")
    cost, (low, high) = server["us_per_query"], server["us_per_query_95"]
    middle = top + BAR / 2
    label = f"{cost:.2f} \u00b5s"
    if "ratio" in server and server["name"] != server["ratio_to"]:
        label += f"  {server['ratio']:.2f} \u00d7 {server['ratio_to']}"
    return (
        f'<text x="{LEFT - 8}" y="{middle + 4:.1f}" text-anchor="end">{escape(server["name"])}</text>'
        f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{cost * scale:.1f}" height="{BAR}" '
        f'rx="2"/>'
        f'<line class="spread" x1="{LEFT + low * scale:.1f}" x2="{LEFT + high * scale:.1f}" '
        f'y1="{middle}" y2="{middle}"/>'
        f'<text class="note" x="{LEFT + max(cost, high) * scale + 8:.1f}" y="{middle + 4:.1f}">'
        f'{escape(label)}</text>')


def _panel(row, top):
    """The bars of one row of the benchmark; returns (svg, height)."""
    servers = sorted((s for s in row["servers"] if s["runs"] and not s["fault"]),
                     key=lambda s: s["us_per_query"])
    scale = (WIDTH - LEFT - RIGHT) / max(s["us_per_query_95"][1] for s in servers)
    parts = [f'<text class="title" x="16" y="{top + 22}">{escape(row["title"])}</text>']
    for number, server in enumerate(servers):
        parts.append(_bar(server, top + TITLE + number * (BAR + GAP), scale))
    return "\n".join(parts), TITLE + len(servers) * (BAR + GAP) + 12


def svg(result):
    """The whole picture as text."""
    top, parts = 4, []
    for row in result["rows"]:
        if any(s["runs"] and not s["fault"] for s in row["servers"]):
            panel, height = _panel(row, top)
            parts.append(panel)
            top += height
    machine, rounds = result["machine"], result["rows"][0]["rounds"]
    notes = (f"CPU \u00b5s a query, user and system, one worker; median of {rounds} interleaved runs, "
             "line: its 95 % interval", f"{machine['cpu']}, kernel {machine['kernel']}, {result['date']}")
    parts += [f'<text class="note" x="16" y="{top + 10 + 17 * i}">{escape(note)}</text>'
              for i, note in enumerate(notes)]
    height = top + 40
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" role="img">\n'
            f'<title>CPU cost of a DNS query by server</title>\n<style>{STYLE}</style>\n'
            f'<rect class="back" width="{WIDTH}" height="{height}"/>\n' + "\n".join(parts)
            + "\n</svg>\n")
