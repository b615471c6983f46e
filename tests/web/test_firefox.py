"""Another maker's browser: Debian's Firefox, by WebDriver BiDi, from the link to the last task.

Skipped where there is no Firefox; ``FIREFOX`` names one. Everything else about the pages is tried
in Chromium (`test_browser`).
"""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reassess import rating
from reassess.rating import Store, invite

from .conftest import IMAGES

FIREFOX = os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
ENTER, KEYS = "\ue007", "nmy"
SET = (
    ("app.normandy.enabled", False),
    ("app.update.disabledForTesting", True),
    ("browser.shell.checkDefaultBrowser", False),
    ("datareporting.policy.dataSubmissionEnabled", False),
    ("messaging-system.rsexperimentloader.enabled", False),
)
STATE = """({
    lease: Number(document.querySelector('main')?.dataset.leases ?? 0),
    focus: document.activeElement?.textContent.trim(),
    n: document.querySelectorAll('fieldset.question').length,
    is_shown: document.querySelector('.frame[data-state=shown]') !== null,
    is_over: document.querySelector('main[data-idle]') !== null,
    heading: document.querySelector('h1')?.textContent,
})"""


class Firefox:
    """One page of a Firefox without a window.

    Args:
        program: its path.
        profile: an empty folder.

    Raises:
        AssertionError: it does not listen in time.
    """

    def __init__(self, program: str, profile: Path) -> None:
        import websocket

        command = [program, "--headless", "--no-remote", "--remote-debugging-port", "0"]
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in SET]
        (profile / "user.js").write_text("\n".join(lines))
        self.log = profile / "log"
        self.shown: dict[str, Any] = {}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--profile", str(profile)], stdout=log, stderr=log,
                env=os.environ | {"HOME": str(profile)},
            )  # fmt: skip
        where = self.until(lambda: re.search(r"BiDi listening on (ws://\S+)", self.log.read_text()))
        self.socket = websocket.create_connection(
            f"{where[1]}/session", timeout=60, suppress_origin=True
        )
        self.n_sent = 0
        self.call("session.new", capabilities={})
        # the first window never has the focus, and a key does nothing there
        self.page = self.call("browsingContext.create", type="window")["context"]

    def until(self, holds: Any) -> Any:
        """What a question answers, once it is neither None nor False."""
        deadline = time.monotonic() + 60
        while not (found := holds()):
            assert time.monotonic() < deadline, f"{self.shown} {self.log.read_text()}"
            time.sleep(0.05)
        return found

    def call(self, method: str, **parameters: object) -> Any:
        """What a command of BiDi returns; events in between are passed over."""
        self.n_sent += 1
        asked = {"id": self.n_sent, "method": method, "params": parameters}
        self.socket.send(json.dumps(asked))
        while (said := json.loads(self.socket.recv())).get("id") != self.n_sent:
            pass
        assert said["type"] == "success", said
        return said["result"]

    def state(self) -> dict[str, Any]:
        """What the page shows."""
        said = self.call(
            "script.evaluate", expression=f"JSON.stringify({STATE})", awaitPromise=False,
            target={"context": self.page},
        )  # fmt: skip
        self.shown = json.loads(said["result"]["value"])
        return self.shown

    def press(self, keys: str) -> None:
        """Press and release keys in turn."""
        one_by_one = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        keyboard = {"type": "key", "id": "keyboard", "actions": one_by_one}
        self.call("input.performActions", context=self.page, actions=[keyboard])

    def close(self) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture
def firefox(tmp_path: Path) -> Iterator[Firefox]:
    if FIREFOX is None:
        pytest.skip("there is no Firefox; Debian's firefox-esr brings one")
    pytest.importorskip("websocket", reason="websocket-client is not installed")
    profile = tmp_path / "profile"
    profile.mkdir()
    opened = Firefox(FIREFOX, profile)
    yield opened
    opened.close()


@pytest.mark.usefixtures("with_gold")
def test_firefox_goes_from_the_link_to_the_last_task(
    address: str, store: Store, firefox: Firefox
) -> None:
    rating.set_use(store, IMAGES[6:], "retired")
    link = f"{address}/invite/{invite(store, 'rater-1')}"
    firefox.call("browsingContext.navigate", context=firefox.page, url=link, wait="complete")
    for name in ("Begin", "Start practising"):
        firefox.until(lambda name=name: firefox.state()["focus"] == name)
        firefox.press(ENTER)

    said: dict[int, list[int]] = {}
    while True:
        state = firefox.until(lambda: (now := firefox.state()) and is_settled(now, said) and now)
        if state["is_over"]:
            break
        if state.get("focus") == "Go on":  # after practice
            firefox.press(ENTER)
            continue
        answers = [(len(said) + place) % 3 for place in range(state["n"])]
        said[state["lease"]] = answers
        firefox.press("".join(f"{place + 1}{KEYS[a]}" for place, a in enumerate(answers)) + ENTER)
    assert state["heading"] == "Nothing is left to answer"
    person = rating.rater_named(store, "rater-1")
    assert person is not None
    for lease, answers in said.items():
        task = rating.leased_task(store, person.number, lease)
        assert [question.answer for question in task.questions] == answers
    assert len(said) >= 6
    assert rating.audit(store) == ()


def is_settled(state: dict[str, Any], said: dict[int, list[int]]) -> bool:
    """Whether the page waits for the rater: a new task with its image, a link, or the end."""
    is_new = state["lease"] and state["lease"] not in said and state["is_shown"]
    return bool(is_new or state["is_over"] or state.get("focus") == "Go on")
