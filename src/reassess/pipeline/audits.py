"""What is audited: random samples of skipped images and of a new model's unasked predictions.

The stage draws skipped images; a new model's predictions are drawn on demand (`draw_newcomer`) and
stay drawn whenever the stage runs again. What is drawn is `reassess.proposals.audits`'.

Letters: N images.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from reassess.engines import Engine
from reassess.notes import note
from reassess.pipeline.stage import Made
from reassess.progress import Progress, null_progress
from reassess.proposals import ProposeOptions, build_questions
from reassess.proposals.audits import (
    default_n_skipped,
    draw_distractors,
    draw_skipped,
    draw_unasked,
    n_skipped_drawn,
    no_audit,
    skipped_pairs,
    still_unasked,
    unasked_pairs,
)
from reassess.records import Audit, Benchmark, Gold, Pairs, Predictions, Proposals, Tasks, Votes
from reassess.scoring import known_original


@dataclass(frozen=True, slots=True)
class AuditSource:
    """What an audit can draw from, and what was drawn so far.

    Attributes:
        original: the original label of each image.
        proposals: the pairs worth asking about, of all images, rated or not.
        asked: what is asked about beside the audit: what the rule asks, and what has votes.
        skipped: every other image with its original label.
        has_gold: images that experts have judged, which are not drawn.
        votes: every pair with a vote.
        audit: what was drawn before and is not asked about otherwise by now; None for nothing.
    """

    original: Int[np.ndarray, "N"]
    proposals: Pairs
    asked: Pairs
    skipped: Pairs
    has_gold: Bool[np.ndarray, "N"]
    votes: Pairs
    audit: Audit | None

    @classmethod
    def of(
        cls,
        proposals: Proposals,
        benchmark: Benchmark,
        *,
        gold: Gold | None = None,
        votes: Votes | None = None,
        audit: Audit | None = None,
    ) -> "AuditSource":
        """What the records of a study leave to be drawn from.

        Raises:
            DataError: the benchmark has no original labels, or votes are about no pairs.
            AlignmentError: proposals, gold, votes or the audit are about unknown images.
        """
        ids, original = benchmark.image_ids, known_original(benchmark)
        every = proposals.pairs.numbered_by(benchmark.classes, source="proposals")
        every = every.aligned_to(ids, source="proposals")
        asked, voted = wanted_pairs(proposals, benchmark), Pairs.empty(ids)
        has_gold = np.zeros(len(ids), dtype=bool)
        if gold is not None:
            known = gold.questions.require_pairs("gold")
            has_gold[known.aligned_to(ids, source="gold").image] = True
        if audit is not None:
            audit = audit.numbered_by(benchmark.classes).aligned_to(ids)
        if votes is not None:
            voted = votes.questions.require_pairs("votes").aligned_to(ids, source="votes")
            voted = voted.numbered_by(benchmark.classes, source="votes")
            beside = voted.take(~voted.is_in(asked) & ~_is_audited(voted, audit))
            asked = Pairs.concatenate([asked, beside])
        if audit is not None:
            audit = still_unasked(audit, asked)
        rated = np.zeros(len(ids), dtype=bool)
        rated[asked.image] = True
        skipped = skipped_pairs(ids, original, rated)
        skipped = skipped.numbered_by(benchmark.classes, source="audit")
        return cls(original, every, asked, skipped, has_gold, voted, audit)

    def with_distractors(self, drawn: Audit | None, seed: int) -> Audit:
        """What is drawn, as it is asked about."""
        if drawn is None or not drawn.strata:
            return no_audit(self.proposals.image_ids)
        return draw_distractors(drawn, self.audit, self.asked, self.proposals, self.original, seed)

    def without_judged(self) -> Audit | None:
        """What was drawn before, less the images that experts have judged and no rater has."""
        if self.audit is None:
            return None
        return self.audit.take(~(self.audit.is_whole & self.is_judged[self.audit.pairs.image]))

    @property
    def is_judged(self) -> Bool[np.ndarray, "N"]:
        """Which images experts have judged and no rater has answered."""
        found = self.has_gold.copy()
        found[self.votes.image] = False
        return found

    @property
    def is_answered(self) -> bool:
        """Whether a skipped image that is drawn has a vote."""
        audit = self.audit
        if audit is None:
            return False
        drawn = audit.pairs.image[audit.drawn & audit.is_whole]
        return bool(np.isin(self.votes.image, drawn).any())


def _is_audited(pairs: Pairs, audit: Audit | None) -> Bool[np.ndarray, "P"]:
    """Which pairs are asked about because an audit drew them, or their image."""
    if audit is None:
        return np.zeros(len(pairs), dtype=bool)
    drawn = audit.pairs.take(audit.drawn)
    found: Bool[np.ndarray, "P"] = pairs.is_in(drawn) | np.isin(
        pairs.image, drawn.image[audit.is_whole[audit.drawn]]
    )
    return found


def make_audit(
    *,
    proposals: Proposals,
    benchmark: Benchmark,
    gold: Gold | None = None,
    votes: Votes | None = None,
    audit: Audit | None = None,
    tasks: Tasks | None = None,
    options: ProposeOptions,
    engine: Engine | None = None,
    progress: Progress = null_progress,
) -> Made[Audit]:
    """Skipped images that are asked about all the same, drawn at random.

    What was drawn before stays drawn, unless nothing of it is answered and the options want none.
    Where questions were made before there was an audit, none is drawn unless the options say how
    many: they may be answered by now. Images that experts have judged are not drawn; those that
    they judge afterwards are let go as long as no rater has answered.

    Args:
        proposals: the pairs worth asking about, and which images are rated.
        benchmark: the images and their original labels.
        gold: what experts have judged.
        votes: what was answered so far.
        audit: what was drawn before.
        tasks: the questions before.
        options: how many are drawn, and the seed.
        engine: not used: the work is small.
        progress: told when it begins.

    Raises:
        DataError: the benchmark has no original labels.
        AlignmentError: the proposals are about unknown images.
    """
    del engine
    progress("drawing skipped images to audit")
    source = AuditSource.of(proposals, benchmark, gold=gold, votes=votes, audit=audit)
    found = source.without_judged()
    n_known = 0 if found is None else n_skipped_drawn(found)
    wanted = options.audit
    if wanted is None:
        begun = tasks is not None and (audit is None or not audit.is_whole.any())
        # Where the rule asks nothing there is no study that skips anything.
        nothing = not len(source.asked)
        wanted = 0 if begun or nothing else default_n_skipped(len(source.skipped))
    if wanted == 0 and found is not None and n_known:
        if source.is_answered:
            note(
                f"audit: {n_known:,} skipped images were drawn before and some are answered, so "
                "they stay."
            )
        else:
            found, n_known = found.take(~found.is_whole), 0
    if wanted:
        found = draw_skipped(
            source.skipped, max(wanted, n_known), options.audit_seed, found, never=source.has_gold
        )
    made = source.with_distractors(found, options.audit_seed)
    n_drawn = n_skipped_drawn(made) if made.strata else 0
    return Made(
        made,
        f"{n_drawn:,} of {len(source.skipped):,} skipped images drawn to be asked about",
    )


def draw_newcomer(
    source: AuditSource, newcomer: Predictions, *, n_unasked: int, seed: int
) -> Audit:
    """What is audited once so many of a new model's unasked top predictions are drawn in all.

    Args:
        source: what can be drawn from.
        newcomer: the model.
        n_unasked: how many to have drawn, or all that there are.
        seed: of the draw.

    Raises:
        AlignmentError: the model did not predict every image.
        OptionError: the number is negative.
    """
    ids, skipped = source.proposals.image_ids, source.skipped
    known = [source.asked, skipped.take(~skipped.is_in(source.asked))]
    top = newcomer.reindex(ids).top
    unasked = unasked_pairs(ids, top, Pairs.concatenate(known))
    # Raters practise on skipped images with gold, so that these are not drawn.
    practised = np.zeros(len(ids), dtype=bool)
    practised[skipped.image] = source.has_gold[skipped.image]
    if source.audit is not None:
        practised[source.audit.pairs.image[source.audit.is_whole]] = False
    unasked = unasked.take(~practised[unasked.image])
    drawn = draw_unasked(newcomer.model, unasked, skipped, n_unasked, seed, source.audit)
    return source.with_distractors(drawn, seed)


def wanted_pairs(proposals: Proposals, benchmark: Benchmark) -> Pairs:
    """The pairs that are asked about by the rule, of the benchmark's images."""
    if proposals.pairs.image_ids is benchmark.image_ids:  # no image has to be looked up
        pairs = proposals.pairs.numbered_by(benchmark.classes, source="proposals")
        return pairs.take(proposals.rated[pairs.image])
    questions = build_questions(proposals).numbered_by(benchmark.classes, source="proposals")
    return questions.require_pairs().aligned_to(benchmark.image_ids, source="questions")


__all__ = ["AuditSource", "draw_newcomer", "make_audit", "wanted_pairs"]
