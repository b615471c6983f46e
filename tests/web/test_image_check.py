"""Images tried before raters meet them: broken ones named, resumed, tried again when replaced."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from reassess.errors import DataError
from reassess.web.image_check import ImageCheck
from tests.conftest import Ran
from tests.study.small import make_study


def test_a_check_goes_on_where_it_was_and_notices_what_was_replaced(tmp_path: Path) -> None:
    names = [f"{i}.png" for i in range(150)]
    for name in names[:-1]:
        Image.new("RGB", (9, 9)).save(tmp_path / name)
    (tmp_path / "3.png").write_bytes(b"no image")
    whole = (tmp_path / "5.png").read_bytes()
    (tmp_path / "5.png").write_bytes(whole[: len(whole) // 2])

    def path_of(name: str) -> Path | None:
        return tmp_path / name if (tmp_path / name).is_file() else None

    def check() -> ImageCheck:
        return ImageCheck(names, path_of, tmp_path / "cache" / "images.jsonl")

    assert check().findings().n_tried == 1  # the one that is absent
    assert not check().run(seconds=0.0)
    half = check()
    assert 0 < half.findings().n_tried < 150
    n_before = half.findings().n_tried
    assert half.run()
    lines = (tmp_path / "cache" / "images.jsonl").read_text().splitlines()
    assert len(lines) == len({json.loads(line)[0] for line in lines}) == 149
    found = half.findings()
    assert n_before < found.n_tried == 150
    assert [name for name, _ in found.broken] == ["3.png", "5.png"]
    assert found.absent == ("149.png",)
    assert "2 of 150 images cannot be shown, such as 3.png" in str(found.sentence())
    with pytest.raises(DataError, match=r"'3.png', '5.png', '149.png' cannot be shown .*3 of 150"):
        half.refuse_broken()
    (tmp_path / "3.png").write_bytes(whole)
    (tmp_path / "5.png").write_bytes(whole)
    assert half.findings().broken == ()
    other = check()  # of another process
    assert (other.findings().broken, other.findings().sentence()) == ((), None)


def test_serve_refuses_broken_images_where_it_must(tmp_path: Path, cli: Callable[..., Ran]) -> None:
    study = make_study(tmp_path, top=300)
    broken = sorted((tmp_path / "photos").rglob("*.jpg"))
    for path in broken:
        path.write_bytes(b"no image")
    refused = cli("serve", str(study.folder), "--strict", "--port", "59981")
    assert refused.status == 2
    assert "cannot be shown" in refused.err
    assert "--strict" in refused.err
