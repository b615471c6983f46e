"""Take the pictures of the report for the docs, in a browser.

``report.png`` is the first screen of 39 models on ImageNet, for which it needs the published data
(``REASSESS_DATA``). ``report-photographs.webp`` shows images of the study of `photographs`.
Needs Chromium: ``CHROMIUM`` names it where it is not Debian's.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from gallery import PAGE, run, study_commands
from photographs import write_study
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

PICTURES = Path(__file__).parents[1] / "docs" / "images"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
IMAGENET = "reassess score imagenet-v2-repo --labels imagenet-real --report report.html"


@contextmanager
def opened(browser: Browser, page: Path, width: int, height: int) -> Iterator[Page]:
    """A page in a window of this size."""
    window = browser.new_page(viewport={"width": width, "height": height})
    window.goto(page.as_uri())
    yield window
    window.close()


def main() -> None:
    """Make the pages where no folders of this machine stand in their commands, and take them."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        run(IMAGENET, folder)
        write_study(folder / "photographs-data")
        for command in study_commands(PAGE.read_text(encoding="utf-8")):
            run(command, folder)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with opened(browser, folder / "report.html", 1120, 1180) as page:
            page.screenshot(path=PICTURES / "report.png")
        small = Image.open(PICTURES / "report.png").convert("RGB").quantize(64, dither=0)
        small.save(PICTURES / "report.png", optimize=True)
        with opened(browser, folder / "photographs" / "report.html", 1120, 900) as page:
            title = page.get_by_role("heading", name="Images worth seeing")
            title.evaluate("heading => heading.scrollIntoView()")
            picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
        picture.save(PICTURES / "report-photographs.webp", quality=80, method=6)
        browser.close()


if __name__ == "__main__":
    main()
