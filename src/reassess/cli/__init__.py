"""The command line: one thin command per library function.

Commands are imported when they run, so that ``reassess --help`` loads nothing heavy. One
place turns a `ReassessError`, and a package that an extra would bring, into a message and exit
status 2; anything else that escapes is a bug and keeps its traceback.
"""

from importlib import import_module
from typing import Any

import click

from reassess.cli.every_command import WORDS, add_options_of_all, complete_places, log_command
from reassess.cli.output import inform, print_columns_read
from reassess.cli.outputs import check_outputs_first
from reassess.errors import ReassessError

HELP_OPTIONS = ["-h", "--help"]

SECTIONS: dict[str, dict[str, str]] = {
    "A study": {
        "new": "Create a study: a folder with a readable manifest.",
        "add": "Add models by their predictions.",
        "remove": "Remove models.",
        "locate": "Name the place of images and large predictions after a move.",
        "propose": "Choose the labels to ask raters about; estimate the cost.",
        "audit": "Ask about a random sample of what the rule leaves out.",
        "serve": "Serve the rating site, where people answer.",
        "invite": "Invite raters, experts and owners by one-time links.",
        "recruit": "Let people enrol themselves: Prolific, MTurk, a classroom.",
        "access": "List who may come in; end it: pause, remove, revoke links.",
        "images": "Withdraw images from a study, or put them back.",
        "gold": "Choose images for experts to judge; unchoose gold.",
        "log": "Show the audit log: who did what on the rating site.",
        "check-store": "Check the rating store: every count and invariant.",
        "backup": "Back up the votes while people rate.",
        "bundle": "Pack a whole study into one archive, to move it.",
        "restore": "Put a backup of the votes back.",
        "erase": "Erase a person: name, texts and, where asked, votes.",
        "votes": "Export votes to a file; import votes from one.",
        "status": "Show which stages are done, stale or missing.",
        "run": "Run the stages that are stale, in order.",
        "aggregate": "Aggregate votes into posteriors (Dawid-Skene, calibrated, majority).",
        "label": "Decide reassessed labels from posteriors.",
        "convert": "Write labels in another format: COCO, CVAT, Hugging Face and others.",
        "show": "Show one image: proposals, votes, posterior, decision, predictions.",
        "release": "Release a study: labels, pseudonymous votes, card, Croissant, checksums.",
        "check": "Check a release: every number again, from the release alone.",
        "diff": "Show what changed between two releases.",
        "report": "Write the report: verdict, figures, tables and images on one page.",
    },
    "Scoring": {
        "score": "ReaL accuracy of models, with confidence intervals.",
        "compare": "Paired comparison of two models: is one better?",
        "monitor": "Anytime-valid intervals: an error rate, or A less B, at every look.",
        "ranks": "Leaderboard with rank intervals, over images and over labels.",
        "mistakes": "Error analysis: what models still get wrong, and a review by people.",
        "verdict": "Is the benchmark's accuracy still a proxy? The answer in ten lines.",
        "compare-labels": "Agreement of several reassessments of one benchmark.",
        "synonyms": "Confusable classes, with the evidence.",
        "raters": "Inter-rater agreement, and what hangs on each rater.",
        "reproduce": "Reproduce the statements of a paper.",
    },
    "Training": {
        "train": "Train a model on reassessed labels.",
        "folds": "Cross-validated (out-of-fold) predictions of training images.",
        "clean": "Filter noisy training labels.",
        "duplicates": "Near-duplicate images, and leaks between training and test images.",
        "predict": "Predict images with a model.",
        "recipes": "Compare training recipes, under several label sets.",
    },
    "Data and help": {
        "datasets": "List published data: names, sizes, licences, what is cached.",
        "demo": "Run a whole study on handwritten digits, in a minute.",
        "doctor": "Show what is installed here, and whether files and caches can be written.",
    },
}
"""The commands by who needs them, with their one line of help."""


class _Commands(click.Group):
    """Commands that are imported when they are used, listed in sections."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the sections."""
        del ctx
        return [name for section in SECTIONS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, from the module of this name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"reassess.cli.{module}"), module)
        # Its own, not only inherited: click keeps the first help option that it builds.
        command.context_settings.setdefault("help_option_names", HELP_OPTIONS)
        add_options_of_all(command)
        complete_places(command)
        check_outputs_first(command)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words of the line, for the log.

        Raises:
            NoSuchOption: an option stands before the command; where it belongs is said.
        """
        ctx.meta[WORDS] = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.possibilities:
                raise
            raise click.NoSuchOption(
                error.option_name,
                f"{error.message} No command takes options before its name; put them after it, "
                "as in 'reassess score --quiet'.",
                ctx=error.ctx,
            ) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names; a misspelt one is refused with near names."""
        name = args[0]
        is_known = name in self.list_commands(ctx) or name.startswith("-")
        if not is_known and not ctx.resilient_parsing:  # as a shell does that completes words
            from reassess.registry import near_names

            near = near_names(name, self.list_commands(ctx))
            ctx.fail(f"No such command {name!r}." + (f" Did you mean {near}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        del ctx
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; say what is wrong where it was raised on purpose.

        Raises:
            NoSuchOption: an option is misspelt; only present names are offered.
        """
        try:
            return self._invoke(ctx)
        except click.NoSuchOption as error:
            from reassess.cli.options import without_old_names

            raise without_old_names(error) from None
        except ReassessError as error:
            notes = getattr(error, "__notes__", ())  # such as the shard that raised it
            click.echo(" ".join([f"Error: {error}", *notes]), err=True)
            ctx.exit(2)

    def _invoke(self, ctx: click.Context) -> Any:
        from reassess.notes import collect_notes

        with log_command(ctx), collect_notes(lambda text: inform(f"Note: {text}")) as notes:
            try:
                return super().invoke(ctx)
            except ModuleNotFoundError as error:
                from reassess.extras import missing_extra

                refusal = missing_extra(error, f"reassess {ctx.invoked_subcommand}")
                if refusal is None:
                    raise
                raise refusal from error
            finally:
                print_columns_read(ctx, notes)


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": HELP_OPTIONS, "max_content_width": 96},
    epilog="Try it: reassess demo",
)
@click.version_option(package_name="reassess")
def main() -> None:
    """Reassess the labels of a benchmark, and score models under the labels that hold.

    Every command explains itself with an example: reassess COMMAND --help
    """
