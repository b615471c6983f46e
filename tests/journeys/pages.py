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


STANDS_FOR = {
    "$SLURM_ARRAY_TASK_ID": "1",
    "$SLURM_ARRAY_TASK_COUNT": "64",
    "$i": "1",
    "$head": "host",
    " &": "",
}
"""What a shell makes of a word."""


def typed_on(page: Path) -> list[str]:
    """The lines of a page's blocks that call ``reassess``, with or without a prompt."""
    lines = (
        "".join(blocks(page, "console") + blocks(page, "text")).replace("\\\n", " ").splitlines()
    )
    found = [line.strip().removeprefix("$ ") for line in lines]
    for word, value in STANDS_FOR.items():
        found = [line.replace(word, value) for line in found]
    return [line.rstrip("'") for line in found if re.match(r"reassess [a-z]", line)]
