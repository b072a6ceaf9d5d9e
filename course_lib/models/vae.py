"""Variational auto-encoders: VAE (Kingma and Welling 2014), beta-VAE (Higgins et al. 2017), conditional VAE (Sohn et al. 2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.losses.variational import (
    bernoulli_log_likelihood,
    importance_bound,
    kl_to_standard_normal,
    normal_log_density,
    reparametrise,
)
from course_lib.models.system import System
from course_lib.nn import conv_decoder, conv_encoder

LIKELIHOODS = ("gaussian", "bernoulli")


def with_labels(x: Tensor, one_hot: Tensor | None) -> Tensor:
    """x (B, C, ...) with the labels (B, K) appended as K more channels, constant over the image; x itself when there are none."""
    if one_hot is None:
        return x
    planes = one_hot.reshape(*one_hot.shape, *[1] * (x.ndim - 2)).expand(-1, -1, *x.shape[2:])
    return torch.cat([x, planes], 1)


class VAE(System):
    """Encoder q(z|x) = N(mean, diag sigma^2), prior N(0, I), decoder p(x|z); trained on the ELBO, its KL term weighted by beta.

    encoder: (B, C [+ classes], H, W) -> (B, 2 latent); decoder: (B, latent [+ classes]) -> (B, C, H, W), raw.
    likelihood: "gaussian": the decoder gives the mean, one standard deviation is learned for all pixels; "bernoulli": it gives logits.
    classes: 0, or how many; then batches are (images, labels) and both networks see the label (a CVAE).
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        latent: int,
        *,
        likelihood: str = "gaussian",
        beta: float = 1.0,
        classes: int = 0,
        lr: float = 1e-3,
    ):
        super().__init__()
        if likelihood not in LIKELIHOODS:
            raise ValueError(f"likelihood is {likelihood!r}; it must be one of {', '.join(LIKELIHOODS)}")
        self.encoder, self.decoder = encoder, decoder
        self.latent, self.likelihood, self.beta, self.classes = latent, likelihood, beta, classes
        self.log_variance = nn.Parameter(torch.tensor(-2.0), requires_grad=likelihood == "gaussian")  # of a pixel given z
        self.optimiser = torch.optim.Adam(self.parameters(), lr=lr, fused=True)

    def one_hot(self, labels: Tensor | None) -> Tensor | None:
        """(B,) class numbers -> (B, classes); None for an unconditional model."""
        if bool(self.classes) != (labels is not None):
            raise ValueError(f"labels is {'given' if labels is not None else 'missing'}, but the model has {self.classes} classes")
        return None if labels is None else F.one_hot(labels, self.classes).float()

    def encode(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), (B, latent) each."""
        return self.encoder(with_labels(images, self.one_hot(labels))).chunk(2, 1)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The mean image of p(x|z), (B, C, H, W) in about [-1, 1]."""
        raw = self.decoder(with_labels(z, self.one_hot(labels)))
        return raw if self.likelihood == "gaussian" else 2 * torch.sigmoid(raw) - 1

    def log_likelihood(self, images: Tensor, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p(x|z), (B,), in nats."""
        raw = self.decoder(with_labels(z, self.one_hot(labels)))
        if self.likelihood == "gaussian":
            return normal_log_density(images, raw, self.log_variance)
        return bernoulli_log_likelihood(images, raw)

    def elbo_terms(self, images: Tensor, labels: Tensor | None = None, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """(log p(x|z) at one z from q(z|x), KL(q(z|x) || p(z))), (B,) each; their difference estimates the ELBO."""
        mean, log_variance = self.encode(images, labels)
        z = reparametrise(mean, log_variance, self.randn(*mean.shape, generator=generator))
        return self.log_likelihood(images, z, labels), kl_to_standard_normal(mean, log_variance)

    @torch.no_grad()
    def log_weights(self, images: Tensor, samples: int, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        """log p(x, z_k) - log q(z_k|x) for `samples` draws of z from q, (samples, B): what the importance-weighted bound needs."""
        if samples < 1:
            raise ValueError(f"samples is {samples}; it must be at least 1")
        mean, log_variance = self.encode(images, labels)
        rows = []
        for _ in range(samples):
            z = reparametrise(mean, log_variance, self.randn(*mean.shape, generator=generator))
            rows.append(self.log_likelihood(images, z, labels) + normal_log_density(z) - normal_log_density(z, mean, log_variance))
        return torch.stack(rows)

    def bound(self, images: Tensor, samples: int = 1, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Importance-weighted bound of log p(x), (B,), in nats."""
        return importance_bound(self.log_weights(images, samples, labels, generator))

    def step(self, batch, update) -> dict[str, Tensor]:
        images, labels = batch if self.classes else (batch, None)
        log_likelihood, kl = self.elbo_terms(images, labels)
        loss = (self.beta * kl - log_likelihood).mean()
        update(loss, self.optimiser)
        return {"loss": loss, "log_likelihood": log_likelihood.mean(), "kl": kl.mean()}

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None, labels: Tensor | None = None) -> Tensor:
        """Mean images of n latents from the prior. A conditional model without `labels` runs through its classes in turn."""
        if self.classes and labels is None:
            labels = torch.arange(n, device=self.device) % self.classes
        return self.decode(self.randn(n, self.latent, generator=generator), labels)

    @classmethod
    def example(cls):
        networks = conv_encoder(4, size=8, channels=4, width=4), conv_decoder(5, size=8, width=4)
        return cls(*networks, latent=2, classes=3), (torch.rand(6, 1, 8, 8), torch.zeros(6, dtype=torch.long))


def digit_vae(latent: int = 16, classes: int = 0, size: int = 28, width: int = 32, **options) -> VAE:
    """The convolutional VAE of the lessons, for grey images of `size` pixels."""
    encoder = conv_encoder(2 * latent, size, 1 + classes, width)
    return VAE(encoder, conv_decoder(latent + classes, size, 1, width), latent, classes=classes, **options)
