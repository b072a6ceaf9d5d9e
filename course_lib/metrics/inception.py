"""Inception score, on the logits of any classifier."""

import numpy as np
import torch
from torch import Tensor

from course_lib.metrics.checks import Spread, matrix


def inception_score(logits: Tensor) -> float:
    """exp of the mean divergence KL(p(y|x) || p(y)) (Salimans et al. 2016), between 1 and the number of classes; larger is better.

    logits: (N, classes), raw; p(y|x) is their softmax and p(y) its mean over the N samples. It is the exponential of the mutual
    information of image and label, and never looks at real data. Raises ValueError for another rank, no samples, NaN.
    """
    logits = matrix("logits", logits, least=1)
    log_p = logits.log_softmax(1)
    p = log_p.exp()
    marginal = p.mean(0)
    entropy = -torch.special.xlogy(marginal, marginal).sum()  # of p(y); xlogy gives 0 where the probability is 0
    conditional = -(p * log_p).sum(1).mean()  # mean entropy of p(y|x)
    return (entropy - conditional).exp().item()


def inception_score_splits(logits: Tensor, splits: int = 10, seed: int = 2020) -> Spread:
    """Mean and standard deviation of `inception_score` over parts of the set, as papers report it, shuffled as torch-fidelity does."""
    logits = matrix("logits", logits, least=1)
    if not 1 <= splits <= len(logits):
        raise ValueError(f"splits is {splits}; it must be between 1 and the number of samples, {len(logits)}")
    order = torch.from_numpy(np.random.RandomState(seed).permutation(len(logits)))  # noqa: NPY002  torch-fidelity's draw
    logits = logits[order.to(logits.device)]
    ends = [i * len(logits) // splits for i in range(splits + 1)]
    values = torch.tensor([inception_score(logits[a:b]) for a, b in zip(ends, ends[1:], strict=False)], dtype=torch.float64)
    return Spread(values.mean().item(), values.std(correction=0).item())
