"""Every data set of the course. All of it ships with packages that the course needs anyway: nothing is downloaded."""

from course_lib.data.digits import digits, uci_digits
from course_lib.data.imageset import ImageSet, to_pixels, to_unit
from course_lib.data.photos import PHOTOS, TEXTURES, faces, photo, texture
from course_lib.data.toy import TOYS, grid_centres, ring_centres, toy2d


def names() -> dict[str, tuple[str, ...]]:
    """What there is: the function's name, and the names that it takes."""
    return {
        "digits": ("train", "test"),
        "uci_digits": ("train", "test"),
        "photo": PHOTOS,
        "texture": tuple(TEXTURES),
        "toy2d": tuple(TOYS),
        "faces": (),
    }


__all__ = [
    "ImageSet",
    "digits",
    "faces",
    "grid_centres",
    "names",
    "photo",
    "ring_centres",
    "texture",
    "to_pixels",
    "to_unit",
    "toy2d",
    "uci_digits",
]
