"""From predictions to proposals: which (image, class) pairs are worth asking about.

=================  ===============================================================
`rules`            the rules by name, from records to proposals; READ THIS FIRST
`paper_rule`       the paper's rule: the largest logits and probabilities of at least two
                   models, the original label, and every model's top prediction
`top_lists`        what that rule takes of one model; full scores are streamed from disk by
                   `scans`, in the compiled loops of `kernels`
`model_selection`  the subset of models that gold questions speak for, found by `subsets`
`learned`          proposals by learned probability; `model_votes`, `vote_features`,
                   `cooccurrence` are what it learns from, `known_truth`, `classifiers` and
                   `calibration` how
`learning_curve`   what the learned rule is worth after so many images
`missing_labels`   how many valid labels no model lists
`tasks`            questions to screens; `partition` finds the parts
`cost`             hours and money
=================  ===============================================================

Asks no questions (`reassess.rating` does), and aggregates no votes.
"""

from reassess.proposals.cost import SAVINGS, Cost, rating_cost, seconds_per_question
from reassess.proposals.learned import LearnedProposals, learn_proposals
from reassess.proposals.learning_curve import LearningCurve, LearningPoint, learning_curve
from reassess.proposals.missing_labels import (
    MissingLabelRange,
    MissingLabels,
    estimate_missing_labels,
    missing_label_range,
)
from reassess.proposals.model_selection import ModelChoice, Subset, choose_models
from reassess.proposals.model_votes import NOT_LISTED, ModelVotes, collect_model_votes
from reassess.proposals.paper_rule import (
    available_lists,
    build_questions,
    default_pairs_per_model,
    image_per_row,
    missing_list_reason,
    pool_lists,
    propose,
    restrict_to_models,
    shards_to_scan,
)
from reassess.proposals.rules import (
    RULES,
    ProposalInputs,
    ProposalResult,
    ProposalRule,
    ProposeOptions,
    apply_rule,
)
from reassess.proposals.scans import ListedPairs, Scan, ScanShard, scan
from reassess.proposals.tasks import PER_TASK, split_into_tasks

__all__ = [
    "NOT_LISTED",
    "PER_TASK",
    "RULES",
    "SAVINGS",
    "Cost",
    "LearnedProposals",
    "LearningCurve",
    "LearningPoint",
    "ListedPairs",
    "MissingLabelRange",
    "MissingLabels",
    "ModelChoice",
    "ModelVotes",
    "ProposalInputs",
    "ProposalResult",
    "ProposalRule",
    "ProposeOptions",
    "Scan",
    "ScanShard",
    "Subset",
    "apply_rule",
    "available_lists",
    "build_questions",
    "choose_models",
    "collect_model_votes",
    "default_pairs_per_model",
    "estimate_missing_labels",
    "image_per_row",
    "learn_proposals",
    "learning_curve",
    "missing_label_range",
    "missing_list_reason",
    "pool_lists",
    "propose",
    "rating_cost",
    "restrict_to_models",
    "scan",
    "seconds_per_question",
    "shards_to_scan",
    "split_into_tasks",
]
