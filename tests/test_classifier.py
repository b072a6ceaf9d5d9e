"""The digit classifier: its step, its jitter against closed forms, and the network that ships."""

import pytest
import torch

from course_lib import data
from course_lib.models.classifier import Classifier
from course_lib.nn.augment import jitter
from course_lib.training import Update, fit
from course_lib.weights import load_pretrained


def test_shipped_network_reads_the_test_digits():
    classifier, test = load_pretrained("digits_classifier"), data.digits("test")
    assert classifier.accuracy(test.images, test.labels) >= 0.98
    features = classifier.features(test.images[:7])
    assert features.shape == (7, 64) and (features >= 0).all()
    assert torch.allclose(classifier.head(features), classifier(test.images[:7]))


def test_learns_to_tell_two_halves_apart():
    images = -torch.ones(64, 1, 8, 8)
    labels = torch.arange(64) % 2
    images[labels == 0, :, :, :4] = 1
    images[labels == 1, :, :, 4:] = 1
    system = Classifier(classes=2, size=8, width=6, base=4)
    fit(system, (images, labels), 40, batch_size=32, progress=False, device="cpu")
    assert system.accuracy(images, labels) == 1


def test_jitter_of_nothing_is_nothing_and_a_shift_is_a_shift():
    images = torch.rand(3, 1, 28, 28) * 2 - 1
    assert torch.allclose(jitter(images, torch.rand(5, 3), degrees=0, shift=0, stretch=0), images, atol=1e-5)
    right = torch.tensor([0.5, 0.5, 0.5, 1.0, 0.5])[:, None].expand(5, 3)
    moved = jitter(images, right, degrees=0, shift=1 / 28, stretch=0)  # one pixel along x
    assert torch.allclose(moved[..., :-1], images[..., 1:], atol=1e-5)
    assert torch.allclose(moved[..., -1], torch.tensor(-1.0), atol=1e-5)
    turn = torch.tensor([1.0, 0.5, 0.5, 0.5, 0.5])[:, None].expand(5, 3)
    assert torch.allclose(jitter(images, turn, degrees=90), torch.rot90(images, 1, (2, 3)), atol=1e-4)


def test_jitter_stretches_along_the_axes_and_then_turns():
    """A picture whose value is the column's place, or the row's, shows where each pixel was fetched: at R S (x, y)."""
    place = (torch.arange(40) + 0.5) / 20 - 1
    images = torch.stack([place.expand(40, 40), place[:, None].expand(40, 40)])[:, None]
    numbers = torch.tensor([0.8, 0.25, 0.9, 0.5, 0.5])[:, None].expand(5, 2)
    made = jitter(images, numbers, degrees=30, stretch=0.4)
    angle, across, down = torch.tensor(18.0).deg2rad(), 1 - 0.4 * 0.5, 1 + 0.4 * 0.8
    x, y = place.expand(40, 40), place[:, None].expand(40, 40)
    expected = torch.stack([angle.cos() * across * x - angle.sin() * down * y, angle.sin() * across * x + angle.cos() * down * y])
    assert torch.allclose(made[:, 0, 14:26, 14:26], expected[:, 14:26, 14:26], atol=1e-5)


def test_a_step_jitters_and_the_rate_falls_along_a_cosine():
    torch.manual_seed(0)
    images, labels = data.digits("test").images[:20, :, 6:22, 6:22], data.digits("test").labels[:20]
    losses, update = [], Update()
    for moved in (True, False):
        torch.manual_seed(0)
        system = Classifier(size=16, width=6, base=4, rate=0.1, jitter=moved)
        logits = system(images)
        losses.append(system.step((images, labels), update)["loss"].item())
    assert losses[1] == pytest.approx(torch.nn.functional.cross_entropy(logits, labels).item(), rel=1e-5) and losses[0] != losses[1]
    update.progress = 0.5
    system.step((images, labels), update)
    assert system.optimiser.param_groups[0]["lr"] == pytest.approx(0.05, rel=0.01)


def test_jitter_differs_from_image_to_image():
    image = data.digits("test").images[:1]
    moved = jitter(image.expand(5, -1, -1, -1), torch.rand(5, 5))
    assert (moved[1:] - moved[:1]).abs().amax((1, 2, 3)).min() > 0.1


@pytest.mark.parametrize("shape", [(4, 28, 28), (4, 1, 32, 32), (4, 3, 28, 28)])
def test_refuses_images_of_another_shape(shape):
    with pytest.raises(ValueError, match="images has shape"):
        Classifier()(torch.zeros(shape))
