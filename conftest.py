"""What every run of the tests needs, wherever it is started."""

import os
from pathlib import Path

ROOT = Path(__file__).parent
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)  # for kernels and subprocesses


def pytest_configure(config):
    option = config.option
    if getattr(option, "nbval", False) or getattr(option, "nbval_lax", False):
        os.environ.setdefault("COURSE_PROFILE", "cpu")  # the committed outputs are of this profile
        option.nbval_sanitize_with = option.nbval_sanitize_with or str(ROOT / "tests" / "nbval_sanitize.cfg")
        if not option.nbval_kernel_name:
            option.nbval_current_env = True


def pytest_collectstart(collector):
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("stderr", "image/svg+xml", "image/gif")
