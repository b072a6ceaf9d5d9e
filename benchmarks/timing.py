"""Two ways to the same result, timed fairly."""

import time
from collections.abc import Callable


def milliseconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def compare(name: str, ours: Callable[[], object], other: Callable[[], object], repeats: int = 5) -> float:
    """Prints `ratio NAME ours_ms=.. other_ms=.. ratio=..` and returns the ratio, other / ours: above 1 ours is faster.

    Calls are interleaved A B B A, so that whatever else the machine does hits both alike; the best of `repeats` counts. One call of
    each beforehand warms up. Check that both compute the same before you call this.
    """
    if repeats < 1:
        raise ValueError(f"repeats is {repeats}; it must be at least 1")
    ours(), other()
    times: dict[Callable, list[float]] = {ours: [], other: []}
    for index in range(repeats):
        for work in (ours, other) if index % 2 == 0 else (other, ours):
            times[work].append(milliseconds(work))
    best, best_other = min(times[ours]), min(times[other])
    print(f"ratio {name} ours_ms={best:.1f} other_ms={best_other:.1f} ratio={best_other / best:.2f}", flush=True)
    return best_other / best
