"""Invitations, passwords, roles."""

import pytest

from reassess.errors import AlignmentError, DataError, OptionError
from reassess.rating import (
    Answer,
    InvitationError,
    NoTask,
    RaterError,
    Submission,
    accept_invitation,
    add_questions,
    audit,
    audit_log,
    change_role,
    choose_gold,
    close,
    holds_image,
    image_counts,
    invite,
    is_withdrawn,
    judge,
    next_class_grid,
    next_gold_task,
    next_task,
    open_invitations,
    pause,
    rater,
    rater_named,
    rater_progress,
    raters_of,
    remove,
    resume,
    revoke_invitation,
    set_password,
    sign_in,
    sign_out_everywhere,
    study_progress,
    submit,
)

from .play import questions


def test_an_invitation_works_once_and_for_a_while(store, clock):
    token = invite(store, "ann", "expert", seconds=60)
    ann = accept_invitation(store, token)
    assert (ann.name, ann.role, ann.has_password) == ("ann", "expert", False)
    with pytest.raises(InvitationError):
        accept_invitation(store, token)
    late = invite(store, "ann", "expert", seconds=60)
    clock.wait(61)
    for dead in (token, late, "guessed", ""):
        with pytest.raises(InvitationError, match="unknown, used or out of date"):
            accept_invitation(store, dead)
    with pytest.raises(RaterError, match="is there as expert"):
        invite(store, "ann", "owner")
    assert [act.action for act in audit_log(store)][:2] == ["invite", "invite"]
    with store.database.read() as connection:
        from sqlalchemy import select

        from reassess.rating.schema import invitations

        hashes = connection.execute(select(invitations.c.token_hash)).scalars().all()
    assert token not in hashes
    assert len(hashes) == 2


def test_a_password_signs_in_and_a_new_one_voids_cookies(store):
    bob = accept_invitation(store, invite(store, "bob"))
    assert sign_in(store, "bob", "correct horse") is None
    changed = set_password(store, bob.number, "correct horse")
    assert changed.epoch != bob.epoch
    assert sign_in(store, "bob", "correct horse") == changed
    assert sign_in(store, "bob", "wrong horse!") is None
    assert sign_in(store, "nobody", "correct horse") is None
    sign_out_everywhere(store, bob.number)
    assert rater(store, bob.number).epoch not in (changed.epoch, bob.epoch)
    with pytest.raises(DataError, match="10"):
        set_password(store, bob.number, "short")
    assert rater_named(store, "bob").number == bob.number
    assert rater_named(store, "'; DROP TABLE raters; --") is None
    assert [person.name for person in raters_of(store)] == ["bob"]


def test_access_ends_for_every_role_and_an_owner_is_left(store):
    ann, bob = (accept_invitation(store, invite(store, one, "owner")) for one in ("ann", "bob"))
    pause(store, bob.number, by=ann.number)
    assert rater(store, bob.number).epoch == bob.epoch  # the session lives
    for act in (
        lambda: invite(store, "friend", "owner", by=bob.number),
        lambda: resume(store, bob.number, by=bob.number),
        lambda: choose_gold(store, 1, seed=0, by=bob.number),
        lambda: close(store, by=bob.number),
        lambda: next_gold_task(store, bob.number),
        lambda: remove(store, ann.number, by=ann.number),
    ):
        with pytest.raises(RaterError, match=r"paused|you"):
            act()
    for act in (pause, remove, lambda s, n: change_role(s, n, "rater")):
        with pytest.raises(OptionError, match="only owner"):
            act(store, ann.number)
    assert rater_named(store, "friend") is None
    resume(store, bob.number, by=ann.number)
    set_password(store, bob.number, "correct horse")
    before = rater(store, bob.number).epoch
    change_role(store, bob.number, "expert", by=ann.number)
    demoted = rater(store, bob.number)
    assert (demoted.role, demoted.epoch != before) == ("expert", True)
    link = invite(store, "bob", "expert")
    (listed,) = open_invitations(store)
    assert (listed.rater, listed.role, listed.handle in link) == ("bob", "expert", False)
    remove(store, bob.number, by=ann.number, reason="left")
    assert open_invitations(store) == ()
    assert sign_in(store, "bob", "correct horse") is None
    with pytest.raises(InvitationError):
        accept_invitation(store, link)
    with pytest.raises(RaterError, match="removed"):
        judge(store, bob.number, {})
    back = accept_invitation(store, invite(store, "bob", "expert"))
    assert (back.is_removed, back.epoch != demoted.epoch) == (False, True)
    link = invite(store, "eve")
    assert revoke_invitation(store, open_invitations(store)[0].handle, by=ann.number) == "eve"
    for handle in ("0" * 12, "%", "", "nul\0"):
        with pytest.raises(OptionError, match="not open"):
            revoke_invitation(store, handle)
    with pytest.raises(InvitationError):
        accept_invitation(store, link)
    assert audit(store) == ()


def test_whoever_is_removed_gets_and_gives_nothing_any_more(store):
    """As by a request that came in just before."""
    add_questions(store, questions(4, 2))
    rita = accept_invitation(store, invite(store, "rita")).number
    task = next_task(store, rita)
    asked = Submission(task.lease, "k", tuple(Answer(q.question, 2) for q in task.questions))
    remove(store, rita)
    with pytest.raises(RaterError, match="removed"):
        submit(store, rita, asked)
    assert next_task(store, rita) == next_class_grid(store, rita, 0) == NoTask("paused")
    assert study_progress(store).n_votes == 0
    assert audit(store) == ()


@pytest.mark.parametrize("name", ["", " x", "a\nb", "x" * 201, "nul\0"])
def test_names_that_no_table_can_hold_are_refused(store, name):
    with pytest.raises(DataError, match="rater name"):
        invite(store, name)


@pytest.mark.parametrize("text", ["nul\0", "half \ud800", "'; --"])
def test_texts_that_no_database_can_hold_are_nobody_and_nothing(store, text):
    assert rater_named(store, text) is None
    assert sign_in(store, text, text) is None
    assert not holds_image(store, 1, text)
    assert not is_withdrawn(store, text)
    with pytest.raises(InvitationError):
        accept_invitation(store, text)
    with pytest.raises(AlignmentError):
        image_counts(store, text)
    for number in (2**31, 10**30, -1):
        with pytest.raises(RaterError):
            next_task(store, number)
        for ask in (rater, rater_progress):
            with pytest.raises(RaterError):
                ask(store, number)
