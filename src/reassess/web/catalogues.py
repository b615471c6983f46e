"""What raters read, collected from templates, script and Python, and kept in gettext catalogues.

``python -m reassess.web.catalogues FILE.po …`` brings catalogues to what raters read now: each gets
the new texts, empty, and loses those that are gone; a text that changed is new. For translators and
tests; a site itself only reads catalogues (`reassess.web.languages`).
"""

import re
import sys
from pathlib import Path

from babel import Locale
from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from reassess.files.access import write_atomically
from reassess.web.languages import FOLDER

WEB = Path(__file__).parent

_METHODS = [("templates/**.html", "jinja2"), ("static/**.js", "javascript"), ("*.py", "python")]
_OPTIONS = {
    "templates/**.html": {"newstyle_gettext": "true", "trimmed": "true", "silent": "false"},
    "static/**.js": {"parse_template_string": "true"},
}
_KEYWORDS = {"_": None, "ngettext": (1, 2), "marked": None}
_VALUE = re.compile(r"%\(\w+\)s|\{\w+\}")


def collect() -> Catalog:
    """Every text of the rater's side, with where it stands; no translation."""
    found = Catalog(fuzzy=False)
    for name, _, text, _, _ in extract_from_dir(str(WEB), _METHODS, _OPTIONS, keywords=_KEYWORDS):
        found.add(text, None, [(Path(name).as_posix(), 0)])
    for message in found:
        if not any(name.endswith(".html") for name, _ in message.locations):
            message.flags.discard("python-format")  # a percent sign there is one
    return found


def missing(path: Path, texts: Catalog) -> list[str]:
    """The texts that a catalogue does not translate, or translates with other values in them."""
    known = _read(path)
    left = []
    for message in texts:
        if not message.id:
            continue
        ids = (message.id,) if isinstance(message.id, str) else tuple(message.id)
        said = known.get(ids[0])
        strings = () if said is None or said.fuzzy or not said.string else said.string
        strings = (strings,) if isinstance(strings, str) else tuple(strings)
        wanted = set(_VALUE.findall(ids[-1]))
        # "One image" needs no number, so of several forms one may leave values out.
        has_all = any(set(_VALUE.findall(one)) == wanted for one in strings)
        has_no_other = all(set(_VALUE.findall(one)) <= wanted for one in strings)
        if not (strings and all(strings) and has_all and has_no_other):
            left.append(ids[0])
    return left


def update(path: Path, texts: Catalog) -> int:
    """Bring a catalogue to the texts, made where there is none; how many it leaves in English."""
    locale = Locale.parse(path.stem, sep="-")
    known = _read(path) if path.is_file() else Catalog(locale=locale, project="reassess")
    known.update(texts, no_fuzzy_matching=True)
    known.obsolete.clear()
    known.fuzzy = False
    known.header_comment = f"# The rater's side of reassess in {locale.english_name}."
    with write_atomically(path) as beside, beside.open("wb") as file:
        write_po(file, known, width=100, sort_by_file=True, include_lineno=False)
    return len(missing(path, texts))


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.stem.replace("-", "_"), abort_invalid=True)


def main(names: list[str]) -> None:
    """Bring the named catalogues, else all of the package's, to what raters read now."""
    texts = collect()
    for path in [Path(name) for name in names] or sorted(FOLDER.glob("*.po")):
        n_open = update(path, texts)
        sys.stdout.write(f"{path}: {len(texts):,} texts, {n_open:,} not translated\n")


if __name__ == "__main__":
    main(sys.argv[1:])
