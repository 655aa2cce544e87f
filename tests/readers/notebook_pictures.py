"""The notebooks' plots as pictures: `python -m tests.readers.notebook_pictures WAREHOUSE` writes docs/images/analysis-*.png."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import plotly.graph_objects as go
from playwright.sync_api import Page, sync_playwright

from tests.readers.notebooks import NOTEBOOKS, Shown, shown

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
WIDTH, HEIGHT = 900, 400
MARGIN = {"t": 64, "b": 56, "l": 64, "r": 32}


def slug(title: str) -> str:
    """A file name of a plot's title, up to its first colon or comma."""
    words = re.split("[:,]", title, maxsplit=1)[0].lower().split()
    return "-".join("".join(c for c in word if c.isalnum()) for word in words)


def pictured(page: Page, figure: go.Figure, file: Path) -> None:
    """The plot as it looks in a notebook, in a file."""
    height = figure.layout.height or HEIGHT
    page.set_viewport_size({"width": WIDTH, "height": int(height)})
    sized = figure.update_layout(width=WIDTH, height=height, margin=MARGIN)
    page.set_content(sized.to_html(include_plotlyjs=True))
    page.wait_for_selector(".main-svg", timeout=20_000)
    page.screenshot(path=str(file))


def main(warehouse: str) -> None:
    """Run every notebook on the tables of a warehouse, and write a picture of each plot."""
    environment = {**os.environ, "CLAIMX_WAREHOUSE": str(Path(warehouse).absolute())}
    found: dict[str, Shown] = {name: shown(name, environment) for name in NOTEBOOKS}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(device_scale_factor=1.5)
        for name, notebook in found.items():
            for title, figure in notebook.figures.items():
                if not figure.data:
                    continue  # nothing waits: there is nothing to see
                pictured(page, figure, IMAGES / f"analysis-{name.split('_')[0]}-{slug(title)}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
