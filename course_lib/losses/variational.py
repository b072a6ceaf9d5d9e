"""The terms of variational bounds, one value per item of the batch, in nats."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def reparametrise(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """mean + sigma * noise: a sample of N(mean, sigma^2) that is differentiable in both. Kingma and Welling 2014, section 2.4."""
    return mean + (0.5 * log_variance).exp() * noise


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL( N(mean, diag sigma^2) || N(0, I) ), summed over the dimensions: (B, d), (B, d) -> (B,). Kingma and Welling 2014, appendix B."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).flatten(1).sum(1)


def normal_log_density(x: Tensor, mean: Tensor | float = 0.0, log_variance: Tensor | float = 0.0) -> Tensor:
    """log N(x; mean, diag sigma^2), summed over all but the first dimension: (B, ...) -> (B,). Parameters broadcast."""
    log_variance = torch.as_tensor(log_variance, dtype=x.dtype, device=x.device)
    terms = (x - mean).square() * (-log_variance).exp() + log_variance + math.log(2 * math.pi)
    return -0.5 * terms.expand_as(x).flatten(1).sum(1)


def bernoulli_log_likelihood(x: Tensor, logits: Tensor) -> Tensor:
    """log-likelihood of pixels x in [-1, 1], read as probabilities (x + 1) / 2 of ink, under independent Bernoullis: (B, ...) -> (B,)."""
    return -F.binary_cross_entropy_with_logits(logits, (x + 1) / 2, reduction="none").flatten(1).sum(1)


def importance_bound(log_weights: Tensor) -> Tensor:
    """log of the mean of K importance weights, (K, B) -> (B,): a lower bound of log p(x) that rises with K.

    log_weights: log p(x, z_k) - log q(z_k | x) for z_k drawn from q; K = 1 gives the ELBO. Burda et al. 2016, eq. 8.
    """
    return log_weights.logsumexp(0) - math.log(len(log_weights))
