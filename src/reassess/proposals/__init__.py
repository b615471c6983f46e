"""From predictions to proposals: which (image, class) pairs are worth asking about.

=================  ===============================================================
`paper_rule`       the paper's rule: the largest logits and probabilities of at least two
                   models, the original label, and every model's top prediction
`shortlists`       what that rule takes of one model, streamed from disk by `kernels`
`choice`           the subset of models that gold questions speak for, found by `subsets`
`learned`          proposals by learned probability; `evidence`, `vote_features`,
                   `companions` are what it learns from, `truth`, `classifiers` and
                   `calibration` how
`unseen`           how many valid labels no model lists
`tasks`            questions to screens; `partition` finds the parts
`cost`             hours and money
=================  ===============================================================

Does not ask anybody: whoever answers `Questions` does.
"""

from reassess.proposals.choice import ModelChoice, Subset, choose_models
from reassess.proposals.cost import SAVINGS, Cost, rating_cost, seconds_per_question
from reassess.proposals.evidence import NOT_LISTED, Evidence, gather_evidence
from reassess.proposals.learned import LearnedProposals, learn_proposals
from reassess.proposals.paper_rule import (
    image_of_rows,
    lists_of,
    of_models,
    pool,
    propose,
    questions_of,
    what_is_lost,
)
from reassess.proposals.shortlists import ListedPairs, Scan, ScanShard
from reassess.proposals.tasks import split_into_tasks
from reassess.proposals.unseen import Unseen, unseen_labels

__all__ = [
    "NOT_LISTED",
    "SAVINGS",
    "Cost",
    "Evidence",
    "LearnedProposals",
    "ListedPairs",
    "ModelChoice",
    "Scan",
    "ScanShard",
    "Subset",
    "Unseen",
    "choose_models",
    "gather_evidence",
    "image_of_rows",
    "learn_proposals",
    "lists_of",
    "of_models",
    "pool",
    "propose",
    "questions_of",
    "rating_cost",
    "seconds_per_question",
    "split_into_tasks",
    "unseen_labels",
    "what_is_lost",
]
