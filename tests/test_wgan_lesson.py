"""What lesson 04 derives about penalised critics, and the network that it ships."""

import pytest
import torch

from course_lib.data import digits
from course_lib.losses.penalties import gradient_penalty
from course_lib.weights import card, load_pretrained


@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize(("distance", "weight"), [(1.0, 10.0), (4.0, 10.0), (0.5, 0.1)])
def test_two_points_are_overestimated_by_distance_over_twice_the_weight(distance, weight, one_sided):
    """max over s of d s - weight (s - 1)^2 is at s = 1 + d / (2 weight): equation 8 of lesson 04a."""
    slope = torch.tensor(1.0 + distance / (2 * weight), requires_grad=True)
    critic = lambda x: slope * x  # noqa: E731
    real, fake = torch.full((8, 1), distance), torch.zeros(8, 1)
    loss = critic(fake).mean() - critic(real).mean() + weight * gradient_penalty(critic, real, fake, one_sided=one_sided)
    (gradient,) = torch.autograd.grad(loss, slope)
    assert gradient.abs() < 1e-5 * distance


def test_the_shipped_critic_scores_digits_above_its_generators_and_above_noise():
    system = load_pretrained("digits_wgan_gp")
    made = system.sample(1000, torch.Generator().manual_seed(0))
    noise = torch.rand(1000, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        real, made, noise = (system.critic(images).mean() for images in (digits("test").images, made, noise))
    assert real > made and real > noise


def test_the_shipped_generator_makes_every_digit():
    assert card("digits_wgan_gp")["figures"]["rarest_class"] > 0.03
    system = load_pretrained("digits_wgan_gp")
    classes = load_pretrained("digits_classifier")(system.sample(500, torch.Generator().manual_seed(0))).argmax(1)
    assert torch.bincount(classes, minlength=10).min() >= 5
