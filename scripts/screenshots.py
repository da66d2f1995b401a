"""Take the pictures of the README: python scripts/screenshots.py http://127.0.0.1:8000, where a demo is served.

Needs Chromium and requirements-ui.lock. Writes docs/images/*.png of 256 colours, each below 150 kB.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.ui import steps  # noqa: E402 - found through the line above
from tests.ui.browser import started  # noqa: E402
from tests.ui.conftest import TEACHER  # noqa: E402

FOLDER = ROOT / "docs" / "images"
GREATEST_BYTES = 150_000


def playground(page: Page) -> None:
    """Show an example with its answer."""
    steps.open_playground(page)
    group = page.get_by_role("group", name="Sign in with a demo account")
    group.get_by_role("button", name="Teacher").click()
    page.get_by_role("button", name="Sign out").wait_for()
    steps.open_example(page, "CourseOutline")
    page.locator(".graphiql-execute-button").click()
    page.locator(".result-window").get_by_text('"data"').wait_for()


def concept_map(page: Page) -> None:
    """Show what is around a concept, with reasons and evidence beside it."""
    steps.enter(page, TEACHER)
    page.locator(".card", has_text="Metacademy").get_by_role("link", name=re.compile("^Concept map")).click()
    steps.map_is_drawn(page)
    page.locator("#find-concept").fill("logistic regression")
    page.locator(".results").get_by_role("button", name="logistic regression", exact=True).click()
    page.get_by_role("link", name="Centre on it").click()
    page.get_by_role("heading", name=re.compile("^Around")).wait_for()
    steps.map_is_drawn(page)
    page.locator(".panel .actions").wait_for()


def class_matrix(page: Page) -> None:
    """Show students by the skills of a chapter."""
    steps.enter(page, TEACHER)
    steps.open_course(page, "Class")
    page.locator("#chapter").select_option("Preliminaries")
    page.locator(".matrix").get_by_role("button", name="Explain Calculus").wait_for()


PICTURES: dict[str, Callable[[Page], None]] = {
    "playground": playground,
    "concept-map": concept_map,
    "class": class_matrix,
}


def main(url: str) -> None:
    """Take each picture in a fresh tab."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with started() as browser:
        for name, show in PICTURES.items():
            context = browser.new_context(base_url=url, viewport={"width": 1100, "height": 800})
            page = context.new_page()
            page.set_default_timeout(60_000)
            show(page)
            page.evaluate("document.activeElement?.blur()")
            page.mouse.move(0, 0)
            picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
            path = FOLDER / f"{name}.png"
            picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
                path, optimize=True
            )
            size = path.stat().st_size
            sys.stdout.write(f"{path.relative_to(ROOT)}: {size:,} bytes\n")
            if size >= GREATEST_BYTES:
                sys.exit(f"{path.name} is too large")
            context.close()


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
