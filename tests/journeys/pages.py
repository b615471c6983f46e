"""What a reader types from a page: its blocks of code, and the commands of its consoles."""

import re
import shlex
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of a language, in their order."""
    return [text for kind, text in _BLOCK.findall(page.read_text("utf-8")) if kind == language]


def commands(page: Path, language: str = "console", prompt: str = "$ ") -> list[list[str]]:
    """The lines that begin with ``reassess``, as words, comments left out."""
    lines = "".join(blocks(page, language)).replace("\\\n", " ").splitlines()
    start = f"{prompt}reassess "
    return [
        shlex.split(line[len(prompt) :], comments=True) for line in lines if line.startswith(start)
    ]
