"""The application, put together."""

from dataclasses import replace

from fastapi import FastAPI
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from reassess.web import (
    adjudicate,
    api,
    dashboard,
    gold,
    grid,
    rate,
    sign_in,
)
from reassess.web.errors import add_handlers
from reassess.web.middleware import LARGEST_BODY, Guard
from reassess.web.pages import STATIC
from reassess.web.sessions import sessions_of
from reassess.web.site import Site


def create_app(site: Site) -> FastAPI:
    """The rating site of a study, for any ASGI server.

    Every process of a site makes its own, with a store of its own and the same secret.

    Args:
        site: the study.
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
    app.state.missing = dashboard.Missing()
    for part in (sign_in, rate, grid, gold, adjudicate, dashboard, api):
        app.include_router(part.router)
    app.mount("/static", _Static(directory=STATIC))
    add_handlers(app)
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=LARGEST_BODY)
    app.add_middleware(Guard, is_https=site.secure_cookies)
    return app


class _Static(StaticFiles):
    """Script and style, whose addresses change when they do."""

    def file_response(self, *given: object, **named: object) -> Response:
        response = super().file_response(*given, **named)  # type: ignore[arg-type]
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response
