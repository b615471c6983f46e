"""A study begun: its folder, its manifest, and copies of labels, classes and is-a edges.

The manifest is written last. Checks what it is given by reading it.
"""

from os import PathLike, fspath
from pathlib import Path
from tempfile import TemporaryDirectory

from reassess.errors import (
    FileError,
    OptionError,
)
from reassess.files import read_benchmark, write_atomically
from reassess.files.access import prefix_errors_with
from reassess.files.images import is_packed
from reassess.files.remote_images import RemoteImages, is_address
from reassess.files.tfds import tfds_shards
from reassess.records import Benchmark, Classes, Hierarchy, LabelsAre
from reassess.registry import checks_choices
from reassess.study.class_order import write_classes
from reassess.study.copies import copied, copied_if
from reassess.study.given import (
    GivenClasses,
    GivenLabels,
    benchmark_files,
    labels_from_images,
    unpacked,
)
from reassess.study.inputs import (
    named_classes,
)
from reassess.study.manifest import (
    FILE_NAME,
    FORMAT,
    BenchmarkFiles,
    Study,
)
from reassess.study.manifest_document import entry_table, load_tomlkit, write_manifest
from reassess.study.named_places import as_named

_HEADER = (
    "A study of reassess: what it is about, its models, its settings.",
    "Edit it as you like. Sections such as [propose] hold the options of the command of that name.",
)


@checks_choices
def new_study(
    folder: str | PathLike[str],
    *,
    labels: GivenLabels | None = None,
    classes: GivenClasses | None = None,
    images: str | PathLike[str] | RemoteImages | None = None,
    hierarchy: str | PathLike[str] | None = None,
    name: str | None = None,
    labels_are: LabelsAre | None = None,
) -> Study:
    """A study in a new folder: its manifest, and copies of labels, classes and is-a edges.

    Classes that only the labels name are written down, so that their order is kept.

    Args:
        folder: where to make it.
        labels: the original labels: a table ``image,label``, such a frame, or a `Benchmark`; None
            takes those of the images: a file beside them, class folders, a column, ``.cls``.
        classes: a table ``index,id,name,synonyms,definition``, such a frame, or `Classes`.
        images: the folder of images, which is not copied, or an address (s3://…, https://…);
            parquet and shards are unpacked into the study.
        hierarchy: a table ``child,parent``.
        name: how reports call the study; None for the folder's name.
        labels_are: whether integers that name classes are ids or indices, in all files of the
            study; None leaves it to the files.

    Raises:
        FileError: the folder holds a study already or cannot be written to; a file is missing
            or malformed.
        OptionError: neither labels nor images on this machine are given.
        DataError: labels, classes and edges do not fit together, or images have no labels.
        MissingExtraError: tomlkit or pydantic is missing.
    """
    if labels is None:
        if images is None or isinstance(images, RemoteImages) or is_address(images):
            raise OptionError(
                "there are no labels (--labels FILE), and no folder of images on this machine that "
                "could have them (--images DIR). Give one."
            )
        labels = labels_from_images(images, classes)
    with benchmark_files(labels, classes, labels_are) as (labels_file, classes_file):
        return _new_study(
            Path(folder), labels_file, classes_file, images, hierarchy, name, labels_are
        )


def _new_study(
    folder: Path,
    labels: str | PathLike[str],
    classes: str | PathLike[str] | None,
    images: str | PathLike[str] | RemoteImages | None,
    hierarchy: str | PathLike[str] | None,
    name: str | None,
    labels_are: LabelsAre | None,
) -> Study:
    """A study of files; see `new_study`."""
    benchmark = check_benchmark(labels, classes, hierarchy, labels_are)
    if (folder / FILE_NAME).exists():
        raise FileError(
            f"{folder}: there is a study already ({FILE_NAME}). Add to it (reassess add), or "
            "choose another folder."
        )
    if folder.exists() and not folder.is_dir():
        raise FileError(f"{folder}: it is a file, but must be a folder. Choose another name.")
    place = None if images is None else images_as_named(images, folder)
    kept = copied_if(folder, classes, "classes")
    if kept is None and benchmark.classes is not None:
        kept = keep_classes(folder, benchmark.classes)
    files = BenchmarkFiles(
        labels=copied(folder, labels, f"labels{Path(labels).suffix.lower()}"),
        classes=kept,
        images=place,
        hierarchy=copied_if(folder, hierarchy, "hierarchy"),
        labels_are=labels_are,
    )
    toml = load_tomlkit()
    document = toml.document()
    for line in _HEADER:
        document.add(toml.comment(line))
    document["format"] = FORMAT
    document["name"] = name or folder.absolute().name
    document["benchmark"] = entry_table(files)
    _keep_out_of_git(folder)
    return write_manifest(folder, toml.dumps(document))


_GIT_IGNORE = """\
# What a study must not share: votes with names, secrets, and what can be made again.
rating.db*
.rating/
.release-key
.cache/
*.backup.db
"""


def _keep_out_of_git(folder: Path) -> None:
    """Keep database and secrets out of version control; a list that is there stays as it is."""
    path = folder / ".gitignore"
    if not path.exists():
        with write_atomically(path) as beside:
            beside.write_text(_GIT_IGNORE, encoding="utf-8")


@checks_choices
def check_benchmark(
    labels: str | PathLike[str],
    classes: str | PathLike[str] | Classes | None,
    hierarchy: str | PathLike[str] | None,
    labels_are: LabelsAre | None,
) -> Benchmark:
    """The benchmark of these files, read to see that they fit together.

    Raises:
        FileError: one is missing or malformed.
        DataError: labels, classes and is-a edges do not fit together.
    """
    benchmark = read_benchmark(labels, classes=classes, hierarchy=hierarchy, labels_are=labels_are)
    if hierarchy is not None:
        with prefix_errors_with(Path(hierarchy)):
            Hierarchy.from_edges(benchmark.hierarchy, named_classes(benchmark))
    return benchmark


def keep_classes(folder: Path, classes: Classes) -> str:
    """The name of the file in a study that the classes were written to, as a copy is."""
    name = "classes.csv"
    with TemporaryDirectory() as beside:
        written = Path(beside) / name
        write_classes(classes, written)
        return copied(folder, written, name)


def images_as_named(images: str | PathLike[str] | RemoteImages, folder: Path) -> str:
    """How a manifest names images: a path or an address; what is packed is unpacked first.

    Raises:
        FileError: there are none.
    """
    if not isinstance(images, RemoteImages) and is_address(images):
        images = RemoteImages(fspath(images), folder)
    if isinstance(images, RemoteImages):
        images.check()
        return images.address
    path = Path(images)
    if not is_packed(path):
        return as_named(images, folder)
    if not path.exists() and "{" not in path.name and tfds_shards(path) is None:
        raise FileError(f"{images}: there is no such folder of images. Check the path (--images).")
    return as_named(unpacked(images, folder / "images"), folder)
