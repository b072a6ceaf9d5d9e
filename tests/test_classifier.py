"""The digit classifier: its step, its jitter against closed forms, and the network that ships."""

import pytest
import torch

from course_lib import data
from course_lib.models.classifier import Classifier
from course_lib.nn.augment import jitter
from course_lib.training import fit
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


def test_jitter_differs_from_image_to_image():
    image = data.digits("test").images[:1]
    moved = jitter(image.expand(5, -1, -1, -1), torch.rand(5, 5))
    assert (moved[1:] - moved[:1]).abs().amax((1, 2, 3)).min() > 0.1


@pytest.mark.parametrize("shape", [(4, 28, 28), (4, 1, 32, 32), (4, 3, 28, 28)])
def test_refuses_images_of_another_shape(shape):
    with pytest.raises(ValueError, match="images has shape"):
        Classifier()(torch.zeros(shape))
