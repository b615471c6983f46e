"""Gold by several experts, each blind; adjudication beside votes; class grids; the owner's acts."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from reassess import rating
from reassess.rating import Store
from tests.rating.conftest import (  # noqa: F401 -- fixtures: both databases
    server,
    sqlite_template,
    template,
    url,
)

from .conftest import EXAMPLES, FOLDERS, IMAGES, NAMES, PLAIN, Client
from .test_answering import answers_in

Enter = Callable[..., Client]


def task_of(page) -> str:  # type: ignore[no-untyped-def]
    """The address of the task on a page of gold."""
    return str(page.url.path)


def judge(expert: Client, value: int) -> str:
    """Judge the next task with one answer throughout; what the expert was sent."""
    page = expert.http.get("/gold/next")
    n = page.text.count("<fieldset")
    told = expert.post(task_of(page), **{f"answer-{place}": str(value) for place in range(n)})
    assert told.status_code == 303
    return str(page.text)


def test_experts_make_gold_blind_to_each_other_and_to_images_names(
    store: Store, sign_in: Enter, rater: Client
) -> None:
    rating.change_settings(store, replace(PLAIN, experts_per_gold=2))
    ada, ben = sign_in("ada", "expert"), sign_in("ben", "expert")
    for path in ("/gold", "/gold/next", "/gold/0", "/adjudicate", "/adjudicate/next"):
        assert rater.http.get(path).status_code == 403, path
    assert rater.post("/gold/choose", n="3").status_code == 403
    assert "Nothing is chosen yet" in ada.http.get("/gold").text
    assert "is unknown" in ada.post("/gold/choose", images="nowhere.jpg").text
    assert "2 more images" in ada.post("/gold/choose", images="\n".join(IMAGES[:2]) + "\n").text
    # Named, not drawn: the last image has no file, and experts pass over such an image.
    assert "3 more images" in ben.post("/gold/choose", images="\n".join(IMAGES[2:5])).text
    unasked = next(n for n in range(24) if ada.http.get(f"/gold/{n}").status_code == 422)
    assert ada.post(f"/gold/{unasked}", **{"answer-0": "2"}).status_code == 422
    sent = [judge(ada, 2) for _ in range(5)]
    assert "You have judged all that is chosen" in ada.http.get("/gold").text
    assert rating.gold(store) is None
    sent += [judge(ben, value) for value in (2, 2, 2, 0, 0)]
    for page in sent:
        assert not [one for one in (*FOLDERS, *EXAMPLES, "ada decided") if f"{one}/" in page]
        assert "checked" not in page.replace('id="keys-on" checked', "")
    progress = rating.gold_progress(store)
    assert (progress.n_chosen, progress.n_gold, progress.judged) == (5, 5, {"ada": 5, "ben": 5})
    assert 0 < progress.n_present < progress.n_questions
    assert progress.n_split == progress.n_questions - progress.n_present
    back = ben.http.get("/gold/last")
    assert len(re.findall(r'value="0" required checked', back.text)) >= 2
    n = back.text.count("<fieldset")
    ben.post(task_of(back), **{f"answer-{place}": "2" for place in range(n)})
    assert rating.gold_progress(store).n_present == progress.n_present + n
    assert ben.http.get(f"{task_of(back)}/back").url.path != task_of(back)
    images = [ben.http.get(f"/gold/{n}/image") for n in range(24)]
    assert "image/jpeg" in {got.headers.get("content-type") for got in images}


def test_gold_without_an_image_file_holds_no_expert_up_and_is_not_judged(
    store: Store, sign_in: Enter
) -> None:
    ada = sign_in("ada", "expert")
    gone = IMAGES[-1]  # it has no file
    rating.choose_gold(store, [gone, *IMAGES[:2]])
    waiting = rating.gold_waiting(store, ada.number)
    n_gone = sum(image_id == gone for _, image_id in waiting)
    assert 0 < n_gone < len(waiting)
    page = ada.http.get("/gold").text
    assert f"{len(waiting) - n_gone} images left for you" in page
    assert f"{n_gone} chosen image" in page
    met, path = [], "/gold/next"
    for _ in range(2 * (len(waiting) - n_gone)):  # skipped ones come again
        at = task_of(ada.http.get(path))
        met.append(int(at.rpartition("/")[2]))
        path = f"/gold/next?after={met[-1]}"
    have_file = [task for task, image_id in waiting if image_id != gone]
    assert met == have_file * 2
    number = next(task for task, image_id in waiting if image_id == gone)
    form = ada.http.get(f"/gold/{number}").text
    assert "There is no image file here" in form
    seal = re.search(r'name="seal" value="([^"]+)"', form)
    assert seal is not None
    n = form.count("<fieldset")
    answers = {f"answer-{place}": "2" for place in range(n)}
    assert ada.post(f"/gold/{number}", seal=seal[1], **answers).status_code == 422
    for _ in have_file:
        judge(ada, 2)
    assert rating.gold_progress(store).judged == {"ada": len(have_file)}
    assert ada.http.get("/gold/next").url.path == "/gold"
    assert "Nothing else is left for you" in ada.http.get("/gold").text


def test_fewer_experts_a_question_make_gold_of_what_they_judged(
    store: Store, sign_in: Enter
) -> None:
    boss = sign_in("boss", "owner")
    boss.post("/gold/choose", n="2")
    judge(boss, 2)
    assert rating.gold(store) is None
    refused = boss.post("/owner/settings", experts_per_gold="0", gold_rate="10")
    assert refused.status_code == 422
    assert "between 1 and 100" in refused.text
    assert "must be a number" in boss.post("/owner/settings", gold_rate="a few").text
    assert boss.post("/owner/settings", experts_per_gold="1", gold_rate="12.5").status_code == 200
    settings = rating.settings_of(store)
    assert (settings.experts_per_gold, settings.gold_rate) == (1, 0.125)
    assert rating.gold_progress(store).n_gold == 1
    rating.set_use(store, IMAGES[2:4], "retired")
    log = boss.http.get("/owner/audit").text
    assert "experts per gold: 3 → 1" in log
    assert f"{IMAGES[2]}, {IMAGES[3]}" in log
    assert "Earlier" not in log


def test_decisions_stand_beside_votes_that_stay(store: Store, sign_in: Enter) -> None:
    for name, value in (("one", 2), ("two", 0)):
        client = sign_in(name)
        while (task := client.task())["kind"] == "screen":
            client.answer(task, value)
    ada, ben = sign_in("ada", "expert"), sign_in("ben", "expert")
    before = [batch.answer.tolist() for batch in rating.vote_batches(store)]
    assert len(rating.to_adjudicate(store, ada.number)) == len(IMAGES) - 1  # one has no file
    image_id = rating.to_adjudicate(store, ada.number)[0].image_id
    page = ada.http.get("/adjudicate/next")
    boss = sign_in("boss", "owner")
    for shown in (page, ada.http.get("/adjudicate"), boss.http.get("/adjudicate")):
        assert not [one for one in FOLDERS[1:] if one in shown.text]  # folders name classes
    by_id = ada.http.get("/adjudicate/image", params={"id": image_id})
    assert by_id.url.path == page.url.path
    assert page.text.count("(yes, maybe, no)") == page.text.count("<fieldset")
    counts = rating.image_counts(store, image_id)
    first, second = counts.questions[:2]
    path = page.url.path
    note = "see <the> tail"
    told = ada.post(path, **{f"answer-{first.question}": "2", "note": note})
    assert told.headers["location"] == "/adjudicate/next"
    ben.post(path, **{f"answer-{first.question}": "0", f"answer-{second.question}": "1"})
    ada.post(path, **{f"answer-{first.question}": "0"})
    decided = {(one.expert, one.label): one.answer for one in rating.adjudications(store)}
    assert decided == {("ada", first.label): 0, ("ben", first.label): 0, ("ben", second.label): 1}
    assert rating.image_counts(store, image_id) == counts
    assert [batch.answer.tolist() for batch in rating.vote_batches(store)] == before
    assert len(rating.to_adjudicate(store, ada.number)) == len(IMAGES) - 2
    acts = [act for act in rating.audit_log(store) if act.action == "adjudicate"]
    assert [act.actor for act in acts] == ["ada", "ben", "ben", "ada"]
    assert acts[-1].detail == {
        "image": image_id, "label": first.label, "answer": "yes", "note": note,
    }  # fmt: skip
    assert "see &lt;the&gt; tail" in boss.http.get("/owner/audit").text
    assert (
        ada.post(path, **{f"answer-{first.question}": "2", "note": "x" * 1001}).status_code == 422
    )
    assert ada.http.get("/adjudicate/image?id=..%2Fnowhere").status_code == 422
    rating.choose_gold(store, [IMAGES[0], IMAGES[1]])
    assert len(rating.to_adjudicate(store, ada.number)) == len(
        {one.image_id for one in rating.to_adjudicate(store, ada.number)} - set(IMAGES[:2])
    )


def test_an_owner_withdraws_images_and_unchooses_gold_by_forms(
    store: Store, sign_in: Enter, rater: Client
) -> None:
    boss = sign_in("boss", "owner")
    task = rater.task()
    image_id = rating.leased_task(store, rater.number, task["lease"]).image_id
    for path, given, words in (
        ("withdraw", {"images": "nowhere.jpg"}, "nowhere.jpg"),
        ("withdraw", {"images": " \n"}, "images is empty"),
        ("withdraw", {"code": "ffffffff"}, "is unknown"),
        ("unchoose", {"images": f"{IMAGES[0]}\nno"}, "no"),
    ):
        answer = boss.post(f"/owner/images/{path}", **given)
        assert (answer.status_code, words in answer.text) == (422, True), answer.text[:3000]
    done = boss.post("/owner/images/withdraw", images=image_id.split("/")[1], reason="a face")
    assert "1 image is withdrawn: nobody is asked about it" in done.text
    assert rating.withdrawn_images(store) == (image_id,)
    assert rater.http.get(f"/screens/{task['lease']}/image").status_code in (404, 410)
    assert f'value="{image_id}"' in boss.http.get("/owner").text
    assert rating.audit_log(store)[0].detail == {"images": [image_id], "reason": "a face"}
    assert rating.audit_log(store)[0].actor == "boss"
    done = boss.post("/owner/images/restore", images=image_id)
    assert "put back: it is asked about again" in done.text
    assert rating.withdrawn_images(store) == ()

    rating.choose_gold(store, IMAGES[:2])
    done = boss.post("/owner/images/unchoose", images="\n".join(IMAGES[:2]))
    assert "2 images are no gold any more" in done.text
    assert rating.gold_progress(store).n_chosen == 0

    code = re.search(r"/adjudicate/(\w{8})", adjudicated(boss, store))
    assert code
    ada = sign_in("ada", "expert")
    assert "Withdraw the image" not in ada.http.get(f"/adjudicate/{code[1]}").text
    assert "Withdraw the image" in boss.http.get(f"/adjudicate/{code[1]}").text
    assert ada.post("/owner/images/withdraw", code=code[1]).status_code == 403
    boss.post("/owner/images/withdraw", code=code[1])
    assert len(rating.withdrawn_images(store)) == 1


def adjudicated(owner: Client, store: Store) -> str:
    """The address of an image's page of votes, at which an owner arrives by its id."""
    shown = owner.http.get("/adjudicate/image", params={"id": IMAGES[4]})
    assert shown.status_code == 200
    assert rating.withdrawn_images(store) == ()
    return str(shown.url)


