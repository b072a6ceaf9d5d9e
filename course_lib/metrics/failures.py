"""The known ways in which a generator fails, in any amount: what a metric is tried on before it is trusted."""

import torch
from torch import Tensor
from torch.nn import functional as F

FAILURES = ("blur", "noise", "drop classes", "few images")


def spoil(images: Tensor, labels: Tensor, how: str, amount: float, seed: int = 0) -> Tensor:
    """As many images (N, C, H, W) in [-1, 1], made worse by `amount` in [0, 1]; 0 leaves them as they are.

    "blur": a Gaussian of up to 2 pixels. "noise": Gaussian of deviation `amount`, clipped. "drop classes": only the first
    10 - 9 amount of the labels 0 .. 9 are left, repeated. "few images": a share `amount` is replaced by repeats of the others.
    """
    if how not in FAILURES:
        raise ValueError(f"how is {how!r}; it must be one of {', '.join(FAILURES)}")
    if not 0 <= amount <= 1:
        raise ValueError(f"amount is {amount}; it must be in [0, 1]")
    if amount == 0:
        return images
    n, channels = images.shape[:2]
    if how == "blur":
        reach = torch.arange(-6, 7, dtype=images.dtype)
        tap = torch.softmax(-(reach**2) / (2 * (2 * amount) ** 2), 0).expand(channels, 1, 1, 13)
        across = F.conv2d(images + 1, tap, padding=(0, 6), groups=channels)  # -1, the background, lies outside
        return F.conv2d(across, tap.transpose(2, 3), padding=(6, 0), groups=channels) - 1
    if how == "noise":
        generator = torch.Generator().manual_seed(seed)
        return (images + amount * torch.randn(images.shape, generator=generator)).clamp(-1, 1)
    if how == "drop classes":
        kept = (labels < 10 - round(9 * amount)).nonzero()[:, 0]
        if not len(kept):
            raise ValueError(f"labels has none below {10 - round(9 * amount)}, so that nothing would be left")
        return images[kept[torch.arange(n) % len(kept)]]
    return images[torch.arange(n) % max(2, round(n * (1 - amount)))]
