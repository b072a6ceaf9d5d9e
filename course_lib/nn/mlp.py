"""A plain multilayer perceptron."""

from collections.abc import Callable, Sequence

from torch import nn


def mlp(sizes: Sequence[int], activation: Callable[[], nn.Module] = nn.SiLU) -> nn.Sequential:
    """Linear layers of the given sizes, an activation between them: (B, ...) flattened -> (B, sizes[-1]), raw."""
    if len(sizes) < 2:
        raise ValueError(f"sizes is {list(sizes)}; it must name at least an input and an output")
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(before, after), activation()]
    return nn.Sequential(*layers[:-1])
