"""The commands and scripts of the pages that no journey follows, typed as printed.

    python tests/journeys/every_page.py [PAGE ...]

Each page has a folder of its own, with what its reader has by then: labels, classes, images and
predictions of a small demo, and the study ``pets`` made of them, rated and decided. Sites are
opened and closed again; experts and raters are played through the store. Output that a page shows
must be printed, with any numbers. Commands on published data are skipped, by name, without
REASSESS_DATA; those of SLURM where it is not installed, with what to install. What a page does on
other machines is done on this one.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from reassess import rating, simulate  # noqa: E402
from reassess.demo import run_demo  # noqa: E402
from reassess.files import write_votes  # noqa: E402
from reassess.records import LabelSets, Pairs, Questions  # noqa: E402
from tests.journeys.pages import (  # noqa: E402
    WIDTH,
    Script,
    Typed,
    blocks,
    typed_in_shells,
)
from tests.journeys.slurm import lacking, slurm  # noqa: E402

DOCS = ROOT / "docs"
PAGES = (
    "adaptive", "audits", "context", "gallery", "job-arrays", "mistakes", "monday-morning",
    "rating-site", "rating-store", "release", "report", "saving-predictions", "sharing-a-study",
    "statistics", "training", "training-experiment",
)  # fmt: skip
SCRIPTS_ONLY = ("training",)
"""Pages whose consoles a journey types."""
PUBLISHED = ("imagenet", "timm-results", "benchmarks/")
ELSEWHERE = ("pip install ",)
"""How the lines begin that other tests type: `installing` makes environments."""
VARIABLES = {
    "training": {"HF_HOME": "hub", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    "training-experiment": {"DRY": "1"},
}
"""Environment variables of a page: where weights lie that would be fetched, and small sizes."""
MODELS = {
    "forest": "random-forest", "bayes": "naive-bayes", "neighbours": "nearest-neighbours",
    "vit": "support-vectors", "better": "neural-network", "a": "random-forest",
    "b": "support-vectors", "preds": "support-vectors", "mine": "neural-network",
}  # fmt: skip
"""Files of predictions as pages call them, and the demo's models that they hold."""


class CommandError(Exception):
    """A command did not end well."""


