"""Who is signed in: signed cookies, the tokens that forms carry, and rate limits.

A cookie holds a rater's number, their epoch and a random text. The store keeps a hash of that
text with the name of the browser, so that one device can be signed out; signing out changes the
epoch, which voids every cookie of the person. What signs it is made from
the site's secret and the store's id, and so is its name: a cookie of another database, or of this
one before it was copied or restored, is none of this site's, and leaves its own in place.

The CSRF token of a page is made from the random text, so a cookie of one session does not go with
a page of another.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from functools import cached_property

from itsdangerous import BadData, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.requests import Request
from starlette.responses import Response

from reassess import rating
from reassess.rating.sessions import SESSION_SECONDS
from reassess.web.devices import device_in
from reassess.web.site import Site

LIFETIME = SESSION_SECONDS
"""Seconds that a cookie holds."""

_MOST_OF_ADDRESS = RateLimitItemPerMinute(60)
_MOST_OF_NAME = RateLimitItemPerMinute(10)


@dataclass(frozen=True, slots=True)
class Session:
    """What a cookie says, once its signature was checked.

    Attributes:
        nonce: random, new at each signing in.
        person: who is signed in; None for a visitor.
    """

    nonce: str
    person: rating.Rater | None


@dataclass(frozen=True)
class Sessions:
    """Cookies and tokens of one site.

    Attributes:
        site: the site.
        attempts: how often each address and name tried to sign in lately, in this process.
    """

    site: Site
    attempts: FixedWindowRateLimiter

    @cached_property
    def signer(self) -> URLSafeTimedSerializer:
        """What signs cookies, with SHA-256."""
        return URLSafeTimedSerializer(
            self.site.key, salt="session", signer_kwargs={"digest_method": hashlib.sha256}
        )

    @property
    def cookie(self) -> str:
        """The cookie's name, of this store alone, as browsers send cookies to every port of a host.

        Behind https it is one that no other host can set; below a path, browsers have no such name.
        """
        name = f"rating-{self.site.mark}"
        if not self.site.secure_cookies:
            return name
        return f"__Secure-{name}" if self.site.root_path else f"__Host-{name}"

    def of(self, request: Request) -> Session | None:
        """The session of a request; None where its cookie is missing, forged, old or void.

        Looked up once a request, however many ask.
        """
        if not hasattr(request.state, "session"):
            request.state.session = self._read(request)
        session: Session | None = request.state.session
        return session

    def _read(self, request: Request) -> Session | None:
        cookie = request.cookies.get(self.cookie, "")
        try:
            said = self.signer.loads(cookie, max_age=LIFETIME)
            signature = cookie.rpartition(".")[2].encode()
            if base64_encode(base64_decode(signature)) != signature:
                return None  # its last character spells the same bytes in another way
        except BadData:
            return None
        number = said["rater"]
        if number is None:
            return Session(said["nonce"], None)
        nonce = said["nonce"]
        person = rating.person_of_session(self.site.store, number, said["epoch"], nonce)
        return None if person is None else Session(nonce, person)

    def start(self, response: Response, person: rating.Rater | None, agent: str = "") -> Session:
        """A new session; the response carries its cookie.

        Args:
            response: what answers the request.
            person: who signs in; None for a visitor.
            agent: how their browser calls itself.
        """
        session = Session(secrets.token_urlsafe(16), person)
        if person is not None:
            rating.begin_session(self.site.store, person, session.nonce, device_in(agent))
        said = {
            "nonce": session.nonce,
            "rater": None if person is None else person.number,
            "epoch": None if person is None else person.epoch,
        }
        response.set_cookie(
            self.cookie, str(self.signer.dumps(said)), max_age=LIFETIME,
            path=self.site.root_path or "/", httponly=True,
            samesite="lax", secure=self.site.secure_cookies,
        )  # fmt: skip
        return session

    def token(self, session: Session) -> str:
        """The CSRF token that goes with a session."""
        message = b"csrf:" + session.nonce.encode()
        return hmac.new(self.site.key, message, hashlib.sha256).hexdigest()

    def is_token(self, session: Session, token: str) -> bool:
        """Whether a token goes with a session."""
        return hmac.compare_digest(self.token(session).encode(), token.encode(errors="replace"))

    def may_try(self, request: Request, name: str | None = None) -> bool:
        """Whether this address, and this name from it, may try to sign in once more.

        Only what failed is counted, so that a classroom behind one address comes in at once.
        """
        address = _address(request)
        if not self.attempts.test(_MOST_OF_ADDRESS, address):
            return False
        return name is None or self.attempts.test(_MOST_OF_NAME, address, name[:200])

    def count_failure(self, request: Request, name: str | None = None) -> None:
        """Count that this address, with this name, tried in vain."""
        address = _address(request)
        self.attempts.hit(_MOST_OF_ADDRESS, address)
        if name is not None:
            self.attempts.hit(_MOST_OF_NAME, address, name[:200])


def _address(request: Request) -> str:
    return "" if request.client is None else request.client.host


def sessions_of(site: Site) -> Sessions:
    """The sessions of a site, with nobody's attempts counted."""
    return Sessions(site, FixedWindowRateLimiter(MemoryStorage()))
