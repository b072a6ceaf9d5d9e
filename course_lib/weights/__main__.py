"""`python -m course_lib.weights NAME`: trains a shipped network from scratch and writes its weights and card."""

import argparse
import platform
import time

import torch

from course_lib import weights


def make(name: str, checkpoint: str | None = None) -> None:
    """Builds, trains, measures and saves one network."""
    recipe = weights.recipe(name)
    torch.manual_seed(0)
    system = recipe.build()
    start = time.perf_counter()
    facts = recipe.train(system, checkpoint)
    seconds = time.perf_counter() - start
    facts.setdefault("seconds", round(seconds))  # a resumed training knows its whole time itself
    facts = {"purpose": recipe.__doc__.splitlines()[0], **facts, "figures": recipe.measure(system.eval())}
    facts["made_with"] = f"torch {torch.__version__.split('+')[0]}, {torch.get_num_threads()} threads, {platform.machine()}"
    print(f"wrote {weights.save(name, system, facts)}: {facts['figures']} in {seconds:.0f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--checkpoint", help="a file from which an interrupted training goes on")
    arguments = parser.parse_args()
    make(arguments.name, arguments.checkpoint)
