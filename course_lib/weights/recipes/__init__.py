"""How each shipped network is made: one module a network, with `build()`, `train(system, checkpoint)` and `measure(system)`.

`build` returns the untrained system. `train` trains it in place and returns the facts of the run for the card: data, steps,
batch_size, seed. `measure` returns its figures on held-out data. What is averaged (EMA) is written into the system by `train`.
"""
