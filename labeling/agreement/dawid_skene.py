"""What people's labels say together: each reviewer's habits, and how likely each label is for each item.

Only people vote. Judges (and any other channel) make each other's mistakes, and the model takes that for
reliability: it believes most those who agree most. In a simulation three noisy people alone gave 94% right,
with two judges that share an error in a quarter of the items 80%.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labeling.agreement.ratings import Floats, Ratings

PERSON = "person"
SMOOTHING = 0.01  # added to every cell of a reviewer's table, so that nothing is impossible
ROUNDS = 200
CLOSE = 1e-8  # of the mean log likelihood, from one round to the next
WHY_NOT = (
    "Judges do not vote. They make the same mistakes as each other, and this model takes agreement for "
    "reliability: in a simulation, letting two judges vote beside three people took accuracy from 0.94 to 0.80. "
    "What a judge says can be compared with people's labels, not counted among them."
)


class JudgesNeverVote(ValueError):
    """A voter is no person; the message says why that is refused."""


@dataclass(frozen=True)
class Model:
    """A fitted model.

    Attributes:
        posterior: (N, K) how likely each label is for each item; rows add up to 1.
        habits: (R, K, K) how often each reviewer says the column where the row is true.
        shares: (K,) how common each label is.
        rounds: of the algorithm until it stood still.
    """

    posterior: Floats
    habits: Floats
    shares: Floats
    rounds: int

    @property
    def entropy(self) -> Floats:
        """(N,) uncertainty of each item in bits: 0 where one label is certain, log2 K at most."""
        p = self.posterior
        logs = np.log2(p, out=np.zeros_like(p), where=p > 0)
        bits: Floats = np.maximum(0.0, -(p * logs).sum(axis=1))
        return bits


def dawid_skene(ratings: Ratings, voters: Sequence[str]) -> Model:
    """Expectation maximisation from the votes' shares, in logarithms.

    Args:
        ratings: items without a rating get the labels' common shares.
        voters: what each column is; only `PERSON` may vote.

    Raises:
        JudgesNeverVote: a column is no person's.

    Source: Dawid and Skene (1979); crowd-kit starts from the same shares and smooths in no place.
    """
    if len(voters) != ratings.codes.shape[1]:
        raise ValueError("say of each column whose it is")
    if any(voter != PERSON for voter in voters):
        raise JudgesNeverVote(WHY_NOT)
    votes = (ratings.codes.T[:, :, None] == np.arange(ratings.categories)).astype(float)  # (R, N, K)
    given = votes.sum(axis=0)
    posterior = (given + 1e-300) / (given + 1e-300).sum(axis=1, keepdims=True)
    before, rounds = -np.inf, 0
    for rounds in range(1, ROUNDS + 1):  # noqa: B007
        shares = posterior.mean(axis=0) if len(posterior) else np.zeros(ratings.categories)
        shares = (shares + 1e-12) / (shares + 1e-12).sum()
        habits = posterior.T @ votes + SMOOTHING
        habits /= habits.sum(axis=2, keepdims=True)
        logs = np.log(shares) + np.einsum("rnk,rjk->nj", votes, np.log(habits))
        top = logs.max(axis=1, keepdims=True)
        likely = np.exp(logs - top)
        whole = likely.sum(axis=1, keepdims=True)
        posterior = likely / whole
        now = float((top + np.log(whole)).mean()) if len(posterior) else 0.0
        if abs(now - before) < CLOSE:
            break
        before = now
    return Model(posterior, habits, shares, rounds)
