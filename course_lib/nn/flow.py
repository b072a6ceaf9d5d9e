"""Normalizing flows as layers: what an invertible layer is, chains of them, and a backward pass that keeps no activations.

Everything that changes only where numbers stand is here too: squeeze, its undoing, and a flow on half of the channels. The layers
that compute are in `flow_layers`.
"""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor, nn

Pulled = tuple[Tensor, Tensor, list[Tensor | None]]


class FlowLayer(nn.Module):
    """An invertible map. `forward(x) -> (z, log_det)`, log_det (B,) = log |det dz/dx|, in nats; `inverse(z) -> x`.

    Batches are points (B, D) or images (B, C, H, W); dimension 1 holds the channels of either.
    """

    def inverse(self, z: Tensor) -> Tensor:
        """The x whose forward is z."""
        raise NotImplementedError

    @torch.no_grad()
    def initialise(self, x: Tensor) -> Tensor:
        """Sets what starts from data, here nothing, and returns z, for the next layer to do the same."""
        return self(x)[0]

    def pull_back(self, z: Tensor, grad_z: Tensor, grad_log_det: Tensor) -> Pulled:
        """From the output and its gradients: (x, gradient at x, gradients of `self.parameters()`). Nothing need have been stored."""
        with torch.no_grad():
            x = self.inverse(z)
        with torch.enable_grad():
            x = x.requires_grad_()
            ends = [(end, grad) for end, grad in zip(self(x), (grad_z, grad_log_det), strict=True) if end.requires_grad]
            outputs, received = zip(*ends, strict=True)
            grad_x, *grads = torch.autograd.grad(outputs, (x, *self.parameters()), received, allow_unused=True)
        return x.detach(), grad_x, grads


class Chain(FlowLayer):
    """Layers one after the other; their log-determinants add up.

    reversible: the backward pass computes each layer's input anew, from the last output, instead of keeping it: activations of one
    layer at a time, for one more forward pass (Gomez et al. 2017). Gradients are those of the plain chain up to rounding.
    """

    def __init__(self, *layers: FlowLayer, reversible: bool = False):
        super().__init__()
        self.layers, self.reversible = nn.ModuleList(layers), reversible

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.reversible and torch.is_grad_enabled():
            return _Reversible.apply(self, x, *self.parameters())
        return self.run(x)

    def run(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Layer by layer."""
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, log_det = layer(x)
            total = total + log_det
        return x, total

    def inverse(self, z: Tensor) -> Tensor:
        for layer in reversed(self.layers):
            z = layer.inverse(z)
        return z

    def initialise(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer.initialise(x)
        return x

    def pull_back(self, z: Tensor, grad_z: Tensor, grad_log_det: Tensor) -> Pulled:
        grads: list[Tensor | None] = []
        for layer in reversed(self.layers):
            z, grad_z, own = layer.pull_back(z, grad_z, grad_log_det)
            grads = own + grads
        return z, grad_z, grads


class _Reversible(torch.autograd.Function):
    """A chain that stores only its output. The backward pass computes in the forward's precision, or it would undo another function."""

    @staticmethod
    def forward(ctx, chain: Chain, x: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        z, log_det = chain.run(x)
        ctx.chain, ctx.kind = chain, x.device.type
        ctx.half = torch.get_autocast_dtype(ctx.kind) if ctx.kind != "meta" and torch.is_autocast_enabled(ctx.kind) else None
        ctx.save_for_backward(z)
        return z, log_det

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_z: Tensor, grad_log_det: Tensor):
        with torch.autocast(ctx.kind, ctx.half) if ctx.half else nullcontext():
            _, grad_x, grads = ctx.chain.pull_back(ctx.saved_tensors[0], grad_z, grad_log_det)
        return None, grad_x, *grads


class Squeeze(FlowLayer):
    """(B, C, H, W) -> (B, 4 C, H / 2, W / 2): each 2 x 2 block of pixels becomes channels. H and W must be even."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.shape[2] % 2 or x.shape[3] % 2:
            raise ValueError(f"x has shape {tuple(x.shape)}; its height and width must be even")
        return nn.functional.pixel_unshuffle(x, 2), x.new_zeros(len(x))

    def inverse(self, z: Tensor) -> Tensor:
        return nn.functional.pixel_shuffle(z, 2)


class Unsqueeze(Squeeze):
    """What undoes `Squeeze`: (B, 4 C, H, W) -> (B, C, 2 H, 2 W)."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return Squeeze.inverse(self, x), x.new_zeros(len(x))

    def inverse(self, z: Tensor) -> Tensor:
        return Squeeze.forward(self, z)[0]


class OnHalf(FlowLayer):
    """`inner` maps the second half of the channels; the first half is finished. This is the factor-out of a multi-scale flow.

    inner must keep the shape, as `Chain(Squeeze(), ..., Unsqueeze())` does. Then z has the shape of x, at every scale.
    Dinh et al. 2017, section 3.6.
    """

    def __init__(self, inner: FlowLayer):
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        done, rest = x.chunk(2, 1)
        rest, log_det = self.inner(rest)
        return torch.cat([done, rest], 1), log_det

    def inverse(self, z: Tensor) -> Tensor:
        done, rest = z.chunk(2, 1)
        return torch.cat([done, self.inner.inverse(rest)], 1)

    def initialise(self, x: Tensor) -> Tensor:
        done, rest = x.chunk(2, 1)
        return torch.cat([done, self.inner.initialise(rest)], 1)

    def pull_back(self, z: Tensor, grad_z: Tensor, grad_log_det: Tensor) -> Pulled:
        (done, rest), (grad_done, grad_rest) = z.chunk(2, 1), grad_z.chunk(2, 1)
        rest, grad_rest, grads = self.inner.pull_back(rest, grad_rest, grad_log_det)
        return torch.cat([done, rest], 1), torch.cat([grad_done, grad_rest], 1), grads
