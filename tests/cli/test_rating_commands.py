"""`serve`, `invite` and `votes` as an owner types them."""

import json
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reassess import rating
from reassess.files.artefacts import read_tasks
from reassess.rating import Settings, accept_invitation
from reassess.site.store import open_rating
from reassess.site.sync import sync
from reassess.study import change_settings, open_study, read_study_benchmark, votes_file
from tests.conftest import Ran
from tests.rating.play import answer_all
from tests.study.small import K, is_true, make_study

Cli = Callable[..., Ran]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    make_study(folder, top=450)
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The study `s`, in the working directory."""
    shutil.copytree(made, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def ran(cli: Cli, *arguments: str) -> Ran:
    done = cli(*arguments)
    assert done.status == 0, done.err
    return done


def answer_everything(path: str, n_raters: int = 3) -> int:
    """Votes of raters who know the truth on every question, as a file; how many."""
    ids = read_tasks(Path("s") / "tasks.parquet").questions.ids.tolist()
    pairs = [(image, int(label)) for image, _, label in (one.rpartition(":") for one in ids)]
    rows = [
        f"{i},{k},rater-{r},{'yes' if is_true(i, k) else 'no'}\n"
        for i, k in pairs
        for r in range(n_raters)
    ]
    Path(path).write_text("image,label,rater,answer\n" + "".join(rows))
    return len(rows)


def dated(path: str) -> None:
    """Write when each vote was given beside it."""
    header, *rows = Path(path).read_text().splitlines()
    times = [f"2026-01-31T{n % 24:02}:30:00.250Z" for n in range(len(rows))]
    lines = [f"{row},{at}\n" for row, at in zip(rows, times, strict=True)]
    Path(path).write_text(f"{header},given_at\n" + "".join(lines))


@pytest.mark.usefixtures("here")
def test_links_sign_people_in_once(cli: Cli) -> None:
    open_rating(open_study("s"), create=True).close()
    refused = cli("invite", "s", "cy")
    assert refused.status == 2
    assert "--base-url http://HOST:PORT" in refused.err
    links = json.loads(
        ran(cli, "invite", "s", "ann", "bob", "--role", "expert", "--json",
            "--base-url", "https://rate.example.org/").out
    )  # fmt: skip
    assert list(links) == ["ann", "bob"]
    assert all(one.startswith("https://rate.example.org/invite/") for one in links.values())
    opening = ("recruit", "s", "--from", "mturk", "--people", "3")
    address = json.loads(
        ran(cli, *opening, "--base-url", "https://rate.example.org/", "--json").out
    )["link"]  # fmt: skip
    assert address.startswith("https://rate.example.org/join/")
    assert "--base-url is 'lab'" in cli(*opening, "--base-url", "lab").err
    assert "--from is missing" in cli("recruit", "s", "--base-url", "https://a.example").err
    change_settings(open_study("s"), "site", {"base_url": "https://lab.example.org/pilot"})
    line = ran(cli, "invite", "s", "cy").out
    assert line.startswith("cy\thttps://lab.example.org/pilot/invite/")
    with open_rating(open_study("s"), create=True) as store:
        ann = accept_invitation(store, links["ann"].rpartition("/")[2])
        assert (ann.name, ann.role) == ("ann", "expert")
        with pytest.raises(rating.InvitationError):
            accept_invitation(store, links["ann"].rpartition("/")[2])
        assert accept_invitation(store, line.strip().rpartition("/")[2]).role == "rater"


def cut(lines: list[str], n_columns: int) -> list[list[str]]:
    return sorted(line.split(",")[:n_columns] for line in lines)


@pytest.mark.usefixtures("here")
def test_votes_in_and_out_in_every_format_are_the_same(cli: Cli) -> None:
    n_votes = answer_everything("given.csv")
    dated("given.csv")
    assert (
        f"{n_votes:,} new votes of {n_votes:,}" in ran(cli, "votes", "import", "s", "given.csv").out
    )
    assert "0 new votes" in ran(cli, "votes", "import", "s", "given.csv").out
    header, *rows = Path("given.csv").read_text().splitlines()
    bare = [row.partition("/")[2] for row in reversed(rows)]
    Path("bare.csv").write_text("\n".join([header, *bare]) + "\n")
    assert "0 new votes" in ran(cli, "votes", "import", "s", "bare.csv").out
    assert ran(cli, "votes", "export", "s").out == f"{n_votes:,} votes: s/votes.csv\n"
    assert votes_file(open_study("s")) == Path("s/votes.csv")
    exported = Path("s/votes.csv").read_text().splitlines()
    assert all(line.endswith(":30:00.250Z,") for line in exported[1:])
    for number, (name, form) in enumerate(
        (("v.parquet", "long"), ("v.json", "label-studio"), ("v.npz", "real-npz"),
         ("v.tsv", "crowd-kit"))
    ):  # fmt: skip
        ran(cli, "votes", "export", "s", name, "--format", form)
        database = ("--database", f"sqlite:///other-{number}.db")
        ran(cli, "votes", "import", "s", name, "--format", form, *database)
        ran(cli, "votes", "export", "s", "again.csv", *database)
        again = Path("again.csv").read_text().splitlines()
        n_columns = 6 if form in {"long", "label-studio"} else 4
        assert cut(again, n_columns) == cut(exported, n_columns)
    ran(cli, "votes", "export", "s", "all.csv", "--include-uncounted")
    header, *rows = Path("all.csv").read_text().splitlines()
    assert header.endswith("counted,purpose,round,version")
    assert len(rows) == n_votes
    assert rows[0].endswith("True,imported,0,0")
    ran(cli, "run", "s")
    labels = json.loads(Path("s/labels.json").read_text())["labels"]
    pairs = read_tasks(Path("s") / "tasks.parquet").pairs
    asked = zip(pairs.image_ids[pairs.image].tolist(), pairs.label.tolist(), strict=True)
    assert all((k in labels[i]) == is_true(i, k) for i, k in asked)


@pytest.mark.usefixtures("here")
def test_what_experts_say_calibrates_and_decides(cli: Cli) -> None:
    answer_everything("given.csv")
    ran(cli, "votes", "import", "s", "given.csv")
    ran(cli, "votes", "export", "s")
    ran(cli, "run", "s")
    for what in ("--gold", "--adjudications"):
        assert "0 rows" in cli("votes", "export", "s", what).err
    asked = read_tasks(Path("s") / "tasks.parquet").pairs
    image_id = str(asked.image_ids[asked.image[0]])
    with open_rating(open_study("s"), create=True) as store:
        expert = accept_invitation(store, rating.invite(store, "ann", "owner")).number
        rating.change_settings(store, replace(rating.settings_of(store), experts_per_gold=1))
        rating.choose_gold(store, 40)
        while isinstance(screen := rating.next_gold_task(store, expert), rating.experts.GoldTask):
            asked_now = zip(screen.questions, screen.labels, strict=True)
            said = {q: 2 * is_true(screen.image_id, label) for q, label in asked_now}
            rating.judge(store, expert, said)
        question = rating.image_counts(store, image_id).questions[0]
        wrong = 0 if is_true(image_id, question.label) else 2
        rating.adjudicate(store, expert, question.question, wrong, "on second, thoughts")
    done = ran(cli, "votes", "export", "s", "--gold")
    assert "answers of experts: s/gold.csv" in done.out
    assert 'gold = "gold.csv" under [aggregate]' in done.err
    told = ran(cli, "votes", "export", "s", "--adjudications").out
    assert told == "1 decision: s/adjudications.csv\n"
    before = json.loads(Path("s/labels.json").read_text())["labels"]
    study = change_settings(
        open_study("s"), "aggregate", {"gold": "gold.csv", "method": "calibrated"}
    )
    change_settings(study, "label", {"adjudications": "adjudications.csv"})
    said_of_run = ran(cli, "run", "s").out
    assert "calibrated" in said_of_run
    assert "1 questions decided by experts" in said_of_run
    after = json.loads(Path("s/labels.json").read_text())["labels"]
    assert (question.label in before[image_id]) != (question.label in after[image_id])
    changed = {name for name in after if set(after[name]) != set(before[name])}
    assert changed == {image_id}
    assert "Note" not in ran(cli, "votes", "export", "s", "--gold").err
    # An expert changes his mind: a file that came out of the site does not undo it.
    with open_rating(open_study("s"), create=True) as store:
        corrected = rating.earlier_gold_task(store, expert)
        assert corrected is not None
        rating.judge(store, expert, {corrected.questions[0]: 1})
        sync(open_study("s"), store)
        again = rating.gold_task(store, expert, corrected.task)
        assert again.answers[0] == 1
    ran(cli, "votes", "export", "s", "--gold")
    check_unchosen_and_withdrawn(cli, image_id)
    Path("s/gold.csv").write_text("image,label,expert,answer\n")
    assert "would be lost" in cli("votes", "export", "s", "--gold").err
    assert "goes with neither" in cli("votes", "export", "s", "--gold", "--include-uncounted").err
    assert "must be .csv" in cli("votes", "export", "s", "x.json", "--gold").err


def check_unchosen_and_withdrawn(cli: Cli, contested: str) -> None:
    """Gold that is unchosen, and an image that is withdrawn, reach files and labels, and back."""
    labels = json.loads(Path("s/labels.json").read_text())["labels"]
    in_gold = {line.split(",")[0] for line in Path("s/gold.csv").read_text().splitlines()[1:]}
    gone = sorted(in_gold - {contested})[0]
    told = ran(cli, "gold", "s", "--unchoose", gone, "--reason", "not sure")
    assert "wrote" in told.err
    assert "labels on 401 of 401" in told.err
    assert gone not in Path("s/gold.csv").read_text()
    with open_rating(open_study("s")) as store:
        expert = rating.rater_named(store, "ann")
        assert expert is not None
        sync(open_study("s"), store)  # as `serve` does: what is no gold stays none
        known = rating.gold(store)
        assert known is not None
        assert gone not in known.questions.require_pairs().image_ids
        rating.decide_gold(store)
        assert gone not in str(rating.gold(store))
        assert rating.audit(store) == ()
    ran(cli, "gold", "s", "--choose", gone)  # what experts said holds again
    ran(cli, "votes", "export", "s", "--gold")
    assert gone in Path("s/gold.csv").read_text()
    told = ran(cli, "images", "s", "--withdraw", contested.rpartition("/")[2], "--reason", "a face")
    assert told.out == f"{contested}\n"
    for name in ("votes.csv", "gold.csv"):
        assert contested not in Path(f"s/{name}").read_text()
    # Of the only decision, which was about it, nothing is left to write.
    assert "adjudications.csv is as it was" in told.err
    benchmark = read_study_benchmark(open_study("s"))
    assert benchmark.original is not None
    original = benchmark.original[benchmark.image_ids.tolist().index(contested)]
    now = json.loads(Path("s/labels.json").read_text())["labels"]
    assert now[contested] == [original]  # as every image that nobody rated
    with open_rating(open_study("s")) as store:
        sync(open_study("s"), store)
        asked = rating.question_table(store)
        of_it = asked.image == asked.image_ids.tolist().index(contested)
        assert not asked.is_rated[of_it].any()
        assert rating.audit(store) == ()
        act = rating.audit_log(store)[0]
        assert (act.action, act.detail["images"], act.detail["reason"]) == (
            "withdraw images", [contested], "a face",
        )  # fmt: skip
    with open_rating(open_study("s"), "sqlite:///another.db", create=True) as other:
        sync(open_study("s"), other)
        assert rating.withdrawn_images(other) == (contested,)
    assert "1 image is withdrawn" in ran(cli, "images", "s").err
    ran(cli, "images", "s", "--restore", contested)
    assert contested in Path("s/votes.csv").read_text()
    assert json.loads(Path("s/labels.json").read_text())["labels"] == labels
    for refused, says in (
        (("images", "s", "--withdraw", "no-such.jpg"), "no-such.jpg"),
        (("gold", "s", "--choose", gone, "--unchoose", gone), "at once"),
    ):
        assert says in cli(*refused).err
    study = Path("s/gold.csv").read_text()
    Path("s/gold.csv").write_text(study + "\n")  # somebody's own file now
    assert "Take their rows out" in cli("gold", "s", "--unchoose", gone).err
    Path("s/gold.csv").write_text(study)


@pytest.mark.usefixtures("here")
def test_votes_from_elsewhere_are_not_written_over(cli: Cli) -> None:
    answer_everything("s/votes.csv", 2)
    before = Path("s/votes.csv").read_bytes()
    answer_everything("more.csv", 1)
    ran(cli, "votes", "import", "s", "more.csv")
    refused = cli("votes", "export", "s")
    assert refused.status == 2
    assert "would be lost" in refused.err
    assert Path("s/votes.csv").read_bytes() == before
    ran(cli, "votes", "import", "s", "s/votes.csv")
    ran(cli, "votes", "export", "s", "--overwrite")
    assert len(Path("s/votes.csv").read_text().splitlines()) == len(before.decode().splitlines())
    ran(cli, "votes", "export", "s")
    Path("s/votes.parquet").write_bytes(b"PAR1")
    assert "read s/votes.parquet" in ran(cli, "votes", "export", "s").err


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("serve nowhere", "there is no study"),
        ("serve s --processes 2", "must be 1 with SQLite"),
        ("serve s --no-early-stopping --stop bounds", "contradict"),
        ("serve s --no-early-stopping --budget 0.5", "contradict"),
        ("serve s --budget 0", "0<x<=1"),
        ("serve majority --stop learned", "--stop learned predicts"),
        ("serve s --host 256.0.0.1", "cannot be listened on"),
        ("serve s --database mysql://x/y", "database URL"),
        ("serve s --example-images none.csv", "none.csv: there is no such file"),
        ("invite s", "Missing argument"),
        ("invite s ann ann", "a name appears twice"),
        ("invite s ann --base-url rate.example.org", "must begin with http"),
        ("invite s ' ann'", "rater name"),
        ("invite nowhere ann", "there is no study"),
        ("votes export s", "there is no study in it, and so 0 votes"),
        ("votes export s --gold", "there is no study in it"),
        ("votes export s --database sqlite:///not-there.db", "sqlite:///not-there.db: there is no"),
        ("status s --database sqlite:///not-there.db", "sqlite:///not-there.db: there is no"),
        ("votes export s v.csv --format label-studio", "must be one of .json"),
        ("votes export s v.txt", "must be one of .csv"),
        ("votes export s --include-uncounted", "Name a file"),
        ("votes import s none.csv", "none.csv: there is no such file"),
        ("votes import s labels.csv", "labels.csv: the column"),
        ("votes import s unknown.csv", "unknown.csv: image id[0] is 'x.jpg'"),
        ("votes import s unasked.csv", "Leave them out (reassess votes import --only-asked)"),
        ("votes import s many.csv", "Raise votes_per_question"),
    ],
)
def test_bad_input_is_refused_with_a_message(command: str, says: str, cli: Cli) -> None:
    image = read_tasks(Path("s/tasks.parquet")).pairs.image_ids[0]
    shutil.copytree("s", "majority")
    change_settings(open_study("majority"), "aggregate", {"method": "majority"})
    Path("unknown.csv").write_text("image,label,rater,answer\nx.jpg,0,ann,yes\n")
    Path("unasked.csv").write_text(f"image,label,rater,answer\n{image},{K - 1},ann,yes\n")
    if f"{image}:{K - 1}" in read_tasks(Path("s/tasks.parquet")).questions.ids.tolist():
        Path("unasked.csv").write_text(f"image,label,rater,answer\n{image},{_unasked()},ann,yes\n")
    answer_everything("many.csv", 6)
    if command.startswith(("votes", "invite s")) and "no study" not in says:
        open_rating(open_study("s"), create=True).close()
    done = cli(*shlex.split(command))
    assert done.status == 2
    assert says in done.err
    assert not Path("not-there.db").exists()
    assert not ("no study in it" in says and Path("s/rating.db").exists())


def _unasked() -> int:
    pairs = read_tasks(Path("s/tasks.parquet")).pairs
    return int(np.setdiff1d(np.arange(K), pairs.label[pairs.image == 0])[0])


@contextmanager
def served(*options: str) -> Iterator[tuple[str, Any]]:
    """The site in a process of its own, as it is typed; its address and its words."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [sys.executable, "-m", "reassess.cli", "serve", "s", "--port", str(port), *options]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.wait(30)
        assert process.stderr is not None
        process.stderr.close()


