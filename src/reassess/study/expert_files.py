"""What experts said on the site, to files: gold, and decisions about contested questions.

Both are long tables ``image,label,expert,answer``, read as gold is. Votes are in
`reassess.study.vote_files`.
"""

from pathlib import Path
from typing import Literal

import numpy as np

from reassess.errors import DataError, OptionError
from reassess.files import sha256_of
from reassess.files.tables import write_table
from reassess.rating import Store, adjudications, gold
from reassess.records import ANSWERS
from reassess.study.manifest import Study
from reassess.study.stages import adjudications_file, gold_file
from reassess.study.vote_files import exported, remember

What = Literal["gold", "adjudications"]


def named_file(study: Study, what: What) -> Path | None:
    """The file of gold or adjudications that the study's stages read; None where it names none."""
    return gold_file(study, "aggregate") if what == "gold" else adjudications_file(study)


def export_experts(
    study: Study,
    store: Store,
    what: What,
    path: Path | None = None,
    *,
    overwrite: bool = False,
) -> tuple[Path, int]:
    """The file that was written, and how many answers of experts are in it.

    Of gold these are each expert's last words about the questions that enough experts judged,
    of adjudications each expert's last decision about a question.

    Args:
        study: the study.
        store: its store.
        what: gold or adjudications.
        path: a table (.csv); None for `gold.csv` or `adjudications.csv` in the study.
        overwrite: write over a file in the study's folder that came from elsewhere.

    Raises:
        OptionError: the extension is not .csv, or the file came from elsewhere.
        DataError: there is nothing to write.
        FileError: the file cannot be written.
        StoreError: the database cannot be read.
    """
    where = study.folder / f"{what}.csv" if path is None else path
    if where.suffix.lower() != ".csv":
        raise OptionError(f"{where}: its extension must be .csv. Name the file so.")
    if not overwrite:
        _check_ours(study, where)
    columns = _gold(store) if what == "gold" else _decisions(store)
    n_rows = len(columns["image"])
    if n_rows == 0:
        raise DataError(
            f"{where}: there are 0 rows of {what} to write, but there must be at least one. Let "
            "experts answer on the site first."
        )
    write_table(where, columns)
    remember(study, where)
    return where, n_rows


def _gold(store: Store) -> dict[str, list[str]]:
    known = gold(store)
    if known is None:
        return {"image": []}
    votes, pairs = known.votes, known.questions.pairs
    assert pairs is not None  # noqa: S101 -- the store's questions are pairs; this tells mypy
    question = votes.question
    return {
        "image": pairs.image_ids[pairs.image[question]].tolist(),
        "label": pairs.label[question].tolist(),
        "expert": votes.rater_ids[votes.rater].tolist(),
        "answer": np.array(ANSWERS)[votes.answer].tolist(),
    }


def _decisions(store: Store) -> dict[str, list[str]]:
    found = adjudications(store)
    return {
        "image": [one.image_id for one in found],
        "label": [str(one.label) for one in found],
        "expert": [one.expert for one in found],
        "answer": [ANSWERS[one.answer] for one in found],
        "given_at": [one.at.strftime("%Y-%m-%dT%H:%M:%S") for one in found],
        "note": [one.note for one in found],
    }


def _check_ours(study: Study, path: Path) -> None:
    """Refuse to write over what no export wrote: it may be nowhere else."""
    if not path.is_file() or not path.absolute().is_relative_to(study.folder.absolute()):
        return
    if exported(study).get(str(path.absolute())) != sha256_of(path):
        raise OptionError(
            f"{path}: what is in it was not written by an export, and would be lost. The site "
            "takes over a gold file that study.toml names; then export with --overwrite, or name "
            "another file."
        )
