"""From predictions to proposals: which (image, class) pairs are worth asking about.

============  ===================================================================
`paper_rule`  the paper's rule: the largest scores of at least two models, the
              original label, and every model's top prediction
============  ===================================================================

Does not ask anybody: whoever answers `Questions` does. Needs NumPy only.
"""

from reassess.proposals.paper_rule import propose, questions_of

__all__ = ["propose", "questions_of"]
