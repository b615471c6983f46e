"""The languages of the rater's side: gettext catalogues, read as they were written.

What raters read stands in English in templates, script and `reassess.web.wording`, and is its own
key; a catalogue ``<code>.po`` has the same in another language. Catalogues are read as text when
a site starts, so that a checkout and a wheel need no step of building. `scripts/catalogues.py`
collects the texts anew. The pages of owners and experts are in English.
"""

import gettext
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.core import negotiate_locale
from babel.dates import format_date
from babel.messages import Catalog, pofile
from babel.messages.mofile import write_mo
from babel.numbers import format_decimal

from reassess.errors import FileError, OptionError

FOLDER = Path(__file__).parent / "locale"
SOURCE = "en"
"""The language of the texts themselves, which needs no catalogue."""

_SAMPLED = 200
"""Numbers that are tried to learn which plural form goes with which."""

Forms = dict[str, str]
"""The forms of a text by the Unicode name of the plural, as ``one`` and ``other``."""


def marked(text: str) -> str:
    """The text itself, which is collected for catalogues and translated where it is shown."""
    return text


@dataclass(frozen=True, eq=False)
class Language:
    """A language that raters can read the site in.

    Attributes:
        code: as in ``lang`` of HTML, ``de`` or ``pt-BR``.
        texts: what translates.
        script_texts: what the page's script says, as far as it is translated.
    """

    code: str
    texts: gettext.NullTranslations = field(default_factory=gettext.NullTranslations)
    script_texts: Mapping[str, str | Forms] = field(default_factory=dict)

    @cached_property
    def locale(self) -> Locale:
        """How numbers and plurals are written."""
        return Locale.parse(self.code, sep="-")

    @property
    def name(self) -> str:
        """What the language calls itself."""
        name = self.locale.get_display_name(self.locale) or self.code
        return name[:1].upper() + name[1:]

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        """Where its lines begin."""
        return "rtl" if self.locale.text_direction == "rtl" else "ltr"

    def say(self, text: str) -> str:
        """A text in this language; itself where no catalogue has it."""
        return self.texts.gettext(text) if text else ""

    def number(self, value: int | float) -> str:
        """A number with the marks of this language between thousands and before decimals."""
        return format_decimal(value, locale=self.locale)

    def significant(self, value: int | float) -> str:
        """A number to six digits."""
        return self.number(float(f"{value:.6g}"))

    def about(self, share: int | float) -> str:
        """A share of something, in percent."""
        return self.say(marked("about {percent} %")).format(percent=round(100 * share))

    def day(self, when: datetime) -> str:
        """A day in words."""
        return format_date(when, "long", locale=self.locale)

    def duration(self, seconds: int | float) -> str:
        """A time of work, to the minute."""
        minutes = round(seconds / 60)
        if minutes < 60:
            return self.say(marked("{minutes} min")).format(minutes=minutes)
        said = self.say(marked("{hours} h {minutes} min"))
        return said.format(hours=minutes // 60, minutes=minutes % 60)


ENGLISH = Language(SOURCE)


def languages_of(codes: Sequence[str], folder: Path | None = None) -> tuple[Language, ...]:
    """The languages with these codes, in their order.

    Args:
        codes: at least one.
        folder: a study's own catalogues; each goes before the package's of the same code.

    Raises:
        OptionError: no catalogue has a code, or two codes are the same.
        FileError: a catalogue cannot be read.
    """
    if not codes or len(set(codes)) < len(codes):
        raise OptionError(
            f"language is {list(codes)!r}, but must name one language or more, each once."
        )
    return tuple(_language(code, folder) for code in codes)


def offered_codes(folder: Path | None = None) -> tuple[str, ...]:
    """The codes that there is a catalogue for, English first."""
    places = [FOLDER] if folder is None else [FOLDER, folder]
    found = {path.stem for place in places for path in place.glob("*.po")}
    return (SOURCE, *sorted(found - {SOURCE}))


def choose_language(
    offered: Sequence[Language], chosen: str | None, accepted: str | None
) -> Language:
    """Which of the languages to show: the one that was chosen, else what the browser asks for.

    Args:
        offered: the languages, the study's usual one first.
        chosen: a code that the rater chose before.
        accepted: the header ``Accept-Language``.
    """
    by_code = {one.code: one for one in offered}
    if chosen in by_code:
        return by_code[chosen]
    if len(offered) == 1:
        return offered[0]
    by_lower = {code.lower(): one for code, one in by_code.items()}
    found = negotiate_locale(_wanted(accepted or ""), list(by_lower), sep="-")
    return by_lower.get((found or "").lower(), offered[0])


def _wanted(accepted: str) -> list[str]:
    """The codes of a header, the most wanted first; without the region where that is all."""
    found = []
    for place, part in enumerate(accepted[:500].split(",")[:20]):
        code, _, weight = part.strip().partition(";q=")
        try:
            found.append((-float(weight or 1), place, code))
        except ValueError:
            continue
    return [code for _, _, code in sorted(found) if code and code != "*"]


def _language(code: str, folder: Path | None) -> Language:
    known = offered_codes(folder)
    try:
        Locale.parse(code, sep="-")
    except (UnknownLocaleError, ValueError, TypeError) as error:
        raise _unknown(code, known) from error
    if code not in known:
        raise _unknown(code, known)
    own = None if folder is None else folder / f"{code}.po"
    path = own if own is not None and own.is_file() else FOLDER / f"{code}.po"
    if not path.is_file():
        return ENGLISH
    stamp = path.stat().st_mtime_ns
    return _read(path, code, stamp)


def _unknown(code: str, known: Sequence[str]) -> OptionError:
    return OptionError(
        f"language is {code!r}, but must be one of {', '.join(known)}. Name one of these, or put "
        f"a catalogue {code}.po into the folder that `catalogues` names."
    )


@cache
def _read(path: Path, code: str, _: int) -> Language:
    try:
        with path.open("rb") as file:
            catalog = pofile.read_po(file, locale=code.replace("-", "_"), abort_invalid=True)
    except (OSError, UnicodeDecodeError, ValueError, pofile.PoFileError) as error:
        raise FileError(f"{path}: it is no gettext catalogue ({error}). Fix it.") from error
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Language(code, gettext.GNUTranslations(compiled), _script_texts(catalog, code))


def _script_texts(catalog: Catalog, code: str) -> dict[str, str | Forms]:
    """What the script says, by the English text; of several forms by the singular."""
    locale = Locale.parse(code, sep="-")
    index = gettext.c2py(catalog.plural_expr)
    found: dict[str, str | Forms] = {}
    for message in catalog:
        if message.fuzzy or not any(str(path).endswith(".js") for path, _ in message.locations):
            continue
        if not message.pluralizable:
            if message.string:
                found[str(message.id)] = str(message.string)
            continue
        said = tuple(message.string or ())
        forms = {locale.plural_form(n): said[index(n)] for n in range(_SAMPLED, -1, -1)}
        if all(forms.values()):
            found[message.id[0]] = {**forms, "other": forms.get("other", said[-1])}
    return found
