"""Who is right when raters disagree: Dawid and Skene's model on simulated raters."""

import numpy as np

from reassess import DawidSkene, majority
from reassess.records import Pairs, Questions
from reassess.simulate import simulate_votes, simulated_raters

rng = np.random.default_rng(0)
n_questions = 2_000
pairs = Pairs(
    image_ids=np.array([f"{i}.png" for i in range(n_questions)]),
    image=np.arange(n_questions),
    label=np.zeros(n_questions, dtype=int),
)
truth = rng.random(n_questions) < 0.3
confusion = simulated_raters(12, rng)
votes = simulate_votes(Questions.from_pairs(pairs), truth, confusion, rng=rng)

model = DawidSkene().fit(votes)
for name, present in (("majority", majority(votes).present), ("model", model.posterior_.present)):
    print(f"{name:>8}: {((present > 0.5) == truth).mean():.1%} of the questions right")
print(f"converged after {model.n_iter_} iterations: {model.converged_}")
