"""Pages from templates, and what every page is given. Jinja escapes whatever a study says."""

import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from reassess.rating import StoreError
from reassess.web.markdown import contact_link
from reassess.web.sessions import Session, Sessions

STATIC = Path(__file__).parent / "static"


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
    response.body = page(sessions, session, template, **given).encode()
    response.headers["content-length"] = str(len(response.body))
    return response


def page(sessions: Sessions, session: Session, template: str, **given: object) -> str:
    """The text of a page."""
    return (
        _environment()
        .get_template(template)
        .render(
            study=sessions.site.name,
            root=sessions.site.root_path,
            store=sessions.site.mark,
            person=session.person,
            csrf=sessions.token(session),
            answers=sessions.site.wording.answers,
            words=sessions.site.wording.words,
            answer_keys=sessions.site.wording.keys,
            keys=sessions.site.wording.acts,
            own_instructions=sessions.site.instructions,
            contact=sessions.site.contact,
            contact_link=contact_link(sessions.site.contact),
            asked=sessions.site.wording.question,
            version=_version(),
            **given,
        )
    )


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["duration"] = _duration
    made.filters["percent"] = _percent
    made.filters["in_size"] = _in_size
    made.filters["sentence"] = _sentence
    return made


@cache
def _version() -> str:
    """Changes with script and style, so that browsers may keep them for good."""
    content = b"".join(path.read_bytes() for path in sorted(STATIC.iterdir()))
    return hashlib.sha256(content).hexdigest()[:12]


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _in_size(address: str, size: str) -> str:
    """The address of an image, in another size."""
    return f"{address}{'&' if '?' in address else '?'}size={size}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
