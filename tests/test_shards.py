"""Shards: cut by the data, shared out among jobs, kept with what they were made from."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.engines import JobShare, cut_rows
from reassess.errors import FileError, OptionError
from reassess.files.finished_shards import FinishedShards


@given(st.integers(0, 300), st.integers(1, 40), st.integers(1, 9))
def test_jobs_do_every_row_once(n_rows, size, n_jobs):
    shards = cut_rows(n_rows, size)
    assert [row for one in shards for row in range(one.start, one.stop)] == list(range(n_rows))
    assert all(len(one) == size for one in shards[:-1])
    done = [one for job in range(1, n_jobs + 1) for one in JobShare(job, n_jobs).of(shards)]
    assert sorted(done, key=lambda one: one.number) == list(shards)


@pytest.mark.parametrize("text", ["0/8", "9/8", "8", "a/b", "1/0", "-1/8", "1/8/2", ""])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(OptionError, match=r"^the shard is"):
        JobShare.parse(text)


def test_a_shard_is_used_only_for_what_it_was_made_from(tmp_path: Path):
    shards, made_from = FinishedShards(tmp_path / "p.shards", 12), {"weights": "a", "images": "b"}
    arrays = {"logits": np.arange(6.0).reshape(2, 3)}
    assert shards.read(0, made_from) is None
    shards.write(0, made_from, arrays)
    np.testing.assert_array_equal(shards.require(0, made_from)["logits"], arrays["logits"])
    assert shards.read(0, made_from | {"weights": "other"}) is None
    with pytest.raises(FileError, match=r"shard-01-of-12.npz: shard 1 of 12 was made from other "
                       r"keep and weights, but must"):  # fmt: skip
        shards.require(0, {"weights": "c", "images": "b", "keep": 5})
    with pytest.raises(FileError, match=r"shard 2 of 12 is missing, .*; 11 are missing"):
        shards.require(1, made_from)
    path = shards.path(0)
    path.write_bytes(path.read_bytes()[:-30])
    assert shards.read(0, made_from) is None
    with pytest.raises(FileError, match=r"shard-01-of-12.npz: it is no finished shard"):
        shards.require(0, made_from)