def run(folder: Path, line: str, variables: dict[str, str] | None = None) -> str:
    """What a command prints, or a script of several."""
    environment = os.environ | {
        "PATH": f"{folder / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}"
        f"{os.environ['PATH']}",
        "COLUMNS": WIDTH,
        "OMP_WAIT_POLICY": "passive",  # other work may run
        "REASSESS_DECODED": "",
    }
    done = subprocess.run(
        ["bash", "-e", "-c", line], cwd=folder, env=environment | (variables or {}),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise CommandError(f"{line}: exit status {done.returncode}\n{done.stdout[-1500:]}")
    return done.stdout


def serve(folder: Path, line: str) -> None:
    """Open a site, and close it once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    reassess = Path(sys.executable).with_name("reassess")
    words = [str(reassess), *line.partition("#")[0].split()[1:], "--port", str(port)]
    with (folder / "serve.log").open("w") as log:
        site = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log)
        for _ in range(3000):
            time.sleep(0.1)
            if site.poll() is not None:
                raise CommandError(f"{line}: ended\n{(folder / 'serve.log').read_text()[-1500:]}")
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
        site.send_signal(signal.SIGTERM)
        site.wait(600)


def write_all_votes(truth: LabelSets, path: Path) -> None:
    """Simulated votes on whatever may be asked."""
    rng = np.random.default_rng(0)
    image, label = np.indices((len(truth), truth.n_classes)).reshape(2, -1)
    asked = Questions.from_pairs(Pairs(truth.image_ids, image, label))
    pairs = asked.require_pairs()
    is_true = truth.contains(pairs.image, pairs.label)
    raters = simulate.simulated_raters(6, rng)
    votes = simulate.simulate_votes(asked, is_true, raters, votes_per_question=3, rng=rng)
    write_votes(votes, path)


def world(folder: Path, demo: Path) -> None:
    """What a reader has."""
    for name in ("labels.csv", "classes.csv", "votes.csv", "gold.csv", "labels.json"):
        shutil.copy(demo / name, folder / name)
    shutil.copy(demo / "all-votes.csv", folder / "all-votes.csv")
    shutil.copytree(demo / "images", folder / "photos")
    for name, model in MODELS.items():
        shutil.copy(demo / "predictions" / f"{model}.npz", folder / f"{name}.npz")


def pets(folder: Path) -> None:
    """A study that is rated and decided."""
    for line in (
        "reassess new pets --labels labels.csv --classes classes.csv --images photos",
        "reassess add pets forest.npz bayes.npz neighbours.npz vit.npz",
        "reassess propose pets --gold gold.csv",
        "reassess votes import pets all-votes.csv --only-asked",
        "reassess votes export pets",
        "reassess run pets",
    ):
        run(folder, line)


def play(folder: Path, study: str, printed: str, labels: dict[str, int], *, experts: bool) -> None:
    """Whoever the printed links invite answers all there is: yes to the original label alone."""
    store = rating.open_store(f"sqlite:///{folder / study}/rating.db", must_exist=True)
    table = rating.question_table(store)
    images = table.image_ids[table.image]
    right = {
        int(question): 2 if labels[str(image)] == label else 0
        for question, image, label in zip(table.question, images, table.label, strict=True)
    }
    for token in re.findall(r"/invite/(\S+)", printed):
        person = rating.accept_invitation(store, token).number
        for n in range(10_000):
            task = (
                rating.next_gold_task(store, person) if experts else rating.next_task(store, person)
            )
            if isinstance(task, rating.NoTask):
                break
            if experts:
                rating.judge(store, person, {q: right[q] for q in task.questions})
                continue
            answers = tuple(
                rating.Answer(q.question, right.get(q.question, 0), 2000) for q in task.questions
            )
            rating.submit(
                store, person, rating.Submission(task.lease, f"{person}-{n}", answers, 9000, "")
            )
    store.close()


def original_labels(folder: Path) -> dict[str, int]:
    """The class of each image, as its label has it."""
    rows = (folder / "labels.csv").read_text().splitlines()[1:]
    names = (folder / "classes.csv").read_text().splitlines()[1:]
    index = {cell: n for n, row in enumerate(names) for cell in row.split(",")}
    return {image: index[label] for image, label in (row.split(",")[:2] for row in rows)}


def monday(folder: Path, line: str, printed: str) -> None:
    """What people do between the commands of that page."""
    labels = original_labels(folder)
    settings = blocks(DOCS / "monday-morning.md", "toml")
    study = folder / "birds"
    if line.endswith("propose birds"):
        (study / "instructions.md").write_text("# Look closely\n")
        (study / "consent.md").write_text("I agree.\n")
        append(study / "study.toml", settings[0])
    if "--role expert" in line:
        play(folder, "birds", printed, labels, experts=True)
    if line.endswith("--gold"):
        append(study / "study.toml", settings[1])
    if "rater-1" in line:
        play(folder, "birds", printed, labels, experts=False)


def append(manifest: Path, settings: str) -> None:
    """Settings under their heading, where the manifest has it already."""
    heading, _, rest = settings.partition("\n")
    text = manifest.read_text()
    if heading in text:
        manifest.write_text(text.replace(heading, settings.rstrip("\n"), 1))
    else:
        manifest.write_text(f"{text}\n{heading}\n{rest}")


def second_release(folder: Path, line: str, _: str) -> None:
    """Another release to compare with."""
    if line.startswith("reassess check"):
        run(folder, "reassess release pets pets-1.1 --version 1.1.0 --license CC-BY-4.0 --author A")


def photos_to_learn(folder: Path) -> None:
    """Images with their labels, a model, and nodes that are this machine."""
    shutil.copy(folder / "labels.csv", folder / "photos" / "labels.csv")
    run(folder, "reassess train photos --epochs 1 --side 16 -o model.safetensors")
    ssh = folder / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text('#!/bin/sh\nshift\nexec "$@"\n')
    ssh.chmod(0o700)


def few_photos(folder: Path) -> None:
    """Eight images with their labels, and weights as timm fetches them: drawn, not trained."""
    from safetensors.torch import save_file

    from reassess.training.models import import_timm

    rows = (folder / "labels.csv").read_text().splitlines()[:9]
    every, few = folder / "photos", folder / "few"
    few.mkdir()
    for row in rows[1:]:
        name = row.partition(",")[0]
        (few / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(every / name, few / name)
    shutil.rmtree(every)
    few.rename(every)
    (every / "labels.csv").write_text("\n".join(rows) + "\n")
    model = import_timm().create_model("resnet50")
    hub = folder / "hub" / "hub" / f"models--{model.pretrained_cfg['hf_hub_id'].replace('/', '--')}"
    commit = "0" * 40
    (hub / "refs").mkdir(parents=True)
    (hub / "refs" / "main").write_text(commit)
    (hub / "snapshots" / commit).mkdir(parents=True)
    save_file(model.state_dict(), hub / "snapshots" / commit / "model.safetensors")


def the_checkout(folder: Path) -> None:
    """The folders of a clone whose scripts a page runs."""
    for name in ("benchmarks", "scripts"):
        (folder / name).symlink_to(ROOT / name)


def three_birds(folder: Path) -> None:
    """Benchmarks of three of ImageNet's classes and of cats, and scores of more classes."""
    ids = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    (folder / "birds.csv").write_text("id\nn01530575\nn01531178\nn01532829\n")
    (folder / "birds.json").write_text('{"a.jpg": [0], "b.jpg": [1], "c.jpg": [2], "d.jpg": [0]}')
    logits = np.random.default_rng(0).normal(size=(len(ids), 1_000))
    np.savez(folder / "resnet50.npz", logits=logits, ids=ids)
    (folder / "cats.csv").write_text("id\ncat\ndog\n")
    (folder / "cats.json").write_text('{"a.jpg": [0], "b.jpg": [0], "c.jpg": [1], "d.jpg": [0]}')
    np.savez(folder / "four-classes.npz", logits=logits[:, :4], ids=ids)
    (table,) = blocks(DOCS / "saving-predictions.md", "csv")
    (folder / "merged.csv").write_text(table)


def my_study(folder: Path) -> None:
    """The rated study under the name that two pages use."""
    shutil.move(folder / "pets", folder / "my-study")
    run(folder, "reassess locate my-study --images photos")


def my_site(folder: Path) -> None:
    """A study of that name whose experts have judged gold on its site."""
    for line in (
        "reassess new my-study --labels labels.csv --classes classes.csv --images photos",
        "reassess add my-study forest.npz bayes.npz neighbours.npz",
        "reassess propose my-study",
        "reassess votes import my-study all-votes.csv --only-asked",
        "reassess gold my-study --draw 10",
    ):
        run(folder, line)
    serve(folder, "reassess serve my-study")
    printed = run(folder, "reassess invite my-study ada ben cleo --role expert")
    play(folder, "my-study", printed, original_labels(folder), experts=True)


BEFORE = {
    "adaptive": the_checkout,
    "gallery": the_checkout,
    "job-arrays": photos_to_learn,
    "rating-site": my_site,
    "rating-store": my_study,
    "saving-predictions": three_birds,
    "training": few_photos,
    "training-experiment": the_checkout,
}
AFTER = {"monday-morning": monday, "release": second_release}


def typed(page: str) -> Iterator[Typed | Script]:
    """What is typed of a page where all that it needs is there."""
    for step in typed_in_shells(DOCS / f"{page}.md"):
        is_journey = page in SCRIPTS_ONLY and not isinstance(step, Script)
        if not (is_journey or step.line.startswith(ELSEWHERE)):
            yield step


def steps(page: str) -> Iterator[Typed | Script]:
    """What is typed of a page here; says what is skipped."""
    for step in typed(page):
        text = step.text if isinstance(step, Script) else step.line
        if any(word in text for word in PUBLISHED) and not os.environ.get("REASSESS_DATA"):
            print(f"{page}: skipped, it is about published data: {step.line}")
        elif "sbatch " in text and lacking():
            print(f"{page}: skipped, {lacking()}: {step.line}")
        else:
            yield step


def walk(page: str, ready: Path) -> int:
    """How many commands and scripts of a page were typed."""
    n = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "here"
        shutil.copytree(ready, folder)
        BEFORE.get(page, lambda _: None)(folder)
        for step in steps(page):
            take(page, folder, step)
            n += 1
    return n


def take(page: str, folder: Path, step: Typed | Script) -> None:
    """Type one of them."""
    variables = {
        name: str(folder / value) if (folder / value).exists() else value
        for name, value in VARIABLES.get(page, {}).items()
    }
    if isinstance(step, Script):
        submits = "sbatch " in step.text
        with slurm(folder / "slurm") if submits else nullcontext({}) as theirs:
            run(folder, step.text, variables | theirs)
        return
    line, printed = step.line, ""
    if line.startswith("reassess serve"):
        serve(folder, line)
    else:
        printed = run(folder, line, variables)
        lacks = step.lacks(printed, any_number=True)  # other data
        if lacks is not None:
            raise CommandError(f"{line}: does not print {lacks!r}, but\n{printed}")
    AFTER.get(page, lambda *_: None)(folder, line, printed)


def main() -> int:
    """Walk all pages; 1 where a command fails."""
    went_well = True
    with tempfile.TemporaryDirectory() as name:
        demo = Path(name) / "demo"
        truth = run_demo(demo, n_images=240).digits.truth
        write_all_votes(truth, demo / "all-votes.csv")
        ready = Path(name) / "ready"
        ready.mkdir()
        world(ready, demo)
        pets(ready)
        for page in sys.argv[1:] or PAGES:
            start = time.monotonic()
            try:
                n = walk(page, ready)
            except CommandError as why:
                print(f"{page}: FAILED\n  {why}", flush=True)
                went_well = False
                continue
            print(f"{page}: {n} steps taken ({time.monotonic() - start:.0f} s)", flush=True)
    return int(not went_well)


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # commands would compile all they import anew
    sys.exit(main())