def test_a_grid_is_swept_with_plain_forms_and_corrected(
    store: Store, rater: Client, sign_in: Enter
) -> None:
    assert "First some images one by one" in rater.http.get("/sweep/0").text
    rater.post("/pause", leases=str(rater.task()["lease"]))
    page = rater.http.get("/sweep").text
    assert page.count("10 or more open") == 4
    grid = rater.http.get("/sweep/2").text
    leases = re.findall(r'data-lease="(\d+)"', grid)
    assert len(leases) == 12
    assert NAMES[2] not in grid  # but escaped
    assert not [one for one in FOLDERS if f"{one}/" in grid]
    got = rater.http.get(f"/screens/{leases[0]}/image?size=small")
    assert got.headers["content-type"] == "image/jpeg"
    assert sign_in("other").http.get(f"/screens/{leases[0]}/image").status_code == 404
    said = {
        f"answer-{leases[0]}": "2",
        f"answer-{leases[1]}": "x",
        f"milliseconds-{leases[0]}": "700",
    }
    sent = said | {"leases": ",".join(leases[:5]), "key": "once", "rest": "0"}
    told = rater.post("/sweep/2", **sent)
    again = told.headers["location"]
    assert again == f"/sweep/2?before={','.join(leases[:5])}"
    assert rater.post("/sweep/2", **sent).headers["location"] == again  # sent twice, stored once
    assert sorted(answers_in(store, "rater-1")) == [0, 0, 0, 2]
    assert rating.remarks(store)[0].kind == "cannot see"
    rest = rater.http.get(again).text
    assert re.findall(r'data-lease="(\d+)"', rest) == leases[5:]
    link = re.search(r'href="(/sweep/2/again\?leases=[\d,]+)"', rest)
    assert link
    earlier = rater.http.get(link[1]).text
    assert earlier.count(" checked") == 4 + 1  # and the box about keys
    rater.post("/sweep/2", **{f"answer-{leases[0]}": "1", "leases": leases[0], "key": "more"})
    rater.post("/sweep/2", leases=",".join(leases[5:]), key="rest", rest="0")
    assert sorted(answers_in(store, "rater-1")) == [0] * 10 + [1]
    assert "This class is done" in rater.http.get("/sweep/2").text
    assert rater.http.get("/sweep/2/again?leases=999999").status_code == 404
    assert rating.audit(store) == ()


