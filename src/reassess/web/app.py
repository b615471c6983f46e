"""The application, put together."""

from dataclasses import replace

from fastapi import FastAPI
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from reassess.errors import OptionError
from reassess.web import (
    adjudicate,
    api,
    consent,
    curation,
    dashboard,
    gold,
    grid,
    join,
    operation,
    rate,
    recruiting,
    sign_in,
)
from reassess.web.access import Consents
from reassess.web.errors import add_handlers
from reassess.web.middleware import LARGEST_BODY, Guard, RootPath
from reassess.web.pages import STATIC
from reassess.web.sessions import sessions_of
from reassess.web.site import Site

_PARTS = (
    api,
    rate,
    grid,
    operation,
    sign_in,
    join,
    consent,
    gold,
    adjudicate,
    curation,
    dashboard,
    recruiting,
)
"""What is asked for most comes first, as requests try one after the other."""


def create_app(site: Site) -> FastAPI:
    """The rating site of a study, for any ASGI server.

    Every process of a site makes its own, with a store of its own and the same secret.

    Args:
        site: the study.

    Raises:
        OptionError: the site's root path begins as one of its own addresses does.
    """
    if site.rule is not None:
        site = replace(site, store=replace(site.store, rule=site.rule))
    app = FastAPI(
        title=f"Rating: {site.name}",
        description="Tasks of one image and up to eight questions, and answers to them. Sign "
        "in by a one-time link first; posts need the header `X-CSRF-Token`.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.sessions = sessions_of(site)
    app.state.consents = Consents()
    app.state.missing = dashboard.Missing()
    app.state.class_sizes = grid.ClassSizes()
    app.state.requests = operation.Requests()
    for part in _PARTS:
        app.include_router(part.router)
    app.mount("/static", _Static(directory=STATIC))
    add_handlers(app)
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=LARGEST_BODY)
    app.add_middleware(Guard, is_https=site.secure_cookies)
    app.add_middleware(operation.RequestLog, requests=app.state.requests)
    if site.root_path:
        check_not_own(site.root_path)
        app.add_middleware(RootPath, root_path=site.root_path)
    return app


def check_not_own(root_path: str) -> None:
    """Refuse a root path that begins as one of the site's own addresses does.

    Args:
        root_path: as ``/pilot``, or empty.

    Raises:
        OptionError: it does; nobody could tell the two apart.
    """
    if not root_path:
        return
    paths = [str(getattr(route, "path", "/")) for part in _PARTS for route in part.router.routes]
    own = {"static", *(path.split("/")[1] for path in paths)}
    first = root_path.split("/")[1]
    if first in own:
        raise OptionError(
            f"root_path is {root_path!r}, but must not begin with /{first}, as addresses of the "
            "site do. Take another name, such as /pilot."
        )


class _Static(StaticFiles):
    """Script and style: kept for good where the address holds their version, else asked again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            is_versioned = bool(scope.get("query_string"))
            kept = "public, max-age=31536000, immutable" if is_versioned else "no-cache"
            response.headers["cache-control"] = kept
        return response
