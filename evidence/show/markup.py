# SPDX-License-Identifier: BSD-2-Clause
# HTML from values that may be anybody's: every text goes through text(), which leaves no markup and no control character of it.
import html
import re

TEXT_MAX = 4096
HASH = re.compile(r"[0-9a-f]{32,64}")
CONTROL = {code: f"\\x{code:02x}" for code in [*range(32), *range(127, 160)]}
# Characters that turn the direction of a line, or are not seen: a text must read as it is.
HIDDEN = {code: f"\\u{code:04x}" for code in [0x00ad, 0x061c, *range(0x200b, 0x2010), *range(0x2028, 0x202f),
                                              *range(0x2060, 0x2070), 0xfeff]}


def text(value):
    """Of any value, as text of the page."""
    value = str(value).encode("utf-8", "backslashreplace").decode("utf-8")  # half a surrogate pair is no text
    if len(value) > TEXT_MAX:
        value = value[:TEXT_MAX] + " ..."
    return html.escape(value.translate(CONTROL | HIDDEN), quote=True)


def tag(word, kind):
    """kind: good, bad, odd, none."""
    return f'<span class="tag {kind}">{text(word)}</span>'


def section(title, *parts):
    """Nothing where there is nothing to say."""
    inside = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{text(title)}</h2>\n{inside}\n</section>" if inside else ""


def paragraph(words, kind=""):
    return f'<p class="{kind}">{text(words)}</p>' if kind else f"<p>{text(words)}</p>"


def pairs(listed):
    """A list of (name, value); values of None are left out."""
    rows = [f"<dt>{text(name)}</dt><dd{' class=code' if HASH.fullmatch(str(value)) else ''}>{text(value)}</dd>"
            for name, value in listed if value is not None]
    return "<dl>\n" + "\n".join(rows) + "\n</dl>" if rows else ""


def table(heads, rows, kind=""):
    """rows: of cells that are markup already. kind: stack: on a narrow page each cell has a line of its own."""
    if not rows:
        return ""
    head = "<tr>" + "".join(f"<th>{text(name)}</th>" for name in heads) + "</tr>" if any(heads) else ""
    body = "\n".join("<tr>" + "".join(cell if cell.startswith("<td") else f"<td>{cell}</td>" for cell in row) + "</tr>"
                     for row in rows)
    begin = f"<table class={kind}>" if kind else "<table>"
    return f'<div class="wide">{begin}\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody></table></div>'


def number(value):
    return f'<td class="number">{text(value)}</td>'


def facts(values):
    return pairs(values.items())


def details(summary, inside):
    return f"<details><summary>{text(summary)}</summary>\n{inside}\n</details>" if inside else ""
