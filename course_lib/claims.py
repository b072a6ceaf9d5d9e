"""Claims: what a lesson says, checked by the run itself."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    text: str
    value: float
    low: float
    high: float

    def band(self) -> str:
        if math.isinf(self.low):
            return f"at most {self.high:.4g}"
        if math.isinf(self.high):
            return f"at least {self.low:.4g}"
        return f"{self.low:.4g} to {self.high:.4g}"


_made: dict[str, Claim] = {}


def claim(
    text: str, value, low: float | None = None, high: float | None = None, *, at_least: float | None = None, at_most: float | None = None
) -> None:
    """Checks that `value` lies in [low, high] (`at_least` and `at_most` are one-sided) and prints `ok  text`.

    value: a number or a one-element tensor. Raises AssertionError with the value and the band when it lies outside, and for NaN;
    ValueError when no finite bound is given, or one of them twice, so that a claim can always fail as it was meant to.
    """
    if (low is not None and at_least is not None) or (high is not None and at_most is not None):
        raise ValueError(f"claim {text!r} has two bounds on one side; give low and high, or at_least, or at_most")
    low = at_least if low is None else low
    high = at_most if high is None else high
    if not any(bound is not None and math.isfinite(bound) for bound in (low, high)):
        raise ValueError(f"claim {text!r} has no bound; give low and high, at_least or at_most")
    value = value.detach() if hasattr(value, "detach") else value
    made = Claim(text, float(value), -math.inf if low is None else low, math.inf if high is None else high)
    if not made.low <= made.value <= made.high:
        raise AssertionError(f"{text}: {made.value:.4g} is not {made.band()}")
    _made[text] = made
    print("ok ", text)


def claims_table():
    """The claims of this run with their values, as a table to display. Tag its cell `nbval-ignore-output`: the values vary."""
    from IPython.display import Markdown

    if not _made:  # the cells above were not run, or ran at smoke size, at which nothing is trained long enough to judge
        return Markdown("No claim was made in this run.")
    rows = "\n".join(f"| {c.text.replace('|', chr(92) + '|')} | {c.value:.4g} | {c.band()} |" for c in _made.values())
    return Markdown(f"| Claim | Value in this run | Band |\n|:---|---:|:---|\n{rows}")
