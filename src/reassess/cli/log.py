"""``reassess log``: who did what on the rating site of a study."""

import json

import click

from reassess.cli.output import print_json
from reassess.cli.rating_options import database_option, opened


@click.command(
    epilog="""\b
Examples:
  reassess log my-study
  reassess log my-study --rows 1000 --json
"""
)
@click.argument("study")
@click.option(
    "--rows", type=click.IntRange(1), default=100, show_default=True, help="Latest acts to show."
)
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print the acts as JSON.")
def log(study: str, rows: int, database: str | None, as_json: bool) -> None:
    """Print the latest acts of owners and experts of STUDY, and of the command line, newest first.

    No vote of a rater is among them: `reassess votes export` has those.
    """
    with opened(study, database) as (_, store):
        from reassess.rating import audit_log, store_history

        acts, history = audit_log(store, limit=rows), store_history(store)
    if as_json:
        print_json({
            "store": history[-1].store_id,
            "ids": [{"id": one.store_id, "since": one.since.isoformat(), "origin": one.origin,
                     "first_lease": one.first_lease} for one in history],
            "acts": [{"at": one.at.isoformat(), "by": one.actor, "action": one.action,
                      "detail": one.detail} for one in acts],
        })  # fmt: skip
        return
    for one in acts:
        detail = json.dumps(one.detail, ensure_ascii=False) if one.detail else ""
        who = one.actor or "(command line)"
        click.echo(f"{one.at:%Y-%m-%d %H:%M:%S}  {who}  {one.action}  {detail}".rstrip())
