"""What a browser and its system are called, for owners who look for a device that was lost.

Browsers name others in their own names, so the order decides: the particular before the general.
A name is what a browser says of itself, and proves nothing.
"""

import re

from starlette.requests import Request

_BROWSERS = (
    ("Edge", r"\bEdgA?/|\bEdgiOS/"), ("Opera", r"\bOPR/"), ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"\bFirefox/|\bFxiOS/"), ("Chrome", r"\bChrome/|\bCriOS/|\bHeadlessChrome/"),
    ("Safari", r"\bSafari/"),
)  # fmt: skip
_SYSTEMS = (
    ("Android", r"\bAndroid\b"), ("iPhone", r"\biPhone\b"), ("iPad", r"\biPad\b"),
    ("ChromeOS", r"\bCrOS\b"), ("Windows", r"\bWindows\b"), ("macOS", r"\bMac OS X\b"),
    ("Linux", r"\bLinux\b"),
)  # fmt: skip


def agent_in(request: Request) -> str:
    """How the browser of a request calls itself."""
    return request.headers.get("user-agent", "")


def device_in(agent: str) -> str:
    """Browser and system that a ``User-Agent`` names, as "Firefox on Linux".

    Its first word where it names no known browser, such as a program's; empty where it is.
    """
    browser, system = _first(_BROWSERS, agent), _first(_SYSTEMS, agent)
    if browser is None and system is None:
        words = re.findall(r"[\w.-]+", agent)
        return words[0][:40] if words else ""
    return f"{browser or 'a browser'} on {system or 'another system'}"


def _first(known: tuple[tuple[str, str], ...], agent: str) -> str | None:
    return next((name for name, pattern in known if re.search(pattern, agent)), None)
