"""Photographs, textures and faces that ship with scikit-image and scikit-learn."""

import numpy as np
import torch
from torch import Tensor

from course_lib.data.imageset import ImageSet, to_unit

SCIKIT_IMAGE = ("astronaut", "camera", "chelsea", "coffee", "hubble_deep_field", "retina", "rocket")
SCIKIT_LEARN = {"china": "china.jpg", "flower": "flower.jpg"}
PHOTOS = (*SCIKIT_IMAGE, *SCIKIT_LEARN)
# A texture is a crop of a picture that ships: (picture, top, left, height, width).
TEXTURES = {
    "brick": ("brick", 0, 0, 512, 512),
    "grass": ("grass", 0, 0, 512, 512),
    "gravel": ("gravel", 0, 0, 512, 512),
    "petals": ("flower", 120, 214, 176, 176),
    "foliage": ("china", 331, 420, 96, 96),
    "tissue": ("immunohistochemistry", 48, 0, 160, 160),
    "stars": ("hubble_deep_field", 0, 0, 256, 256),
}


def _picture(name: str) -> Tensor:
    """(C, H, W) float32 in [-1, 1]."""
    if name in SCIKIT_LEARN:
        from sklearn.datasets import load_sample_image

        pixels = load_sample_image(SCIKIT_LEARN[name])
    else:
        import skimage.data

        pixels = getattr(skimage.data, name)()
    pixels = torch.from_numpy(np.array(pixels))
    return to_unit(pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1).contiguous())


def photo(name: str) -> Tensor:
    """A photograph (C, H, W) in [-1, 1]; `names()["photo"]` lists them."""
    if name not in PHOTOS:
        raise ValueError(f"photo {name!r} is unknown; there are {', '.join(PHOTOS)}")
    return _picture(name)


def texture(name: str, size: int | None = None) -> Tensor:
    """A texture (C, H, W) in [-1, 1], or its top left size x size part; `names()["texture"]` lists them."""
    if name not in TEXTURES:
        raise ValueError(f"texture {name!r} is unknown; there are {', '.join(TEXTURES)}")
    picture, top, left, height, width = TEXTURES[name]
    if size is not None and not 1 <= size <= min(height, width):
        raise ValueError(f"size is {size!r}; texture {name!r} allows 1 to {min(height, width)}")
    return _picture(picture)[:, top : top + (size or height), left : left + (size or width)].clone()


def faces() -> ImageSet:
    """200 grey 25x25 pictures (200, 1, 25, 25) in [-1, 1]: label 1, the first hundred, are faces (Labeled Faces in the Wild); 0 are not."""
    import skimage.data

    images = torch.from_numpy(skimage.data.lfw_subset()).float()[:, None] * 2 - 1
    return ImageSet(images, (torch.arange(len(images)) < 100).long())
