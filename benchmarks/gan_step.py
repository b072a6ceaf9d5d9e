"""One training step of a DCGAN: `GAN.step` beside a plain textbook loop of the same networks. `python -m benchmarks.gan_step`

The textbook loop is Algorithm 1 read literally: fresh fakes from a second forward of the generator for its own turn, reals and fakes
through the critic one after the other, a plain backward that also fills the critic's gradients in the generator's turn, Adam as it comes.
Counted in forward passes of the generator G and the critic C, a backward pass through weights and inputs as two, the textbook costs
4 G + 9 C: its fakes twice, then 2 C + 4 C for the critic's turn and C + 2 C for the generator's. We cost 3 G + 8 C, so where the kernels
are busy 13/11 = 1.2 is all that rearranging can win without changing the losses; small networks win more, by fewer calls.
Both start from the same weights and see the same images and noise: first their losses are compared, then their times.
"""

import copy

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.timing import compare
from course_lib.models import GAN
from course_lib.nn import dcgan_critic, dcgan_generator, mlp, mlp_critic, mlp_generator
from course_lib.training import Update

THREADS = 2


class Textbook:
    """What one finds in most tutorials."""

    def __init__(self, gan: GAN):
        self.generator, self.critic, self.latent = copy.deepcopy(gan.generator), copy.deepcopy(gan.critic), gan.latent
        for network in (self.generator, self.critic):
            network.to(memory_format=torch.contiguous_format)
        self.optimisers = [torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (self.critic, self.generator)]

    def step(self, real: Tensor, z: Tensor) -> tuple[float, float]:
        """The critic's turn, then the generator's, on the same noise z (B, latent)."""
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        bce = F.binary_cross_entropy_with_logits
        critic_loss = bce(self.critic(real), ones) + bce(self.critic(self.generator(z).detach()), zeros)
        self.optimisers[0].zero_grad()
        critic_loss.backward()
        self.optimisers[0].step()
        generator_loss = bce(self.critic(self.generator(z)), ones)
        self.optimisers[1].zero_grad()
        generator_loss.backward()
        self.optimisers[1].step()
        return critic_loss.item(), generator_loss.item()


def contest(name: str, gan: GAN, shape: tuple[int, ...], batch: int, steps: int, repeats: int) -> float:
    """Checks that three steps report the same losses, then times `steps` steps of each."""
    other, update, seed = Textbook(gan), Update(), 1
    images = torch.rand(batch, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    gan.train()
    gan.rng, noise = (torch.Generator().manual_seed(seed) for _ in range(2))
    for index in range(3):
        report = gan.step(images, update)
        theirs = other.step(images, torch.randn(batch, gan.latent, generator=noise))
        for ours, loss in zip((report["critic"].item(), report["generator"].item()), theirs, strict=True):
            if abs(ours - loss) > 1e-3 * max(1, abs(loss)):
                raise SystemExit(f"{name}: at step {index} our loss is {ours:.6f}, the textbook's {loss:.6f}")
    print(f"same  {name} losses of three steps agree to 1e-3", flush=True)

    def ours_run() -> None:
        for _ in range(steps):
            gan.step(images, update)

    def other_run() -> None:
        for _ in range(steps):
            other.step(images, torch.randn(batch, gan.latent, generator=noise))

    return compare(name, ours_run, other_run, repeats)


def main(repeats: int = 7) -> None:
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    contest("gan_step_dcgan_28", GAN(dcgan_generator(64), dcgan_critic(), 64), (1, 28, 28), 64, 4, repeats)
    contest(
        "gan_step_dcgan_32_rgb",
        GAN(dcgan_generator(64, 32, 3, (16, 32, 64)), dcgan_critic(32, 3, (16, 32, 64)), 64),
        (3, 32, 32),
        64,
        4,
        repeats,
    )
    contest("gan_step_mlp_28", GAN(mlp_generator(64), mlp_critic(), 64), (1, 28, 28), 64, 8, repeats)
    contest("gan_step_plane", GAN(mlp([2, 64, 64, 2]), mlp([2, 64, 64, 1]), 2), (2,), 256, 40, repeats)


if __name__ == "__main__":
    main()
