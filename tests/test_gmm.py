"""The mixture of Gaussians against scikit-learn and closed forms."""

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture as Reference

from course_lib import data
from course_lib.models.gmm import GaussianMixture, fit_mixture, kmeans_plus_plus


@pytest.fixture
def points():
    return data.toy2d("moons", 600, torch.Generator().manual_seed(0)).double()


def start(points, k):
    covariances = torch.cov(points.T).repeat(k, 1, 1)
    return GaussianMixture(torch.full((k,), 1 / k).double(), points[:k].clone(), covariances)


def test_same_start_gives_scikit_learns_fit(points):
    ours = start(points, 5).fit(points, iterations=60, tolerance=0)
    reference = Reference(
        5,
        max_iter=60,
        tol=0,
        weights_init=np.full(5, 0.2),
        means_init=points[:5].numpy(),
        precisions_init=np.linalg.inv(start(points, 5).covariances),
    )
    with pytest.warns(Warning, match="converge"):
        reference.fit(points.numpy())
    assert ours.log_density(points).mean().item() == pytest.approx(reference.score(points.numpy()), rel=1e-6)
    assert np.allclose(ours.means, reference.means_, atol=1e-4)


def test_one_component_is_the_sample_mean_and_covariance(points):
    model = fit_mixture(points, 1, floor=0)
    assert torch.allclose(model.means[0], points.mean(0))
    assert torch.allclose(model.covariances[0], torch.cov(points.T, correction=0))


def test_the_floor_is_added_to_the_variances(points):
    bare, floored = fit_mixture(points, 1, floor=0), fit_mixture(points, 1, floor=0.5)
    assert torch.allclose(floored.covariances[0], bare.covariances[0] + 0.5 * torch.eye(2))
    pinned = fit_mixture(torch.cat([torch.zeros(50, 2), 9 + points]), 2, torch.Generator().manual_seed(0), floor=0.01)
    narrow = pinned.covariances[pinned.means.norm(dim=1).argmin()]
    assert torch.allclose(narrow, 0.01 * torch.eye(2).double(), atol=1e-6)


def test_em_never_lowers_the_likelihood(points):
    history = fit_mixture(points, 8, torch.Generator().manual_seed(1), floor=0, tolerance=0, iterations=50).history
    assert np.diff(history).min() > -1e-10


def test_log_density_is_torchs(points):
    model = fit_mixture(points, 3, torch.Generator().manual_seed(0))
    components = torch.distributions.MultivariateNormal(model.means, model.covariances)
    reference = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(model.weights), components)
    assert torch.allclose(model.log_density(points), reference.log_prob(points))


def test_samples_have_the_moments_of_the_mixture(points):
    model = fit_mixture(points, 4, torch.Generator().manual_seed(0))
    samples = model.sample(40_000, torch.Generator().manual_seed(1))
    mean = model.weights @ model.means
    assert torch.allclose(samples.mean(0), mean, atol=0.03)
    within = (model.weights[:, None, None] * (model.covariances + model.means[:, :, None] * model.means[:, None])).sum(0)
    assert torch.allclose(torch.cov(samples.T), within - mean[:, None] * mean, atol=0.05)


def test_kmeans_plus_plus_finds_separated_clusters():
    centres = data.ring_centres(6, 10.0).double()
    generator = torch.Generator().manual_seed(0)
    points = centres.repeat(50, 1) + 0.1 * torch.randn(300, 2, generator=generator)
    assert torch.cdist(centres, kmeans_plus_plus(points, 6, generator)).amin(1).max() < 0.1


@pytest.mark.parametrize(
    ("x", "k", "word"),
    [
        (torch.zeros(3), 1, "shape"),
        (torch.full((3, 2), torch.nan), 1, "finite"),
        (torch.zeros(3, 2), 4, "k is 4"),
        (torch.ones(3, 2), 2, "x has only 1 different points"),
    ],
)
def test_bad_input_is_named(x, k, word):
    with pytest.raises(ValueError, match=word):
        fit_mixture(x, k)
