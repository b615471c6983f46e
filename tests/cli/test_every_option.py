"""Every command and every option of the command line, walked: choices, old names, signatures."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import click
import pytest
from click.core import ParameterSource
from click.testing import CliRunner

from reassess.cli import SECTIONS, main
from reassess.cli.engine_options import EngineChoice
from reassess.cli.evidence_options import EvidenceOptions
from reassess.cli.options import LiteralChoice, RegistryChoice, WordChoice
from reassess.cli.training_options import DataOptions
from reassess.records import ScoreType
from reassess.registry import Registry
from reassess.training.recipe import Recipe

WRONG = "no-such-word"
GATHERED = {
    "data": DataOptions,
    "evidence": EvidenceOptions,
    "recipe": Recipe,
    "runs_on": EngineChoice,
}
STYLE = {"figure_width", "figure_font", "figure_titles"}
"""Options that the argument ``figure_style`` is made of."""
"""Arguments that several options are gathered in."""


def walk(command: click.Command, *words: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """A command and those inside it, with the words that call them."""
    yield words, command
    if isinstance(command, click.Group):
        for name, inside in command.commands.items():
            yield from walk(inside, *words, name)


def commands() -> dict[str, click.Command]:
    context = click.Context(main)
    found = {}
    for name in (name for section in SECTIONS.values() for name in section):
        command = main.get_command(context, name)
        assert command is not None
        found |= {" ".join(words): one for words, one in walk(command, name)}
    return found


COMMANDS = commands()
PARAMETERS = [
    pytest.param(words, one, id=f"{words} {one.name}")
    for words, command in COMMANDS.items()
    for one in command.params
]
CHOICES = [one for one in PARAMETERS if isinstance(one.values[1].type, click.Choice)]
RENAMED = [
    pytest.param(words, one, old, id=f"{words} {old}")
    for words, one in (parameter.values for parameter in PARAMETERS)
    for old in [*getattr(one, "old_on", []), *getattr(one, "old_off", [])]
]


def run(*arguments: str) -> tuple[int, str]:
    ran = CliRunner().invoke(main, arguments, catch_exceptions=False)
    return ran.exit_code, ran.stderr


def test_there_is_something_to_walk() -> None:
    assert len(COMMANDS) > 25
    assert len(CHOICES) > 25
    assert len(RENAMED) > 25


@pytest.mark.parametrize(("words", "parameter"), CHOICES)
def test_a_word_outside_its_choice_is_refused(words: str, parameter: click.Parameter) -> None:
    given = (WRONG,) if isinstance(parameter, click.Argument) else (parameter.opts[0], WRONG)
    n_places = sum(one.nargs if one.nargs > 0 else 1 for one in COMMANDS[words].params
                   if isinstance(one, click.Argument) and one is not parameter)  # fmt: skip
    status, told = run(*words.split(), *given, *["x"] * n_places)
    assert status == 2
    assert "Traceback" not in told
    (message,) = [line for line in told.splitlines() if line.startswith("Error:")]
    assert WRONG in message
    choice = parameter.type
    assert isinstance(choice, click.Choice)
    assert all(repr(word) in message for word in choice.choices)


@pytest.mark.parametrize(("words", "parameter"), CHOICES)
def test_a_misspelt_word_brings_the_near_one(words: str, parameter: click.Parameter) -> None:
    choice = parameter.type
    assert isinstance(choice, WordChoice)
    word = max(map(str, choice.choices), key=len)
    with pytest.raises(click.BadParameter, match=re.escape(f"Did you mean {word!r}")):
        choice.convert(word.replace("-", "_") + "s", parameter, click.Context(COMMANDS[words]))


@pytest.mark.parametrize(("words", "parameter", "old"), RENAMED)
def test_an_old_name_is_taken_and_not_shown(
    words: str, parameter: click.Parameter, old: str
) -> None:
    command = COMMANDS[words]
    is_flag = isinstance(parameter, click.Option) and parameter.is_flag
    given = [old] if is_flag else [old, "1"]
    context = command.make_context(words, given, resilient_parsing=True)
    assert parameter.name is not None
    assert context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    assert not re.search(rf"(?<![\w-]){re.escape(old)}(?![\w-])", command.get_help(context))


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_names_each_of_its_options(words: str) -> None:
    command = COMMANDS[words]
    taken = inspect.signature(command.callback or (lambda: None)).parameters.values()
    assert all(one.kind is not inspect.Parameter.VAR_KEYWORD for one in taken)
    names, options = {one.name for one in taken}, {p.name for p in command.params if p.expose_value}
    gathered = [
        one for name in names - options - {"figure_style"} for one in fields(GATHERED[name])
    ]
    made = STYLE if "figure_style" in names else set()
    assert options - names <= {one.name for one in gathered} | made


@pytest.mark.parametrize("words", COMMANDS)
def test_a_misspelt_option_brings_the_near_one(words: str) -> None:
    options = [one for one in COMMANDS[words].params if isinstance(one, click.Option)]
    for name in (one.opts[-1] for one in options if len(one.opts[-1]) > 4):
        status, told = run(*words.split(), name + "z")
        assert status == 2
        assert name in told.splitlines()[-1]


@pytest.mark.parametrize(("given", "near"), [("scroe", "score"), ("compare_labels", "compare-")])
def test_a_misspelt_command_brings_the_near_one(given: str, near: str) -> None:
    status, told = run(given)
    assert status == 2
    assert f"Did you mean '{near}" in told


@dataclass(frozen=True)
class Toy:
    name: str


def test_what_is_registered_later_is_offered() -> None:
    toys = Registry("toy", [Toy("ball")])

    @click.command()
    @click.option("--toy", type=RegistryChoice(toys))
    def play(toy: str) -> None:
        """Play."""
        click.echo(toy)

    def call(*arguments: str) -> tuple[int, str]:
        ran = CliRunner().invoke(play, arguments)
        return ran.exit_code, ran.output

    assert call("--toy", "kite")[0] == 2
    toys.register(Toy("kite"))
    assert call("--toy", "kite") == (0, "kite\n")
    assert "[ball|kite]" in call("--help")[1]
    toys.unregister("kite")
    assert call("--toy", "kite")[0] == 2


@pytest.mark.parametrize("home", [ScoreType, lambda: ScoreType])
def test_the_words_of_a_literal(home: Callable[[], Any]) -> None:
    assert LiteralChoice(home).choices == ("logit", "probability")
    with pytest.raises(TypeError, match="no Literal"):
        _ = LiteralChoice(int).choices
