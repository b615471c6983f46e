"""Every choice of the public API is held against its words at run time."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

import reassess
from reassess.errors import MissingExtraError, OptionError
from reassess.registry import literal_choices

UNKNOWN = "no-such-word"


def modules() -> Iterator[Any]:
    """Every public module of the package whose extra is installed."""
    for found in pkgutil.walk_packages(reassess.__path__, "reassess."):
        if any(part.startswith("_") for part in found.name.split(".")):
            continue
        try:
            yield importlib.import_module(found.name)
        except MissingExtraError:
            continue


def callables() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Public functions, classes and public methods, each under its full name."""
    for module in modules():
        routes = getattr(getattr(module, "router", None), "routes", ())
        endpoints = [one.endpoint for one in routes]  # FastAPI holds their choices
        for name, found in vars(module).items():
            if name.startswith("_") or getattr(found, "__module__", None) != module.__name__:
                continue
            where = f"{module.__name__}.{name}"
            if found in endpoints:
                continue
            if inspect.isfunction(found):
                yield where, found
            elif inspect.isclass(found) and not hasattr(found, "model_fields"):  # not pydantic's
                yield where, found
                for attribute, member in vars(found).items():
                    function = getattr(member, "__func__", member)
                    if not attribute.startswith("_") and inspect.isfunction(function):
                        yield f"{where}.{attribute}", function


def choices() -> Iterator[tuple[str, Callable[..., Any], inspect.Parameter]]:
    """Every parameter that is a ``Literal``, or one or None."""
    for where, found in callables():
        try:
            parameters = inspect.signature(found, eval_str=True).parameters.values()
        except (NameError, TypeError, ValueError):
            parameters = (
                inspect.signature(found).parameters.values() if inspect.isfunction(found) else ()
            )
        for one in parameters:
            if literal_choices(one.annotation) is not None:
                yield where, found, one


CHOICES = list(choices())


def test_the_walk_finds_choices() -> None:
    found = {f"{where}({one.name})" for where, _, one in CHOICES}
    assert {
        "reassess.statistics.agreement.krippendorff_alpha(distance)",
        "reassess.analysis.mistakes.Mistakes.counts(of)",
        "reassess.analysis.verdict.ResultsVerdict(cluster_by)",
    } <= found


@pytest.mark.parametrize(
    ("found", "parameter"),
    [pytest.param(f, p, id=f"{where}({p.name})") for where, f, p in CHOICES],
)
def test_a_word_outside_is_refused(found: Callable[..., Any], parameter: inspect.Parameter) -> None:
    """Before anything else looks at the call: nothing else needs to be given."""
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        call = partial(found, *[UNKNOWN] * 3)
    else:
        call = partial(found, **{parameter.name: UNKNOWN})
    with pytest.raises(OptionError, match=f"{parameter.name} is '{UNKNOWN}', but must be one of"):
        call()
