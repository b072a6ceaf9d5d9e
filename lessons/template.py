# %% [markdown]
# # Template: the smallest generator
#
# After this lesson you can
# - turn uniform noise into any distribution on the line;
# - compute the density of what a generator makes;
# - say in one number how far samples are from the law they should follow.
#
# **You need**: the cumulative distribution function of a random variable.
#
# | cost | two CPU cores | Colab T4 |
# |:---|:---|:---|
# | time | not measured | not measured |
# | peak memory | not measured | not measured |
# | download | none | none |
#
# [Open in Colab](https://colab.research.google.com/github/gan-course/gan-course/blob/main/notebooks/template.ipynb) · [Slides](../slides/src/01_generative_modelling.md)

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("course_lib") is None:  # Colab only; its own torch stays
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "git+https://github.com/gan-course/gan-course"], check=True)

# %%
import math

import torch
from ipywidgets import Checkbox, Dropdown, FloatSlider
from matplotlib import pyplot as plt

from course_lib.claims import claim, claims_table
from course_lib.exercises import exercise
from course_lib.training import profile, profile_name
from course_lib.viz import CRITIC, GENERATED, REAL, explore, show

# %% [markdown]
# ## 1. The result first
#
# Below, noise $u$ that is uniform on $[0, 1]$ went through one function, $x = T(u)$, and came out with the law that we asked for. Move the
# rate, change the law: what must $T$ do where the density is high?


# %%
def quantile(u, law, rate):
    """T: uniform noise (N,) to samples (N,) of an exponential or a logistic law of this rate."""
    return -torch.log1p(-u) / rate if law == "exponential" else torch.logit(u) / rate


def density(x, law, rate):
    """The density (N,) of the same laws at points (N,)."""
    if law == "exponential":
        return torch.where(x >= 0, rate * torch.exp(-rate * x), 0.0)
    return rate * torch.sigmoid(rate * x) * torch.sigmoid(-rate * x)


def draw(law="exponential", rate=1.0, noise=False):
    """Samples against the density, and on request the map T itself."""
    u = torch.rand(profile(smoke=200, cpu=5000, gpu=5000), generator=torch.Generator().manual_seed(0))
    x = torch.linspace(-4, 6, 400)
    figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
    axes.hist(
        quantile(u, law, rate).numpy(), bins=torch.linspace(-4, 6, 61).tolist(), density=True, color=GENERATED, alpha=0.5, label="T(u)"
    )
    axes.plot(x, density(x, law, rate), color=REAL, label="wanted density")
    if noise:
        grid = torch.linspace(0.005, 0.995, 200)
        axes.plot(quantile(grid, law, rate), grid, color=CRITIC, ls="--", label="u against T(u)")
    axes.set(xlabel="$x$", ylabel="density", xlim=(-4, 6))
    axes.legend()
    return figure


# %% tags=["nbval-ignore-output"]
explore(
    draw,
    alt="A histogram of 5000 generated numbers under the curve of the exponential density; the two agree.",
    law=Dropdown(options=["exponential", "logistic"]),
    rate=FloatSlider(value=1.0, min=0.5, max=3.0, step=0.25),
    noise=Checkbox(value=False, description="show the map"),
)

# %% [markdown]
# ## 2. Why it works
#
# $T$ rises, so $x \le T(u)$ exactly when $T^{-1}(x) \le u$. The density of $x = T(u)$ is the slope of the inverse,
#
# $$p_x(x) = \left|\frac{\mathrm{d}\,T^{-1}(x)}{\mathrm{d}x}\right| = \frac{1}{T'\big(T^{-1}(x)\big)}, \tag{1}$$
#
# so where the density should be high $T$ must be flat. Automatic differentiation gives $T'$ without any algebra.

# %%
u = torch.linspace(0.01, 0.99, 99, requires_grad=True)  # (99,) noise
x = quantile(u, "logistic", 2.0)  # (99,) samples
(slope,) = torch.autograd.grad(x.sum(), u)  # (99,) T'(u)
by_slope = 1 / slope  # equation (1)

# %%
claim("one over the slope of T is the density", (by_slope - density(x, "logistic", 2.0)).abs().max(), at_most=1e-4)

# %%
figure, axes = plt.subplots(figsize=(6, 2.4), layout="constrained")
axes.plot(x.detach(), density(x.detach(), "logistic", 2.0), color=REAL, lw=5, alpha=0.3, label="formula")
axes.plot(x.detach(), by_slope, color=CRITIC, lw=1.2, label="equation (1)")
axes.set(xlabel="$x$", ylabel="density", title="Flat where samples crowd")
axes.legend()
show(figure, alt="Two bell-shaped curves, the logistic density by formula and by equation (1), lying on one another.")

# %% [markdown]
# ## 3. How far from the law?
#
# The largest gap between two cumulative distribution functions, the Kolmogorov-Smirnov distance, is one honest number. For $n$ samples of
# the right law it is about $0.87/\sqrt{n}$.

# %%
trained = profile_name() != "smoke"  # at smoke size there are too few samples to judge
n = profile(smoke=200, cpu=20_000, gpu=20_000)
samples = quantile(torch.rand(n, generator=torch.Generator().manual_seed(1)), "exponential", 1.0).sort().values
gap = (1 - torch.exp(-samples) - torch.arange(1, n + 1) / n).abs().max()

# %% tags=["nbval-ignore-output"]
print(f"gap {gap:.4f}, expected about {0.87 / math.sqrt(n):.4f}")

# %%
if trained:
    claim("20,000 samples follow the exponential law within 0.015", gap, at_most=0.015)

# %% [markdown]
# ## 4. Exercises
#
# ### Exercise 0.1 A generator of your own
#
# The Cauchy law has the distribution function $F(x) = \tfrac12 + \tfrac1\pi\arctan x$. Write its generator.


# %%
def cauchy(u):
    """Uniform noise (N,) to Cauchy samples (N,)."""
    ### BEGIN SOLUTION
    return torch.tan(math.pi * (u - 0.5))
    ### END SOLUTION


# %%
@exercise("0.1")
def check_cauchy(attempt):
    found = attempt(torch.tensor([0.25, 0.5, 0.75]))
    if not torch.allclose(found, torch.tensor([-1.0, 0.0, 1.0]), atol=1e-5):
        return f"the quartiles of the Cauchy law are -1, 0 and 1; yours are {found.tolist()}"


check_cauchy(cauchy)

# %% [markdown]
# ## Claims

# %% tags=["nbval-ignore-output"]
claims_table()

# %% [markdown]
# ## Summary
#
# - A generator is a function of noise.
# - On the line the quantile function is the generator of any law.
# - The density of what it makes is one over its slope.
# - Flat pieces of the generator are where samples crowd.
# - In more dimensions the slope becomes a Jacobian: lesson 02.
#
# ## References
#
# - Devroye 1986, *Non-Uniform Random Variate Generation*. [link](https://doi.org/10.1007/978-1-4613-8643-8)
