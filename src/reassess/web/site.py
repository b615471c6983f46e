"""What the rating site needs to know of a study; whoever builds the site hands it in."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from reassess import rating
from reassess.errors import OptionError
from reassess.records import Classes, StoppingRule
from reassess.study import Study
from reassess.study.addresses import check_root_path
from reassess.study.images import ImageFolder
from reassess.web.image_check import ImageCheck
from reassess.web.languages import ENGLISH, Language
from reassess.web.markdown import NO_TEXT, StudyText
from reassess.web.wording import PAPER, Wording

SHORTEST_SECRET = 16


@dataclass(frozen=True)
class Site:
    """A study as the site shows it.

    Attributes:
        store: where questions come from and votes go to.
        name: the study's name, as pages show it.
        classes: names, synonyms and definitions by index; None shows indices.
        image_path: image id -> its file below the image folder, never outside it; None where
            there is no such image, and pages then show a placeholder.
        exemplars: class -> ids of images to show as its examples.
        rule: when to stop asking a question; None asks all votes.
        secret: what signs cookies; the same for all processes of one site.
        secure_cookies: whether browsers send cookies over https only. Set it behind https.
        wording: how question and answers are called.
        shown_labels: image id -> classes that pages name as its labels, beside the questions
            about it; none but where the study is about labels, as a review of mistakes is.
        instructions: the study's own instructions.
        consent: what raters and experts agree to before anything else; empty asks nobody.
        languages: in which raters can read the site, the usual one first.
        contact: whom raters can ask: an address or words; empty where nobody is named.
        image_check: which images can be shown, as far as they were tried; None tries none.
        metrics_token: what `/metrics` asks for; None has no such page.
        root_path: the path below which a proxy serves the site, as ``/pilot``; empty where the
            site has its host for itself.
        base_url: the address at which people reach the site, its root path included; None takes
            it from the requests.
        study: whose files are written again where images are withdrawn, or gold is unchosen; None
            leaves it to the store alone.

    Raises:
        OptionError: the secret is too short to sign anything, or the root path is no path.
    """

    store: rating.Store
    name: str
    classes: Classes | None
    image_path: Callable[[str], Path | None]
    exemplars: Mapping[int, tuple[str, ...]]
    rule: StoppingRule | None
    secret: bytes
    secure_cookies: bool = False
    wording: Wording = PAPER
    shown_labels: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    instructions: StudyText = NO_TEXT
    consent: StudyText = NO_TEXT
    languages: tuple[Language, ...] = (ENGLISH,)
    contact: str = ""
    image_check: ImageCheck | None = None
    metrics_token: str | None = None
    root_path: str = ""
    base_url: str | None = None
    study: Study | None = None

    def __post_init__(self) -> None:
        if len(self.secret) < SHORTEST_SECRET:
            raise OptionError(
                f"site: the secret has {len(self.secret)} bytes, but must have at least "
                f"{SHORTEST_SECRET}. Make one with secrets.token_bytes(32), and keep it."
            )
        object.__setattr__(self, "root_path", check_root_path(self.root_path))

    def may_have(self, image_id: str) -> bool:
        """Whether an image has a file, as far as that is known without fetching it."""
        if isinstance(self.image_path, ImageFolder):
            return self.image_path.has(image_id)
        return self.image_path(image_id) is not None

    @cached_property
    def key(self) -> bytes:
        """What signs what is true of this store alone: made of the secret and the store's id."""
        return self.tag("store", self.store.identity.store_id, key=self.secret)

    @cached_property
    def mark(self) -> str:
        """What cookies and browsers' storage call this store; it tells nothing about it."""
        return self.tag("mark").hex()[:12]

    def tag(self, *said: str, key: bytes | None = None) -> bytes:
        """An HMAC of some texts, of which no two lists have the same."""
        message = b"".join(len(one.encode()).to_bytes(8, "big") + one.encode() for one in said)
        return hmac.new(self.key if key is None else key, message, hashlib.sha256).digest()