def answers(url: str) -> str:
    """The page at an address, once somebody is there."""
    for _ in range(1_200):
        try:
            with urllib.request.urlopen(url, timeout=10) as page:  # noqa: S310 -- our own address
                return str(page.read().decode())
        except urllib.error.URLError as error:
            if isinstance(error, urllib.error.HTTPError):
                raise
            time.sleep(0.1)
    raise TimeoutError(url)


@pytest.mark.usefixtures("here")
def test_the_site_opens_and_knows_who_is_invited(cli: Cli) -> None:
    shutil.rmtree("photos")
    refused = cli("serve", "s")
    assert refused.status == 2
    assert "images" in refused.err
    Path("photos").mkdir()
    wanted = ("--votes-per-question", "3", "--stop", "learned", "--budget", "0.5")
    with served(*wanted) as (address, process):
        page = answers(address + "/")
        assert "<html" in page
        link = ran(cli, "invite", "s", "ann").out.split("\t")[1].strip()
        assert link.startswith(address + "/invite/")  # where it is served, unasked
        assert "<form" in answers(link)
        process.terminate()
        said = process.stderr.read()
    assert f"Serving at {address}/" in said
    assert "Warning: no image is there" in said
    assert "Give --budget 1.00 or more" in said
    line = next(line for line in said.splitlines() if "The site has no owner yet: " in line)
    typed = shlex.split(line.partition("reassess ")[2].replace("NAME", "boss"))
    assert ran(cli, *typed).out.startswith(f"boss\t{address}/invite/")
    assert link.rpartition("/")[2] not in said
    site = json.loads(ran(cli, "status", "s", "--json").out)["site"]
    assert (site["n_votes"], site["n_done"]) == (0, 0)
    assert f"0 of {site['n_questions']:,} questions done" in ran(cli, "status", "s").out
    with open_rating(open_study("s"), create=True) as store:
        budget = round(0.5 * 3 * rating.study_progress(store).n_questions)
        assert rating.settings_of(store) == Settings(votes_per_question=3, budget=budget)
        anna = rating.accept_invitation(store, rating.invite(store, "anna")).number
        assert "can be asked" not in ran(cli, "status", "s").out
        rating.pause(store, anna)
    nobody = f"no rater who is there can be asked: {site['n_questions']:,}. "
    assert nobody in ran(cli, "status", "s").out


