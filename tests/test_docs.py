"""The documentation is true: its commands and its code run, its links lead somewhere."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from reassess.cli import main
from reassess.training.models import let_torchvision_import

from .journeys.pages import WIDTH, blocks, commands, mentioned_on, typed_on
from .journeys.places import RUN_NOWHERE, name, run_nowhere
from .peers.pages import NEEDED as BY_PEERS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
EVERY_PAGE = sorted({*PAGES, *(ROOT / "docs").rglob("*.md")})
NEEDS_DATA = ("imagenet", "real.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the commands run, one after the other, as a reader would type them."""
    return tmp_path_factory.mktemp("docs")


def test_the_tutorial_runs_from_its_first_line_to_its_last(folder, whole_demo, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", WIDTH)
    page = ROOT / "docs" / "tutorial.md"
    first, *typed = commands(page)
    assert first.line == "reassess demo"
    shutil.copytree(whole_demo.folder, folder, dirs_exist_ok=True)
    assert len(typed) > 8
    for command in typed:
        if any(word in command.line for word in NEEDS_DATA):
            continue
        result = CliRunner().invoke(main, command.words[1:], catch_exceptions=False)
        assert result.exit_code == 0, (command.line, result.output)
        assert command.lacks(result.output) is None, (command.line, result.output)
    for code in blocks(page, "python"):
        exec(compile(code, str(page), "exec"), {})  # noqa: S102 -- the page's own code


@pytest.mark.parametrize("page", [p for p in PAGES if p.stem != "cli"], ids=lambda p: p.name)
def test_the_commands_of_every_page_can_be_typed(page, tmp_path, monkeypatch):
    """Each is parsed as it would be typed; `make test-journeys` runs them."""
    monkeypatch.chdir(tmp_path)
    for typed in typed_on(page):
        parse(typed.words[1:])
    for typed in mentioned_on(page):
        if typed.line in NO_COMMANDS or "[" in typed.line:
            continue
        try:
            parse(typed.words[1:])
        except (click.MissingParameter, click.BadOptionUsage):
            pass  # a text names what it is about, and leaves out the rest
        except click.BadParameter:
            assert any(re.fullmatch("[A-Z]+", word) for word in typed.words), typed.line


NO_COMMANDS = {"reassess posterior 1"}


def parse(words: list[str]) -> None:
    """Whether a command could be typed so; nothing is run."""
    with click.Context(main) as context:
        name, verb, left = main.resolve_command(context, words)
        while isinstance(verb, click.Group):
            name, verb, left = verb.resolve_command(context, left)
        verb.make_context(name, left, parent=context)


def test_every_block_is_run_somewhere():
    """By its page; what is run nowhere stands in one list, with its reason."""
    found = {(name(page), first) for page in EVERY_PAGE for first in run_nowhere(page)}
    listed = {
        (of, first)
        for of, first in found
        if any(of == p and first.startswith(how) for p, how in RUN_NOWHERE)
    }
    assert found == listed, found - listed
    assert len(listed) == len(RUN_NOWHERE), "the list names a block that is gone"
    assert sum(len(typed_on(page)) for page in PAGES) > 90


def test_settings_and_data_can_be_parsed():
    for page in PAGES:
        for one in blocks(page, "toml"):
            tomllib.loads(one)
        for one in blocks(page, "json"):
            json.loads(one)


@pytest.mark.usefixtures("published")
def test_its_commands_on_published_data_run_too(folder, monkeypatch):
    monkeypatch.chdir(folder)
    typed = commands(ROOT / "docs" / "tutorial.md") + commands(ROOT / "README.md")
    monkeypatch.setenv("COLUMNS", WIDTH)
    on_data = [c for c in typed if any(word in c.line for word in NEEDS_DATA)]
    assert len(on_data) >= 4
    for command in on_data:
        if command.line == "reassess reproduce imagenet":
            continue  # tests/test_reproduce.py computes all of it
        result = CliRunner().invoke(main, command.words[1:], catch_exceptions=False)
        assert result.exit_code == 0, (command.line, result.output)
        assert command.lacks(result.output) is None, (command.line, result.output)
    ours = (folder / "real.json").read_text("utf-8")
    assert ours.count("]") == 50_001


# The tutorial has a test of its own; `make test-peers` runs pages about other libraries.
OTHERS = [p for p in EVERY_PAGE if name(p) not in {"tutorial", *BY_PEERS} and blocks(p, "python")]


@pytest.mark.parametrize("page", OTHERS, ids=lambda p: p.name)
def test_the_code_of_other_pages_runs(page, tmp_path, monkeypatch):
    """One block after the other, as a reader would type them."""
    monkeypatch.chdir(tmp_path)
    names = {}
    if "import timm" in page.read_text("utf-8"):
        let_torchvision_import()
    for code in blocks(page, "python"):
        exec(compile(code, str(page), "exec"), names)  # noqa: S102 -- the page's own code


COMPLETION = {
    "bash": ("{line}; complete -p reassess", "_reassess_completion"),
    "zsh": (
        "autoload -U compinit; compinit -u -D; {line}; print $_comps[reassess]",
        "_reassess_completion",
    ),
    "fish": ("{line}; complete --do-complete 'reassess sco'", "score"),
}
"""By shell: what is asked of it after its line, and what it answers."""


@pytest.mark.parametrize("shell", COMPLETION)
def test_completion_is_set_up_by_the_line_for_each_shell(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed: apt-get install {shell}")
    (line,) = blocks(ROOT / "docs" / "terminal.md", shell)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    asked, answer = COMPLETION[shell]
    ran = subprocess.run(
        [shell, "-c", asked.format(line=line.strip())], capture_output=True, text=True, check=True,
        env=os.environ | {"PATH": path, "HOME": str(tmp_path)},
    )  # fmt: skip
    assert answer in ran.stdout, ran.stderr


def test_the_ten_things_take_five_lines_or_fewer_each():
    page = ROOT / "docs" / "python.md"
    _, *ten = blocks(page, "python")
    assert len(ten) == len(re.findall(r"^## \d+\.", page.read_text("utf-8"), re.MULTILINE)) == 10
    for code in ten:
        lines = [line for line in code.splitlines() if line.strip()]
        assert len(lines) <= 5, code


@pytest.mark.parametrize("script", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.stem)
def test_examples_run(script, capsys):
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out.strip()


def test_the_site_lists_every_page_and_every_public_module_once():
    """`make site` builds it, which takes too long here."""
    docs = ROOT / "docs"
    index = (docs / "index.md").read_text("utf-8")
    trees = re.findall(r"^```{toctree}\n(.*?)^```", index, re.MULTILINE | re.DOTALL)
    listed = [line for tree in trees for line in tree.splitlines() if re.match(r"[\w/]", line)]
    pages = {p.relative_to(docs).with_suffix("").as_posix() for p in docs.rglob("*.md")}
    assert sorted(listed) == sorted(pages - {"index"})
    for page in listed:
        assert f"]({page}.md)" in index, f"{page}: in the menu only"

    api = (docs / "api.md").read_text("utf-8")
    modules = re.findall(r"^   (reassess[.\w]*)$", api, re.MULTILINE)
    promise = (docs / "python.md").read_text("utf-8").partition("and of its packages")[2]
    public = re.findall(r"`([a-z][a-z._]*)`", promise.partition("Everything else")[0])
    assert sorted(modules) == sorted(["reassess", *(f"reassess.{one}" for one in public)])


def test_links_lead_somewhere():
    """To a file, and where they name a heading, to one that the page has."""
    wrong = []
    for page in [*PAGES, *sorted((ROOT / "docs" / "upstream").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
            if target.startswith(("http://", "https://", "mailto:")):
                continue  # scripts/check_links.py asks for those
            path, _, heading = target.partition("#")
            place = page.parent / path if path else page
            if not place.exists():
                wrong.append(f"{page.name}: {target}")
            elif heading and place.suffix == ".md" and heading not in anchors(place):
                wrong.append(f"{page.name}: {target}: no such heading")
    assert not wrong


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    found = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).strip().replace(" ", "-") for one in found}


def test_the_command_line_page_is_up_to_date():
    """`make docs` writes it."""
    script = ROOT / "scripts" / "write_cli_reference.py"
    run = subprocess.run([sys.executable, str(script), "--check"], env=os.environ, check=False)
    assert run.returncode == 0
