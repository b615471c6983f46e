"""Write docs/cli.md from the help of every command: ``make docs``.

With ``--check`` nothing is written and the exit status says whether the page is up to date.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from reassess.cli import SECTIONS, main

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
WIDTH = 96
EXIT_STATUS = (
    "The exit status is 0 when the work was done, 2 when something that you gave is wrong (the "
    "message says what, where and how to mend it)."
)


def help_of(command: click.Command, name: str) -> str:
    """The help text of a command as the terminal shows it."""
    context = click.Context(command, info_name=name, max_content_width=WIDTH, terminal_width=WIDTH)
    return command.get_help(context).rstrip()


def helps_of(command: click.Command, name: str) -> Iterator[str]:
    """The help of a command, and of each that a group holds."""
    yield f"```text\n{help_of(command, name)}\n```"
    if isinstance(command, click.Group):
        for sub_name, sub_command in command.commands.items():
            yield f"#### {name} {sub_name}"
            yield from helps_of(sub_command, f"{name} {sub_name}")


def page() -> str:
    """The whole page."""
    parts = [
        "# The command line",
        "Written by `make docs` from the commands' own help; do not edit.",
        f"```text\n{help_of(main, 'reassess')}\n```",
        EXIT_STATUS,
    ]
    for title, commands in SECTIONS.items():
        parts.append(f"## {title}")
        for name in commands:
            command = main.get_command(click.Context(main), name)
            assert command is not None  # noqa: S101 -- the sections name existing commands
            parts.append(f"### reassess {name}")
            parts += helps_of(command, f"reassess {name}")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    text = page()
    if "--check" in sys.argv:
        sys.exit(int(not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text))
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE.relative_to(PAGE.parents[1])}")
