"""The shared networks: what they compute, what they refuse."""

import pytest
import torch
from torch.nn import functional as F

from course_lib.nn import conv_decoder, conv_encoder, mlp


def test_mlp_is_its_formula():
    network, x = mlp([6, 5, 2]), torch.randn(3, 1, 2, 3)
    first, last = network[1], network[3]
    hidden = F.silu(x.flatten(1) @ first.weight.T + first.bias)
    assert torch.allclose(network(x), hidden @ last.weight.T + last.bias, atol=1e-6)
    assert len(mlp([4, 4])) == 2  # no activation after the last layer


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (8, 1)])
def test_convolutional_pair_is_a_mirror(size, channels):
    encoder, decoder = conv_encoder(7, size, channels, width=4), conv_decoder(7, size, channels, width=4)
    images = torch.randn(2, channels, size, size)
    assert decoder(encoder(images)).shape == images.shape
    weights = [sorted(p.numel() for p in network.parameters() if p.ndim > 1) for network in (encoder, decoder)]
    assert weights[0] == weights[1]


def test_every_output_pixel_sees_the_code_and_every_input_pixel_counts():
    image = torch.randn(1, 1, 12, 12, requires_grad=True)
    (slope,) = torch.autograd.grad(conv_encoder(3, 12, width=8)(image).sum(), image)
    assert slope.ne(0).all()


@pytest.mark.parametrize(
    ("call", "word"),
    [(lambda: mlp([3]), "sizes"), (lambda: conv_encoder(2, 30), "size is 30"), (lambda: conv_decoder(2, 30), "size is 30")],
)
def test_bad_sizes_are_named(call, word):
    with pytest.raises(ValueError, match=word):
        call()
