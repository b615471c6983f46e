"""Draw the figures of docs/gallery.md again, by the page's own commands.

    python scripts/gallery.py [FIGURE ...]

Needs the published data (``REASSESS_DATA``) and what `photographs` needs.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from photographs import write_study
from PIL import Image

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gallery.md"
PICTURES = ROOT / "docs" / "images" / "gallery"
_SECTION = re.compile(
    r"\((images/gallery/[\w-]+\.(?:svg|png))\)\n\n```console\n\$ ([^\n]+)\n```", re.MULTILINE
)
_STUDY = re.compile(r"^\$ (reassess .* photographs.*)$", re.MULTILINE)


def run(command: str, folder: Path) -> None:
    """Type a command."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        command, shell=True, cwd=folder, env=os.environ | {"PATH": path}, check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip


def study_commands(text: str) -> list[str]:
    """Those that make the study of photographs; a section of its own lists them."""
    study, _, _ = text.partition("## The photographs")[2].partition("\n## ")
    return _STUDY.findall(study)


def main() -> None:
    """Draw all of them."""
    text = PAGE.read_text(encoding="utf-8")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_study(folder / "photographs-data")
        for command in study_commands(text):
            run(command, folder)
        done = set()
        for picture, command in _SECTION.findall(text):
            if sys.argv[1:] and Path(picture).stem not in sys.argv[1:]:
                continue
            whole, _, figure = command.partition(" --figure ")  # draws all of them, once
            if whole not in done:
                run(whole, folder)
                done.add(whole)
            write(ROOT / "docs" / picture, drawn(folder, figure or Path(picture).stem))


def drawn(folder: Path, name: str) -> Path:
    """Where a figure was drawn: by a command's ``--figures figures``, else by the demo."""
    if name == "results":  # 1,300 models: vectors of 0.5 MB
        return next((folder / name).glob("*.png"))
    places = (folder / "figures" / f"{name}.svg", folder / "demo" / "figures" / f"{name}.svg")
    return next(place for place in places if place.is_file())


def write(target: Path, figure: Path) -> None:
    """Keep a figure, and say how large it is."""
    if target.suffix == ".png":
        picture = Image.open(figure).convert("RGB")
        picture.thumbnail((1100, 1100))
        picture.quantize(64, dither=Image.Dither.NONE).save(target, optimize=True)
    else:
        target.write_bytes(figure.read_bytes())
    print(f"{target.name}: {target.stat().st_size:,} bytes", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "100")
    main()
