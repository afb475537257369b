"""The process in which JAX trains what the ensemble trainer is measured against: `python -m benchmarks.in_jax`.

It knows nothing of this project.  A line of JSON on its input names a file of arrays and asks for a training from the
start, in a given data order (`check`), or for the seconds that one of as many steps takes (`time`); a line of JSON is
the answer.
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

Parameters = list[tuple[Any, Any]]
"""Per layer, weights (R, inputs, outputs) and biases (R, 1, outputs)."""


def network(parameters: Parameters, inputs: Any) -> Any:
    """Outputs (R, n, classes) of multilayer perceptrons for inputs (R, n, features)."""
    hidden = inputs
    for layer, (weights, biases) in enumerate(parameters):
        hidden = hidden @ weights + biases
        if layer < len(parameters) - 1:
            hidden = jax.nn.relu(hidden)
    return hidden


def losses(parameters: Parameters, inputs: Any, labels: Any) -> tuple[Any, Any]:
    """Cross-entropy summed over replicas, to differentiate, and per replica (R,)."""
    logarithms = jax.nn.log_softmax(network(parameters, inputs))
    each = -jnp.take_along_axis(logarithms, labels[..., None], -1)[..., 0].mean(1)
    return each.sum(), each


class Case:
    """An ensemble, its data, and one compiled function that trains it for all steps."""

    def __init__(self, arrays: Any) -> None:
        self._inputs, self._labels = jnp.asarray(arrays["inputs"]), jnp.asarray(arrays["labels"])
        self._rate, self._momentum, self._decay = (jnp.asarray(arrays[name]) for name in ("rate", "momentum", "decay"))
        self._order = arrays["order"]
        self._size = int(arrays["examples"])  # that a replica draws its order from
        self._first = [(arrays[f"weights{layer}"], arrays[f"biases{layer}"]) for layer in range(int(arrays["layers"]))]
        self._random = np.random.default_rng(0)
        self._state = self._begin()

    def _begin(self) -> tuple[Parameters, Parameters]:
        parameters = [(jnp.asarray(weights), jnp.asarray(biases)) for weights, biases in self._first]
        return parameters, jax.tree.map(jnp.zeros_like, parameters)

    @partial(jax.jit, static_argnums=0, donate_argnums=(1, 2))
    def _train(self, parameters: Parameters, velocity: Parameters, order: Any) -> Any:
        def step(state: Any, rows: Any) -> Any:
            parameters, velocity, total = state
            gradient, loss = jax.grad(losses, has_aux=True)(parameters, self._inputs[rows], self._labels[rows])
            velocity = jax.tree.map(
                lambda v, g, p: self._momentum * v + (g + self._decay * p), velocity, gradient, parameters
            )
            parameters = jax.tree.map(lambda p, v: p - self._rate * v, parameters, velocity)
            return (parameters, velocity, total + loss), None

        return jax.lax.scan(step, (parameters, velocity, jnp.zeros(self._order.shape[1])), order)[0]

    def check(self) -> list[Any]:
        """Parameters after all steps in the given order."""
        parameters, _, _ = self._train(*self._begin(), self._order)
        return [np.asarray(each) for layer in parameters for each in layer]

    def time(self) -> float:
        """Seconds for as many steps more, with drawing their order."""
        begun = time.perf_counter()
        steps, replicas, minibatch = self._order.shape
        size = self._size
        shuffles = -(-steps * minibatch // size)
        order = np.stack(
            [
                np.concatenate([self._random.permutation(size) for _ in range(shuffles)])[: steps * minibatch]
                for _ in range(replicas)
            ]
        )
        order = order.reshape(replicas, steps, minibatch).swapaxes(0, 1)
        *self._state, loss = self._train(*self._state, order)
        loss.block_until_ready()
        return time.perf_counter() - begun


def main() -> None:
    cases: dict[str, Case] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        file = asked["file"]
        if file not in cases:
            with np.load(file) as arrays:
                cases[file] = Case(dict(arrays))
        if asked["do"] == "check":
            begun = time.perf_counter()
            np.savez(asked["into"], *cases[file].check())
            answer = time.perf_counter() - begun
        else:
            answer = cases[file].time()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
