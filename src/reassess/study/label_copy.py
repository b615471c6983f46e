"""A compact copy of a study's labels, beside the JSON that people and programs read.

Reading the JSON of millions of images makes tens of Python objects an image. The copy holds
columns alone, images as rows of the benchmark's. It is never trusted for anything but the very
files that it was made beside, by their hashes, and lies in the hidden folder: it can be deleted
at any time.

Letters: N images, L labels, P pairs.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, Integer

from reassess.errors import DataError, FileError
from reassess.files import write_atomically
from reassess.files.access import Array, read_npz
from reassess.records import Audit, AuditStratum, Benchmark, LabelSets, OperatingPoint, Pairs
from reassess.study.inputs import CACHE, Hashes
from reassess.study.manifest import Study

LARGE = 100_000
"""Images from which labels are copied; of fewer the JSON is read in a second."""

_VERSION = 1
_ABOUT = "about"
_PAIRS = ("label", "stratum", "kept", "drawn")


def write_label_copy(study: Study, file: Path, labels: LabelSets, benchmark: Benchmark) -> None:
    """Copy the labels of a large study; those of a small one, or of other images, are left alone.

    Args:
        study: the study.
        file: the file that the labels were written to.
        labels: the labels.
        benchmark: the study's, whose image ids and classes the copy leaves out.

    Raises:
        FileError: the copy cannot be written.
    """
    same_images = labels.image_ids is benchmark.image_ids and labels.classes is benchmark.classes
    if len(labels) < LARGE or not same_images:
        return
    made_from = _hashes(study, file)
    order = np.lexsort((labels.indices, labels.image))  # as they are written
    point, audit, asked = labels.operating_point, labels.audit, labels.asked
    about = {
        "version": _VERSION,
        "made_from": made_from,
        "name": labels.name,
        "n_classes": labels.n_classes,
        "operating_point": None if point is None else asdict(point),
        "votes_sha256": labels.votes_sha256,
        "models": labels.models,
        "context": labels.context,
        "strata": None if audit is None else [asdict(one) for one in audit.strata],
    }
    arrays = {_ABOUT: np.array(json.dumps(about)), "size": _small(labels.sizes)}
    arrays["indices"] = _small(labels.indices[order])
    for name in ("posterior", "calibrated"):
        value = getattr(labels, name)
        if value is not None:
            arrays[name] = value[order]
    if labels.rated is not None:
        arrays["rated"] = labels.rated
    if asked is not None:
        arrays["n_asked"] = _small(np.bincount(asked.image, minlength=len(labels)))
        arrays["asked"] = _small(asked.label)
    if audit is not None:
        arrays["audit.image"] = _small(audit.pairs.image)
        columns = (audit.pairs.label, audit.stratum, audit.kept, audit.drawn)
        arrays |= {f"audit.{name}": one for name, one in zip(_PAIRS, columns, strict=True)}
    with write_atomically(_place(study)) as beside, beside.open("wb") as written:
        np.savez(written, allow_pickle=False, **arrays)


def read_label_copy(study: Study, file: Path, benchmark: Benchmark) -> LabelSets | None:
    """The labels of a study's copy; None where there is none, or one of other files.

    Args:
        study: the study.
        file: the file of its labels.
        benchmark: the study's.

    Raises:
        FileError: a file of the study cannot be read.
    """
    if not _place(study).is_file():
        return None
    made_from = _hashes(study, file)
    try:
        arrays = read_npz(_place(study))
        about = json.loads(str(arrays[_ABOUT]))
        if about["version"] != _VERSION or about["made_from"] != made_from:
            return None
        return _labels(arrays, about, benchmark)
    except (DataError, FileError, KeyError, TypeError, ValueError):
        return None


def _place(study: Study) -> Path:
    return study.folder / CACHE / "labels.npz"


def _hashes(study: Study, file: Path) -> dict[str, str]:
    """Hashes of the labels, and of what numbers their images and classes."""
    hashes = Hashes(study)
    files = {"labels": file, "original labels": study.path(study.labels)}
    if study.classes is not None:
        files["classes"] = study.path(study.classes)
    return {role: hashes.of_file(path) for role, path in files.items()}


def _labels(arrays: dict[str, Array], about: dict[str, Any], benchmark: Benchmark) -> LabelSets:
    ids, point = benchmark.image_ids, about["operating_point"]
    return LabelSets(
        name=about["name"],
        image_ids=ids,
        indptr=_ends(arrays["size"]),
        indices=arrays["indices"].astype(np.int64),
        posterior=arrays.get("posterior"),
        rated=arrays.get("rated"),
        n_classes=about["n_classes"],
        operating_point=None if point is None else OperatingPoint(**point),
        votes_sha256=about["votes_sha256"],
        models=None if about["models"] is None else tuple(about["models"]),
        classes=benchmark.classes,
        calibrated=arrays.get("calibrated"),
        asked=_asked(arrays, benchmark),
        audit=_audit(arrays, about["strata"], benchmark),
        context=tuple(about["context"]),
    )


def _asked(arrays: dict[str, Array], benchmark: Benchmark) -> Pairs | None:
    if "asked" not in arrays:
        return None
    image = np.repeat(np.arange(len(benchmark.image_ids)), arrays["n_asked"])
    return Pairs(benchmark.image_ids, image, arrays["asked"].astype(np.int64))


def _audit(
    arrays: dict[str, Array], strata: list[dict[str, Any]] | None, benchmark: Benchmark
) -> Audit | None:
    if strata is None:
        return None
    image = arrays["audit.image"].astype(np.int64)
    label, stratum, kept, drawn = (arrays[f"audit.{name}"] for name in _PAIRS)
    return Audit(
        tuple(AuditStratum(one["kind"], one["model"], tuple(one["seeds"])) for one in strata),
        Pairs(benchmark.image_ids, image, label),
        stratum,
        kept,
        drawn,
    )


def _small(values: Int[np.ndarray, "n"]) -> Integer[np.ndarray, "n"]:
    """Integers of 0 or more in as few bytes as hold them."""
    return values.astype(np.min_scalar_type(int(values.max(initial=0))))


def _ends(sizes: Integer[np.ndarray, "N"]) -> Int[np.ndarray, "ends"]:
    ends = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=ends[1:])
    return ends
