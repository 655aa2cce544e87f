"""The reference of all settings in docs/configuration.md, made from the comments of conf/base.yaml.

`python tests/readers/settings_reference.py` writes it anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "configuration.md"
BEGIN = "<!-- settings: made by tests/readers/settings_reference.py from conf/base.yaml -->"
END = "<!-- end of settings -->"
LINE = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z_0-9.-]+|- name):(?P<rest>.*)$")


def settings(text: str) -> Iterator[tuple[str, str, str]]:
    """Each setting's path, default and comment, in the order of the file."""
    groups: list[tuple[int, str]] = []
    for line in text.splitlines():
        match = LINE.match(line)
        if match is None:
            continue
        indent = len(match["indent"])
        groups = [(depth, name) for depth, name in groups if depth < indent]
        path = ".".join([*(name for _, name in groups), match["key"].removeprefix("- ")])
        value, _, comment = match["rest"].partition(" #")
        if value.strip():
            yield path, value.strip(), comment.strip()
        else:
            groups.append((indent, match["key"]))


def rendered() -> str:
    """The table between the two marks, marks included."""
    rows = [
        f"| `{path}` | `{value.replace('|', chr(92) + '|')}` | {comment.replace('|', chr(92) + '|')} |"
        for path, value, comment in settings((ROOT / "conf" / "base.yaml").read_text("utf-8"))
    ]
    return "\n".join([BEGIN, "", "| setting | default | meaning |", "|---|---|---|", *rows, "", END])


def main() -> None:
    """Write the table into the document."""
    text = DOCUMENT.read_text("utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    DOCUMENT.write_text(before + rendered() + after, "utf-8")


if __name__ == "__main__":
    main()
