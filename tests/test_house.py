"""The house's own rules: what an import loads, what is documented, what is named."""

import ast
import contextlib
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import click
import jaxtyping
import numpy as np
import pytest
from beartype import beartype
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import TypeCheckError

import reassess
from reassess.cli import SECTIONS, main
from reassess.errors import MissingExtraError
from reassess.proposals.audits import default_n_skipped
from reassess.records.alignment import positions

ROOT = Path(__file__).parents[1]
HEAVY = {
    "torch", "ray", "fastapi", "sqlalchemy", "pandas", "altair", "matplotlib", "numba", "pyarrow",
    "scipy", "sklearn", "pydantic", "tomlkit",
}  # fmt: skip


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(' '.join({{m.partition('.')[0] for m in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import reassess",
        "import reassess.cli",
        "from reassess import read_predictions, read_labels, score_models, compare, Catalog",
        "from reassess.cli.score import score",
        "from reassess.cli import main; main(['--help'], standalone_mode=False)",
    ],
)
def test_importing_loads_nothing_heavy(statement):
    assert not loaded_by(statement) & HEAVY


def test_the_map_of_the_package_is_true():
    assert sorted(reassess.__all__) == reassess.__all__
    for name in reassess.__all__:
        assert getattr(reassess, name).__doc__
    assert set(reassess.__all__) <= set(dir(reassess))
    assert set(reassess.__all__) - {"__version__"} == {
        "Accuracy", "AccuracyByClass", "BCCEnsemble", "Benchmark", "Calibrated", "Catalog",
        "Classes", "Comparison", "DawidSkene", "Gold", "LabelSets", "MajorityVote",
        "ModelScore", "Posterior", "Predictions", "Proposals", "ScoreMatrix", "Study", "Votes",
        "accuracy_by_class", "add_models", "calibrated", "collect_notes", "compare",
        "dawid_skene", "majority", "new_study", "open_study", "operating_point",
        "original_accuracy", "plot", "propose", "propose_study", "read_benchmark",
        "read_classes", "read_gold", "read_labels", "read_predictions", "read_votes",
        "real_accuracy", "reassess_benchmark", "reassessed_labels", "run_study", "score_models",
        "write_labels", "write_votes",
    }, "a public name is a promise: state it here, or leave it out"  # fmt: skip
    assert reassess.__version__ == version("reassess")
    with pytest.raises(AttributeError, match="nonsense"):
        _ = reassess.nonsense


def test_docs_import_from_public_modules_only():
    """Those that docs/python.md names; what it promises can then be kept."""
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    promise = page.partition("and of its packages")[2].partition("Everything else")[0]
    public = {"", *re.findall(r"`([a-z][a-z._]*)`", promise)}
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.py")]
    used = {
        (path.name, module.removeprefix("."))
        for path in pages
        for module in re.findall(
            r"^\s*from reassess((?:\.\w+)*) import", path.read_text("utf-8"), re.MULTILINE
        )
    }
    assert len(used) > 20
    assert {one for one in used if one[1] not in public} == set()
    for name in public - {""}:
        assert importlib.import_module(f"reassess.{name}").__doc__


def modules():
    for one in pkgutil.walk_packages(reassess.__path__, "reassess."):
        with contextlib.suppress(MissingExtraError):  # drop-in metrics of what is not installed
            yield importlib.import_module(one.name)


def test_every_public_function_says_what_it_raises_and_returns():
    """A docstring for each, and 'Raises' wherever the body raises on purpose."""
    silent = []
    for module in modules():
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
                continue
            if (inspect.isfunction(thing) or inspect.isclass(thing)) and not thing.__doc__:
                silent.append(f"{module.__name__}.{name}")
        if module.__name__.startswith("reassess.cli."):
            continue  # the docstrings of commands are their help
        tree = ast.parse(inspect.getsource(module))
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            raises = any(
                isinstance(inner, ast.Raise) and inner.exc is not None for inner in ast.walk(node)
            )
            if raises and "Raises" not in (ast.get_docstring(node) or ""):
                silent.append(f"{module.__name__}.{node.name}: Raises")
    assert not silent


def test_no_module_is_called_by_what_it_is_not():
    names = {path.stem for path in (ROOT / "src").rglob("*.py")}
    assert not names & {"utils", "util", "helpers", "helper", "common", "misc", "core", "base2"}


@pytest.mark.parametrize("name", [name for section in SECTIONS.values() for name in section])
def test_every_command_helps_with_an_example_and_is_documented(name):
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.epilog is not None
    assert f"reassess {name}" in command.epilog
    assert f"reassess {name}" in (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            # Asked for as help does: some words are read from a registry only then.
            assert parameter.get_help_record(click.Context(command))[1]


def imported():
    """Every package that some module imports, and where."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            yield from ((path, name.partition(".")[0]) for name in names)


def test_what_is_imported_is_asked_for():
    """What only tests and benchmarks ask for would be missing where reassess is installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(one for extra in extras for one in extra)]
    asked_for = {re.split(r"[\[<>=]", one)[0].lower() for one in wanted}
    asked_for |= {"huggingface_hub", "llvmlite", "starlette"}  # what timm, numba, FastAPI bring
    by_module = packages_distributions()
    for path, module in imported():
        if module not in sys.stdlib_module_names | {"reassess"}:
            brings = {name.lower() for name in by_module.get(module, [module])}
            assert brings & asked_for, f"{path} imports {module}"


def test_dependencies_are_each_a_documented_choice():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = list(project["project"]["dependencies"])
    for name, extra in project["project"]["optional-dependencies"].items():
        wanted += extra if name != "all" else []
    for group in project["dependency-groups"].values():
        wanted += group
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    names = {requirement.split(">")[0].split("[")[0] for requirement in wanted}
    assert {name for name in names if f"`{name}`" not in text} == set()


UNSAFE = '''"""Each line a way in."""

import hashlib
import pickle
import subprocess
import tempfile
from xml.etree import ElementTree


def f(data, name, connection):
    """Do it."""
    pickle.loads(data)
    eval(name)
    subprocess.run(name, shell=True)
    hashlib.md5(data)
    tempfile.mktemp()
    ElementTree.parse(name)
    connection.execute(f"SELECT * FROM raters WHERE name = '{name}'")
    return open("/tmp/fixed", "w")
'''


def test_unsafe_code_does_not_pass_the_linter():
    """The security rules of `make lint`, as the project sets them, over a module of the package."""
    ruff = Path(sys.executable).with_name("ruff")
    command = [str(ruff), "check", "--output-format", "concise", "--no-cache"]
    place = ROOT / "src" / "reassess" / "unsafe.py"
    found = subprocess.run([*command, "--stdin-filename", str(place), "-"], input=UNSAFE, cwd=ROOT,
                           capture_output=True, text=True, check=False)  # fmt: skip
    rules = set(re.findall(r" (S\d{3}) ", found.stdout))
    assert {"S301", "S307", "S602", "S324", "S306", "S314", "S608", "S108"} <= rules
    workflows = [p.read_text("utf-8") for p in (ROOT / ".github" / "workflows").glob("*.yml")]
    assert any("pip-audit" in text for text in workflows)
    assert any("codeql-action/analyze" in text for text in workflows)


def test_types_and_shapes_are_checked_while_tests_run() -> None:
    """By beartype alone where no annotation has a shape (`tests.type_checks`)."""
    with pytest.raises(BeartypeCallHintViolation, match="n_skipped"):
        default_n_skipped("7")  # type: ignore[arg-type]
    anew = jaxtyping.jaxtyped(positions.__wrapped__, typechecker=beartype)
    with pytest.raises(TypeCheckError, match="positions"):
        anew(np.zeros((2, 2)), np.array(["a"]), source="ids")


def test_the_layers_that_are_drawn_are_those_that_are_checked():
    drawn = re.findall(
        r"^```text\n(.*?)^```", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), re.M | re.S
    )[1]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    (layers,) = (one["layers"] for one in contracts["contracts"] if one["type"] == "layers")
    assert drawn.splitlines() == [one.replace("reassess.", "") for one in layers]
