"""``reassess recruit``: addresses by which people enrol themselves, and who came by them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reassess.cli.options import LiteralChoice
from reassess.cli.output import console, print_json
from reassess.cli.outputs import OutputFile
from reassess.cli.rating_options import database_option, need, opened
from reassess.errors import OptionError

if TYPE_CHECKING:
    from reassess.rating import Channel, Consent, Enrolment, JoinAddress


def _channel() -> object:
    need("sqlalchemy", "keeping votes")
    from reassess.rating import Channel

    return Channel


@click.command(
    epilog="""\b
Examples:
  reassess recruit my-study
  reassess recruit my-study --from prolific --people 50 --tasks 40 --code C1AB2CDE
  reassess recruit my-study --from mturk --people 20 --tasks 40
  reassess recruit my-study --from classroom --people 30 --days 1
  reassess recruit my-study --from mturk --people 20 --base-url https://rate.example.org
  reassess recruit my-study --close 3f2a91bc04de
  reassess recruit my-study -o people.csv
"""
)
@click.argument("study")
@click.option("--from", "channel", type=LiteralChoice(_channel), help="Open an address for these.")
@click.option("--people", type=click.IntRange(1), help="People who may enrol by it.")
@click.option("--tasks", type=click.IntRange(1), help="Tasks that each may answer.  [default: all]")
@click.option(
    "--goal", type=click.IntRange(1), help="Tasks that each is asked for.  [default: --tasks]"
)
@click.option("--code", default="", help="Completion code of the study on Prolific.")
@click.option(
    "--days", type=click.IntRange(1, 366), default=14, show_default=True, help="Days it is open."
)
@click.option(
    "--base-url",
    metavar="URL",
    help="Address at which people reach the site.  [default: as study.toml names it ([site] "
    "base_url), else where `serve` served it last]",
)
@click.option("--close", metavar="ADDRESS", help="Close an address, by its handle in the list.")
@click.option(
    "-o",
    "--output",
    type=OutputFile(".csv", ".tsv"),
    metavar="FILE",
    help="Write who enrolled: name in votes, ids on the platform, times, completion code.",
)
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON, consents too.")
def recruit(
    study: str,
    channel: "Channel | None",
    people: int | None,
    tasks: int | None,
    goal: int | None,
    code: str,
    days: int,
    base_url: str | None,
    close: str | None,
    output: str | None,
    database: str | None,
    as_json: bool,
) -> None:
    """List the addresses by which people enrol themselves in STUDY, after opening or closing one.

    An address is printed once, when it is opened. Prolific and MTurk say who comes; in a classroom
    everybody chooses a name. Whoever has reached their goal or their last task gets a completion
    code: Prolific's is given with --code, MTurk's workers each get another one.
    """
    from reassess.study.addresses import check_base_url

    given = None if base_url is None else check_base_url(base_url, name="--base-url")
    if channel is None and (people or tasks or goal or code or given):
        raise OptionError("--from is missing, but must say where people come from.")
    with opened(study, database) as (found, store):
        from reassess import rating
        from reassess.site import link_address

        link = None
        if channel is not None:
            if people is None:
                raise OptionError("--people is missing, but must say how many may enrol.")
            base = link_address(found, store, given)
            token = rating.open_address(
                store, channel, people=people, goal=goal, most_tasks=tasks, completion_code=code,
                seconds=days * 86_400,
            )  # fmt: skip
            link = rating.join_link(base, channel, token)
        if close is not None:
            rating.close_address(store, close)
        addresses, enrolled = rating.join_addresses_of(store), rating.enrolments_of(store)
        consents = rating.given_consents(store)
    if output is not None:
        _write(Path(output), enrolled)
    if as_json:
        print_json({
            "link": link,
            "addresses": [_address(one) for one in addresses],
            "people": [_person(one) for one in enrolled],
            "consents": [_consent(one) for one in consents],
        })  # fmt: skip
        return
    if link is not None:
        click.echo(link)
    _print(addresses, enrolled)


def _address(one: "JoinAddress") -> dict[str, object]:
    return {
        "address": one.handle, "from": one.channel, "is_open": one.is_open,
        "n_people": one.n_people, "most_people": one.most_people, "goal": one.goal,
        "most_tasks": one.most_tasks, "expires_at": one.expires_at.isoformat(),
    }  # fmt: skip


def _person(one: "Enrolment") -> dict[str, object]:
    return {
        "rater": one.name, "from": one.channel, "platform_id": one.platform_id,
        "platform_study": one.platform_study, "platform_session": one.platform_session,
        "joined_at": one.joined_at.isoformat(),
        "completed_at": None if one.completed_at is None else one.completed_at.isoformat(),
        "completion_code": one.completion_code,
    }  # fmt: skip


def _consent(one: "Consent") -> dict[str, object]:
    return {"rater": one.name, "text": one.digest, "given_at": one.given_at.isoformat()}


def _write(path: Path, enrolled: "tuple[Enrolment, ...]") -> None:
    from reassess.files.tables import write_table

    rows = [_person(one) for one in enrolled]
    names = ("rater", "from", "platform_id", "platform_study", "platform_session", "joined_at",
             "completed_at", "completion_code")  # fmt: skip
    write_table(path, {name: [str(row[name] or "") for row in rows] for name in names})
    if path.is_file():
        path.chmod(0o600)  # who people are on a platform is nobody else's to read


def _print(addresses: "tuple[JoinAddress, ...]", enrolled: "tuple[Enrolment, ...]") -> None:
    from reassess.report.table import Column, Columns, Table, to_rich

    n_done = sum(one.completed_at is not None for one in enrolled)
    title = f"{len(enrolled):,} enrolled, {n_done:,} of them done"
    columns: Columns = [
        (Column("address", "address"), [one.handle for one in addresses]),
        (Column("from", "from"), [one.channel for one in addresses]),
        (
            Column("people", "people"),
            [f"{one.n_people:,} of {one.most_people:,}" for one in addresses],
        ),
        (Column("goal", "goal", "count"), [one.goal or None for one in addresses]),
        (Column("most", "tasks at most", "count"), [one.most_tasks or None for one in addresses]),
        (
            Column("until", "until (UTC)"),
            [f"{one.expires_at:%Y-%m-%d %H:%M}" for one in addresses],
        ),
        (
            Column("open", "state"),
            ["open" if one.is_open else "closed or out of date" for one in addresses],
        ),
    ]
    console().print(to_rich(Table.from_columns("addresses", title, columns)))
