"""The variational terms against torch.distributions, and the bound where it is known exactly."""

import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn
from torch.distributions import Bernoulli, Normal, kl_divergence

from course_lib.losses import variational
from course_lib.models.vae import VAE, digit_vae, with_labels
from course_lib.nn import mlp
from course_lib.training import fit


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_kl_is_torchs(generator):
    mean, log_variance = torch.randn(2, 7, 5, generator=generator).unbind()
    reference = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(variational.kl_to_standard_normal(mean, log_variance), reference, atol=1e-6)


def test_normal_log_density_is_torchs(generator):
    x, mean, log_variance = torch.randn(3, 7, 2, 4, generator=generator).unbind()
    reference = Normal(mean, (0.5 * log_variance).exp()).log_prob(x).flatten(1).sum(1)
    assert torch.allclose(variational.normal_log_density(x, mean, log_variance), reference, atol=1e-4)
    assert torch.allclose(variational.normal_log_density(x), Normal(0.0, 1.0).log_prob(x).flatten(1).sum(1), atol=1e-5)


def test_bernoulli_log_likelihood_is_torchs(generator):
    x = (torch.rand(5, 1, 3, 3, generator=generator) < 0.5).float() * 2 - 1
    logits = torch.randn(5, 1, 3, 3, generator=generator)
    reference = Bernoulli(logits=logits).log_prob((x + 1) / 2).flatten(1).sum(1)
    assert torch.allclose(variational.bernoulli_log_likelihood(x, logits), reference, atol=1e-5)


def test_reparametrised_gradient_of_a_known_mean():
    mean, log_variance = torch.tensor([0.3], requires_grad=True), torch.tensor([0.2], requires_grad=True)
    z = variational.reparametrise(mean, log_variance, torch.randn(200_000, generator=torch.Generator().manual_seed(0)))
    (z**2).mean().backward()  # E z^2 = mean^2 + variance
    assert mean.grad.item() == pytest.approx(0.6, abs=0.02)
    assert log_variance.grad.item() == pytest.approx(torch.tensor(0.2).exp().item(), abs=0.02)


class Linear(nn.Module):
    """q(z|x) or p(x|z) of a linear model; the encoder's variance is free but the same for all x."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.map, self.log_variance = nn.Linear(inputs, outputs), nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        mean = self.map(x.flatten(1))
        return torch.cat([mean, self.log_variance.expand_as(mean)], 1)


def test_linear_vae_reaches_probabilistic_pca(generator):
    axes = torch.tensor([3.0, 2.0, 0.5, 0.5, 0.5])
    x = torch.randn(2000, 5, generator=generator) * axes @ torch.linalg.qr(torch.randn(5, 5, generator=generator)).Q
    torch.manual_seed(0)
    model = VAE(Linear(5, 2), nn.Linear(2, 5), 2, lr=1e-2)
    fit(model, x, 1500, batch_size=500, progress=False)
    exact = PCA(2).fit(x.numpy()).score(x.numpy())
    log_likelihood, kl = model.elbo_terms(x)
    assert (log_likelihood - kl).mean().item() == pytest.approx(exact, rel=0.01)
    assert model.bound(x, 20).mean().item() <= exact + 0.02


def test_importance_bound_is_exact_for_the_true_posterior():
    # x = z + e with both standard normal: posterior N(x/2, 1/2), marginal N(0, 2); the weights are then constant
    encoder = nn.Linear(1, 2)
    encoder.weight.data, encoder.bias.data = torch.tensor([[0.5], [0.0]]), torch.tensor([0.0, 0.5]).log().nan_to_num(neginf=0.0)
    model = VAE(encoder, nn.Identity(), 1)
    model.log_variance.data.zero_()
    x = torch.linspace(-3, 3, 7)[:, None]
    for samples in (1, 50):
        assert torch.allclose(model.bound(x, samples), Normal(0.0, 2**0.5).log_prob(x[:, 0]), atol=1e-5)


def test_importance_bound_rises_with_samples():
    torch.manual_seed(0)
    model = VAE(mlp([4, 8, 4]), mlp([2, 8, 4]), 2)
    x = torch.randn(500, 4)
    bounds = [model.bound(x, k, generator=torch.Generator().manual_seed(0)).mean().item() for k in (1, 10, 100)]
    assert bounds[0] < bounds[1] < bounds[2]


def test_beta_weighs_the_divergence():
    torch.manual_seed(0)
    model = VAE(mlp([4, 8, 4]), mlp([2, 8, 4]), 2, beta=3.0)
    report = model.step(torch.randn(50, 4), lambda loss, optimiser: None)
    assert report["loss"].item() == pytest.approx((3 * report["kl"] - report["log_likelihood"]).item(), rel=1e-6)


def test_bernoulli_means_are_twice_the_probability_less_one():
    torch.manual_seed(0)
    model, z = VAE(mlp([4, 8, 4]), mlp([2, 8, 4]), 2, likelihood="bernoulli"), torch.randn(9, 2)
    assert torch.allclose(model.decode(z), 2 * Bernoulli(logits=model.decoder(z)).mean - 1, atol=1e-6)
    with pytest.raises(ValueError, match="samples is 0"):
        model.bound(torch.zeros(1, 4), 0)


def test_samples_run_through_the_classes():
    model = VAE(mlp([7, 8, 4]), mlp([5, 8, 4]), 2, classes=3)
    turn, noise = torch.arange(7) % 3, [torch.Generator().manual_seed(0) for _ in range(2)]
    assert torch.equal(model.sample(7, noise[0]), model.sample(7, noise[1], labels=turn))


def test_labels_become_channels():
    one_hot = torch.eye(3)[[0, 2]]
    assert with_labels(torch.zeros(2, 4), one_hot)[1].tolist() == [0, 0, 0, 0, 0, 0, 1]
    planes = with_labels(torch.zeros(2, 1, 2, 2), one_hot)
    assert planes.shape == (2, 4, 2, 2) and planes[1, 3].eq(1).all() and planes[0, 3].eq(0).all()


def test_conditional_model_wants_labels():
    with pytest.raises(ValueError, match="labels is missing"):
        digit_vae(2, classes=10).encode(torch.zeros(1, 1, 28, 28))
    with pytest.raises(ValueError, match="labels is given"):
        digit_vae(2).decode(torch.zeros(1, 2), torch.zeros(1, dtype=torch.long))
    with pytest.raises(ValueError, match="likelihood is 'laplace'"):
        digit_vae(2, likelihood="laplace")


def test_samples_are_reproducible_and_bounded():
    model = digit_vae(2, classes=10, likelihood="bernoulli", width=4)
    first, again = (model.sample(12, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again) and first.shape == (12, 1, 28, 28) and first.abs().max() <= 1
