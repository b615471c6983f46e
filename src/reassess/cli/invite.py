"""``reassess invite``: one-time links for raters, experts and owners."""

from typing import TYPE_CHECKING

import click

from reassess.cli.options import LiteralChoice
from reassess.cli.output import print_json
from reassess.cli.rating_options import database_option, need, opened
from reassess.errors import OptionError

if TYPE_CHECKING:
    from reassess.rating import Role


def _role() -> object:
    need("sqlalchemy", "keeping votes")
    from reassess.rating import Role

    return Role


@click.command(
    epilog="""\b
Examples:
  reassess invite my-study ann --role owner
  reassess invite my-study rater-1 rater-2 rater-3
  reassess invite my-study bob --role expert --base-url https://rate.example.org
"""
)
@click.argument("study")
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--role",
    type=LiteralChoice(_role),
    default="rater",
    show_default=True,
    help="Rights of these people.",
)
@click.option(
    "--base-url",
    metavar="URL",
    help="Address at which people reach the site.  [default: as study.toml names it ([site] "
    "base_url), else where `serve` served it last]",
)
@click.option(
    "--days",
    type=click.IntRange(1, 365),
    default=7,
    show_default=True,
    help="Days that a link stays valid.",
)
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print the links as JSON.")
def invite(
    study: str,
    names: tuple[str, ...],
    role: "Role",
    base_url: str | None,
    days: int,
    database: str | None,
    as_json: bool,
) -> None:
    """Print a one-time link for each of NAMES, which signs this person in.

    The site must have been opened before (`reassess serve`). A name is the rater's id in exported
    votes, so a pseudonym will do. Someone who was invited before gets another link. Whoever has a
    link can use it: send each to its person only.
    """
    from reassess.study.addresses import check_base_url

    given = None if base_url is None else check_base_url(base_url, name="--base-url")
    if len(set(names)) < len(names):
        raise OptionError("a name appears twice, but each gets one link. Leave one out.")
    with opened(study, database) as (found, store):
        from reassess import rating
        from reassess.rating.people import check_name
        from reassess.site import link_address

        for name in names:
            check_name(name)
        base = link_address(found, store, given)
        links = {
            name: f"{base}/invite/" + rating.invite(store, name, role, seconds=days * 86_400)
            for name in names
        }
    if as_json:
        print_json(links, with_notes=False)
        return
    for name, link in links.items():
        click.echo(f"{name}\t{link}")