@pytest.mark.usefixtures("here")
def test_votes_that_only_the_site_holds_are_to_be_exported_next(cli: Cli) -> None:
    answer_everything("all.csv")
    assert "votes export" not in ran(cli, "status", "s").out
    ran(cli, "votes", "import", "s", "all.csv")
    assert "reassess votes export s\n" in ran(cli, "status", "s").out
    ran(cli, "votes", "export", "s")
    assert "Next: reassess run s" in ran(cli, "status", "s").out
    Path("s").rename("my s")
    assert "Next: reassess run 'my s'\n" in ran(cli, "status", "my s").out


@pytest.mark.usefixtures("here")
def test_costs_are_measured_on_an_export_where_some_durations_are_unknown(cli: Cli) -> None:
    study = open_study("s")
    with open_rating(study, create=True) as store:
        sync(study, store)
        rating.change_settings(store, Settings(n_practice=0, n_qualification=0))
        ann = accept_invitation(store, rating.invite(store, "ann")).number
        for milliseconds in (2_000, None, 4_000):
            task = rating.next_task(store, ann)
            assert isinstance(task, rating.TaskLease)
            answer_all(store, ann, task, milliseconds=milliseconds)
    ran(cli, "votes", "export", "s")
    assert ",\n" in Path("s/votes.csv").read_text()
    assert "question" in ran(cli, "propose", "s", "--dry-run").out


@pytest.mark.usefixtures("here")
def test_a_study_with_its_own_question_says_that_it_never_stops_early(cli: Cli) -> None:
    change_settings(open_study("s"), "ask", {"question": "Is it mistaken?"})
    assert json.loads(ran(cli, "status", "s", "--json").out)["site"] is None
    with served("--stop", "learned") as (address, process):
        assert "<html" in answers(address + "/")
        process.terminate()
        assert "every question gets all its votes" in process.stderr.read()
    with open_rating(open_study("s"), create=True) as store:
        assert rating.settings_of(store).budget is None
