"""The images that were withdrawn from a study: one id a line in `withdrawn.txt`, beside its files.

It stands in the study, not in the database alone: another database of the same study asks nobody
about these images either, and labels know that their questions wait for no votes.
"""

from collections.abc import Collection

from reassess.errors import FileError
from reassess.files import write_atomically
from reassess.study.manifest import Study

WITHDRAWN = "withdrawn.txt"


def read_withdrawn(study: Study) -> tuple[str, ...]:
    """The ids of the withdrawn images; none where the study lists none.

    Raises:
        FileError: the list cannot be read.
    """
    path = study.folder / WITHDRAWN
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(
            f"{path}: it cannot be read ({error}). It must be text in UTF-8, one image id a line."
        ) from error
    return tuple(dict.fromkeys(line for line in text.splitlines() if line.strip()))


def write_withdrawn(study: Study, image_ids: Collection[str]) -> None:
    """Write the list of the withdrawn images, sorted; without any there is no list.

    Raises:
        FileError: it cannot be written.
    """
    path = study.folder / WITHDRAWN
    if not image_ids:
        path.unlink(missing_ok=True)
        return
    with write_atomically(path) as beside:
        lines = "".join(f"{name}\n" for name in sorted(image_ids))
        beside.write_text(lines, encoding="utf-8")
