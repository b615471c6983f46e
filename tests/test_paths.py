"""What takes a path takes its text, a `Path`, and whatever else is `os.PathLike`."""

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import reassess
from reassess import (
    Catalog,
    LabelSets,
    Study,
    add_models,
    majority,
    new_study,
    open_study,
    propose_study,
    read_benchmark,
    read_classes,
    read_gold,
    read_labels,
    read_predictions,
    read_votes,
    sources,
    write_labels,
    write_votes,
)
from reassess.errors import FileError, MissingExtraError
from reassess.files import read_hierarchy, read_ids, read_posterior, write_posterior
from reassess.files.tables import write_csv
from reassess.notes import collect_notes


class Place:
    """A path of another library, such as `py.path.local`."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return self.path


@pytest.mark.parametrize("form", [str, Path, Place])
def test_paths_of_every_kind_are_taken(
    form: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ids, k = [f"{n}.png" for n in range(4)], [0, 1, 0, 1]
    write_csv(Path("l.csv"), ["image", "label"], {"image": ids, "label": ["cat", "dog"] * 2})
    write_csv(Path("c.csv"), ["name"], {"name": ["cat", "dog"]})
    write_csv(Path("h.csv"), ["child", "parent"], {"child": ["cat"], "parent": ["pet"]})
    rows = {"image": ids * 2, "label": k * 2, "rater": ["a"] * 4 + ["b"] * 4,
            "answer": ["yes"] * 8}  # fmt: skip
    write_csv(Path("v.csv"), list(rows), rows)
    np.savez("m.npz", ids=np.array(ids), logits=np.eye(2)[k])
    benchmark = read_benchmark(form("l.csv"), classes=form("c.csv"), hierarchy=form("h.csv"))
    assert read_classes(form("c.csv")).names == ("cat", "dog")
    assert read_hierarchy(form("h.csv")) == benchmark.hierarchy
    assert read_ids(form("l.csv")).tolist() == ids
    votes = read_votes(form("v.csv"))
    assert len(read_gold(form("v.csv")).questions) == 4
    write_votes(votes, form("w.csv"))
    (model,) = read_predictions(form("m.npz"), benchmark)
    assert model.top.tolist() == k
    sets = LabelSets.from_lists("s", ids, [[0]] * 4)
    write_labels(sets, form("s.json"))
    assert read_labels(form("s.json")).indices.tolist() == [0] * 4
    write_posterior(majority(votes), form("p.npz"))
    assert len(read_posterior(form("p.npz")).probability) == 4
    study = add_models(
        new_study(form("study"), labels=form("l.csv"), classes=form("c.csv")),
        {"m": form("m.npz"), "n": form("m.npz")},
    )
    assert propose_study(study).benchmark.image_ids.tolist() == ids
    assert open_study(form("study")).models == study.models
    with collect_notes():
        target = sources.evaluation_target(form("s.json"), original_labels=form("study"))
    assert len(target.predictions(form("study"))) == 2
    with pytest.raises(FileError, match=r"no such file"):
        read_labels(form("none.json"))
    assert Catalog(form("data")) == Catalog(Path("data"))
    assert not Catalog(form("data")).is_cached(reassess.catalog.entry("imagenet"))


def test_no_public_name_asks_for_a_path_of_one_kind() -> None:
    """By its signature; a `Study` is made by `open_study`."""
    page = (Path(__file__).parents[1] / "docs" / "python.md").read_text(encoding="utf-8")
    promise = page.partition("and of its packages")[2].partition("Everything else")[0]
    names = re.findall(r"`([a-z][a-z._]*)`", promise)
    narrow = []
    for module in map(importlib.import_module, ["reassess", *(f"reassess.{one}" for one in names)]):
        public = getattr(module, "__all__", [one for one in vars(module) if one[0] != "_"])
        for name in public:
            try:
                thing = getattr(module, name)
            except MissingExtraError:
                continue
            for where, call in callables(name, thing):
                for parameter in inspect.signature(call).parameters.values():
                    kinds = str(parameter.annotation)
                    is_wide = "PathLike" in kinds or "Callable" in kinds or thing is Study
                    if "Path" in kinds and not is_wide:
                        narrow.append(f"{module.__name__}.{where}({parameter.name})")
    assert not narrow


def callables(name: str, thing: object) -> Iterator[tuple[str, Callable[..., object]]]:
    if inspect.isfunction(thing):
        yield name, thing
    for method, one in inspect.getmembers(thing, inspect.isroutine) * inspect.isclass(thing):
        is_ours = inspect.isfunction(one) or inspect.ismethod(one)
        if is_ours and (method[0] != "_" or method == "__init__"):
            yield f"{name}.{method}", one
