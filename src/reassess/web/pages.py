"""Pages from templates, and what every page is given. Jinja escapes whatever a study says."""

import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from reassess.rating import StoreError
from reassess.web.languages import ENGLISH, Language, choose_language
from reassess.web.markdown import contact_link
from reassess.web.sessions import Session, Sessions

STATIC = Path(__file__).parent / "static"

IN_ENGLISH = frozenset({
    "owner.html", "rater.html", "recruiting.html", "settings.html", "audit.html", "agreed.html",
    "gold.html", "gold_task.html", "adjudicate.html", "adjudicate_image.html",
})  # fmt: skip
"""Pages of owners and experts, which no catalogue has."""

_WITHOUT_SWITCH = IN_ENGLISH | {"join_mturk.html"}
"""Pages that offer no other language: in another site's frame, browsers keep no cookie of it."""

LANGUAGE_COOKIE = "rating-language"
"""Which language a browser's user chose; one for all studies of a host, as it tells nothing."""


def language_in(request: Request) -> Language:
    """The language that whoever asks reads the site in."""
    sessions: Sessions = request.app.state.sessions
    return choose_language(
        sessions.site.languages,
        request.cookies.get(LANGUAGE_COOKIE),
        request.headers.get("accept-language"),
    )


def render(request: Request, template: str, *, status: int = 200, **given: object) -> Response:
    """A page; a visitor without a session gets one, so that its forms can be sent.

    With status 503, and where the store cannot be reached, nobody is looked up.
    """
    sessions: Sessions = request.app.state.sessions
    try:
        session = Session("", None) if status == 503 else sessions.of(request)
    except StoreError:
        session = Session("", None)
    response = HTMLResponse(status_code=status)
    if session is None:
        session = sessions.start(response, None)
    language = ENGLISH if template in IN_ENGLISH else language_in(request)
    place = str(request.url.path) if request.method == "GET" else ""
    given = {"place": place.removeprefix(sessions.site.root_path), **given}
    response.body = page(sessions, session, language, template, **given).encode()
    response.headers["content-length"] = str(len(response.body))
    return response


def page(
    sessions: Sessions, session: Session, language: Language, template: str, **given: object
) -> str:
    """The text of a page."""
    wording = sessions.site.wording.translated(language)
    return (
        _environment(language)
        .get_template(template)
        .render(
            study=sessions.site.name,
            root=sessions.site.root_path,
            store=sessions.site.mark,
            person=session.person,
            csrf=sessions.token(session),
            language=language,
            languages=() if template in _WITHOUT_SWITCH else sessions.site.languages,
            answers=wording.answers,
            words=wording.words,
            answer_keys=wording.keys,
            keys=wording.acts,
            has_consent=bool(sessions.site.consent),
            contact=sessions.site.contact,
            contact_link=contact_link(sessions.site.contact),
            asked=wording.question,
            version=_version(),
            **given,
        )
    )


@cache
def _environment(language: Language) -> Environment:
    """The templates in a language; what they say is looked up while they are rendered."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,  # which would look at every file for every page
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_translations(language.texts, newstyle=True)  # type: ignore[attr-defined]
    made.filters["duration"] = language.duration
    made.filters["number"] = language.number
    made.filters["significant"] = language.significant
    made.filters["about"] = language.about
    made.filters["translated"] = language.say
    made.filters["percent"] = _percent
    made.filters["signed"] = _signed
    made.filters["in_size"] = _in_size
    made.filters["sentence"] = _sentence
    return made


@cache
def _version() -> str:
    """Changes with script and style, so that browsers may keep them for good."""
    content = b"".join(path.read_bytes() for path in sorted(STATIC.iterdir()))
    return hashlib.sha256(content).hexdigest()[:12]


def _in_size(address: str, size: str) -> str:
    """The address of an image, in another size."""
    return f"{address}{'&' if '?' in address else '?'}size={size}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


def _signed(value: float | None) -> str:
    """A difference to two digits, with its sign; what is rounded to zero has none."""
    if value is None:
        return "–"
    return f"{value:+z.2f}".replace("-", "−").replace("+0.00", "0.00")