def test_an_owner_sets_votes_aside_and_takes_them_back(
    store: Store, rater: Client, sign_in: Enter
) -> None:
    for _ in range(3):
        rater.answer(rater.task())
    out = rater.task()
    boss = sign_in("boss", "owner")
    path = f"/owner/raters/{rater.number}"
    assert "Exclude the votes" in boss.http.get(path).text
    n_votes = rating.study_progress(store).n_votes
    told = boss.post(f"{path}/set-aside", reason="asleep", **{"from": "rater"})
    assert told.headers["location"] == path
    progress = rating.study_progress(store)
    assert (progress.n_votes, progress.n_leases) == (0, 0)
    assert rater.api(f"/api/screens/{out['lease']}/answers", {"key": "k"}).status_code == 403
    page = boss.http.get(path).text
    assert "Restore the votes" in page
    assert "asleep" in boss.http.get("/owner").text
    boss.post(f"{path}/take-back")
    assert rating.study_progress(store).n_votes == n_votes
    assert rater.http.get(path).status_code == 403
    assert rater.post("/owner/settings", gold_rate="50").status_code == 403
    assert boss.http.get("/owner/raters/99999").status_code == 403


@pytest.mark.parametrize("hours", [[0], [0, 3, 30], [0, 30, 24 * 40], [0, 24 * 400]])
def test_a_chart_has_every_answer_once_and_a_bar_for_every_step(hours: list[int]) -> None:
    from datetime import UTC, datetime, timedelta

    from reassess.web.charts import HEIGHT, WIDTH, answers_over_time

    start = datetime(2026, 2, 27, 5, tzinfo=UTC)
    work = [rating.Work(start + timedelta(hours=h), 10 + i, 5) for i, h in enumerate(hours)]
    chart = answers_over_time(work)
    assert chart is not None
    is_long = hours[-1] > 24 * 120
    assert sum(bar.value for bar in chart.bars) == sum(w.n_answers for w in work[is_long:])
    assert chart.unit == ("hour" if hours[-1] < 48 else "day")
    assert max(bar.height for bar in chart.bars) == HEIGHT
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH + 1e-9 for bar in chart.bars)
    assert 12 <= len(chart.bars) <= 120
    assert f"{chart.most:,}" in chart.summary
    assert answers_over_time([]) is None
