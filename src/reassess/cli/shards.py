"""Options of commands whose work any scheduler can spread: a job's shards, and joining them."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from reassess.engines import JobShare
from reassess.errors import OptionError

Command = TypeVar("Command", bound=Callable[..., Any])


class _JobShareType(click.ParamType[JobShare]):
    """``I/N`` as a `JobShare`."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> JobShare:
        if isinstance(value, JobShare):
            return value
        try:
            return JobShare.parse(value)
        except OptionError as error:
            self.fail(str(error), param, ctx)


def shard_options(command: Command) -> Command:
    """``--shard I/N`` and ``--join``, which the command gets as ``shard`` and ``join``."""
    for decorate in (
        click.option(
            "--join",
            is_flag=True,
            help="Only join finished shards; one that is missing or was made from something else "
            "is refused by name.",
        ),
        click.option(
            "--shard",
            type=_JobShareType(),
            metavar="I/N",
            help="Only do the shards of job I of N, from 1, and keep them to be joined.",
        ),
    ):
        command = decorate(command)
    return command


def check_shard_options(shard: JobShare | None, *, join: bool) -> None:
    """Refuse to do a job's shards and join them at once: other jobs are still at work.

    Raises:
        OptionError: both were given.
    """
    if shard is not None and join:
        raise OptionError(
            f"--shard {shard} and --join were given, but only one can be: --shard does a job's "
            "shards, and --join joins them when every job has ended."
        )
