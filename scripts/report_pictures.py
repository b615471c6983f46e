"""Take the picture docs/images/report.png: the report of 39 models on ImageNet, in a browser.

Needs the published data (``REASSESS_DATA``) and Chromium: ``CHROMIUM`` names it where it is
not Debian's.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "report.png"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
COMMAND = ["score", "imagenet-v2-repo", "--labels", "imagenet-real", "--report", "report.html"]
VIEW = {"width": 1200, "height": 1240}


def main() -> None:
    """Make the page where nobody's folders stand in its command, and take its first screen."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        reassess = Path(sys.executable).with_name("reassess")
        subprocess.run([reassess, *COMMAND], cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 -- our own command
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport=VIEW)
        page.goto((Path(folder) / "report.html").as_uri())
        page.get_by_label("Follow a model").fill("resnet152")
        page.screenshot(path=PICTURE)
        browser.close()
    small = Image.open(PICTURE).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    small.save(PICTURE, optimize=True)
    print(f"{PICTURE.name}: {PICTURE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
