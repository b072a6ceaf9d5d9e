"""How big a run is, decided in one place.

`smoke` takes seconds and shows only that the plumbing holds; `cpu` is made for two cores and is what the committed
outputs show; `gpu` is the paper's size. The environment variable COURSE_PROFILE overrides the choice.
"""

import os
from typing import TypeVar

import torch

PROFILES = ("smoke", "cpu", "gpu")
T = TypeVar("T")


def profile_name() -> str:
    """The profile of this run: COURSE_PROFILE if it is set, else `gpu` where there is one and `cpu` elsewhere."""
    name = os.environ.get("COURSE_PROFILE") or ("gpu" if torch.cuda.is_available() else "cpu")
    if name not in PROFILES:
        raise ValueError(f"COURSE_PROFILE is {name!r}; it must be one of {', '.join(PROFILES)}")
    return name


def profile(*, smoke: T, cpu: T, gpu: T) -> T:
    """The value for this run's profile: `steps = profile(smoke=5, cpu=1200, gpu=50_000)`."""
    return {"smoke": smoke, "cpu": cpu, "gpu": gpu}[profile_name()]
