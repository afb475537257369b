"""The transformer: what it sees, and every replica of it against a plain loop with `torch.optim`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.replicas import drop, minibatches
from tests.replicas import one_thread as one_thread
from verify.lab import models, schedules
from verify.lab.data import Split
from verify.lab.ensemble import Ensemble, evaluate
from verify.lab.examples import Examples
from verify.lab.losses import IGNORED
from verify.lab.networks import is_written
from verify.lab.optimizers import SGD, Adam, AdamW
from verify.lab.randomness import stream
from verify.lab.training import Training

VOCABULARY, CLASSES, LENGTH, T, POOL, MINIBATCH, STEPS = 5, 4, 7, 6, 30, 8, 30
EPS = 1e-4
"""A key's bias changes no attention, so its gradient is nothing but rounding, which a small ε makes whole steps of."""
Build = Callable[[], nn.Module]


def build(*, causal: bool = True, each: bool = True) -> nn.Module:
    return models.transformer(VOCABULARY, LENGTH, CLASSES, width=8, heads=2, causal=causal, each=each)


BUILDS: dict[str, Build] = {
    "causal": build,
    "not causal": lambda: build(causal=False),
    "last position": lambda: build(causal=False, each=False),
    "in turn": lambda: nn.Sequential(build(), nn.Tanh()),
}
LAST = "last position"
all_builds = pytest.mark.parametrize("name", BUILDS)


def sequences(*, last: bool) -> Split:
    """Tokens, and labels per position of which some count for nothing; or one label a sequence."""
    generator = torch.Generator().manual_seed(7)
    tokens = torch.randint(VOCABULARY, (POOL, T), generator=generator)
    labels = torch.randint(CLASSES, (POOL,) if last else (POOL, T), generator=generator)
    ignored = torch.rand(labels.shape, generator=generator) < 0.3
    return Split(tokens, labels.masked_fill(ignored, IGNORED))


@dataclass
class Trial:
    """What one replica, and one plain loop, is given."""

    seed: int
    dropout: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float = 1e9
    size: int = POOL

    @property
    def rows(self) -> Tensor:
        return torch.arange(POOL)[-self.size :]


TRIALS = [
    Trial(0, dropout=0.1, weight_decay=0.1, clip_norm=0.5),
    Trial(0, weight_decay=0.02),
    Trial(5, clip_norm=0.2, size=11),
]


@dataclass
class Rule:
    """An optimizer of ours, and PyTorch's."""

    rates: Tensor
    ours: Callable[[list[float]], SGD | Adam]
    theirs: Callable[..., torch.optim.Optimizer]


RULES = {
    "SGD": Rule(
        schedules.cosine(0.1, STEPS),
        lambda decay: SGD(0.9, decay),
        lambda given, decay: torch.optim.SGD(given, momentum=0.9, weight_decay=decay),
    ),
    "AdamW": Rule(
        schedules.cosine(3e-3, STEPS),
        lambda decay: AdamW((0.9, 0.95), EPS, decay),
        lambda given, decay: torch.optim.AdamW(given, betas=(0.9, 0.95), eps=EPS, weight_decay=decay),
    ),
}


def plain(trial: Trial, name: str, rule: Rule, dtype: torch.dtype, steps: int = STEPS) -> tuple[nn.Module, float]:
    """The network after a loop as anyone would write it, and the mean of the losses."""
    torch.manual_seed(trial.seed)
    network = BUILDS[name]().to(dtype)
    if trial.dropout:
        drop(network, trial.dropout, stream(trial.seed, "dropout 0"))
    optimizer = rule.theirs(network.parameters(), trial.weight_decay)
    tokens, labels = (each[trial.rows] for each in sequences(last=name == LAST))
    total = 0.0
    for rate, rows in zip(rule.rates[:steps], minibatches(trial.seed, trial.size, MINIBATCH), strict=False):
        optimizer.param_groups[0]["lr"] = float(rate)
        optimizer.zero_grad()
        loss = F.cross_entropy(network(tokens[rows]), labels[rows])
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), trial.clip_norm)
        optimizer.step()
        total += float(loss.detach()) / steps
    for module in network.modules():
        module._forward_hooks.clear()
    return network, total


def together(name: str, rule: Rule, dtype: torch.dtype, steps: int = STEPS, **given: Any) -> tuple[Ensemble, Tensor]:
    """The same of all trials, as an ensemble."""
    seeds, split = [trial.seed for trial in TRIALS], sequences(last=name == LAST)
    ensemble = Ensemble.of(BUILDS[name], seeds, dtype=dtype)
    training = Training(
        ensemble,
        examples(split),
        seeds,
        minibatch=MINIBATCH,
        optimizer=rule.ours([trial.weight_decay for trial in TRIALS]),
        clip_norm=[trial.clip_norm for trial in TRIALS],
        dropout=[trial.dropout for trial in TRIALS],
        **given,
    )
    return ensemble, training.run([rule.rates[:steps]] * len(TRIALS))


def examples(split: Split) -> Examples:
    """Of each trial."""
    rows = [trial.rows for trial in TRIALS]
    return Examples.of(split.inputs, rows, [split.labels[each] for each in rows])


@all_builds
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_replica_is_a_plain_loop(name: str, rule: Rule) -> None:
    for dtype, steps, tolerance in ((torch.float64, STEPS, 1e-9), (torch.float32, 10, 1e-5)):
        ensemble, losses = together(name, rule, dtype, steps)
        for trial, found, loss in zip(TRIALS, ensemble.weights, losses, strict=True):
            network, expected = plain(trial, name, rule, dtype, steps)
            weights = nn.utils.parameters_to_vector(network.parameters()).detach()
            torch.testing.assert_close(found, weights, rtol=0, atol=tolerance)
            assert float(loss) == pytest.approx(expected, abs=10 * tolerance)


@all_builds
def test_evaluation_is_that_of_the_module(name: str) -> None:
    """Error and loss are of the labels that count, and without dropout."""
    rule, split = RULES["AdamW"], sequences(last=name == LAST)
    ensemble, _ = together(name, rule, torch.float64, 5)
    scores = evaluate(ensemble, examples(split))
    called = ensemble(split.inputs.expand(len(TRIALS), -1, -1))
    for r, trial in enumerate(TRIALS):
        network, _ = plain(trial, name, rule, torch.float64, 5)
        with torch.no_grad():
            everyone = network.eval()(split.inputs)
        torch.testing.assert_close(called[r], everyone, rtol=0, atol=1e-9)
        outputs, labels = everyone[trial.rows], split.labels[trial.rows]
        counted = labels != IGNORED
        wrong = (outputs.argmax(1) != labels)[counted]
        assert float(scores.loss[r]) == pytest.approx(float(F.cross_entropy(outputs, labels)), abs=1e-9)
        assert float(scores.error[r]) == pytest.approx(float(wrong.double().mean()), abs=1e-12)


def test_what_has_no_layer_beside_it_makes_replicas_take_turns() -> None:
    assert [name for name in BUILDS if not is_written(BUILDS[name]())] == ["in turn"]


def test_a_token_outside_the_vocabulary_is_not_another_replicas() -> None:
    ensemble = Ensemble.of(build, [0, 1])
    for token in (VOCABULARY, -1):
        with pytest.raises(RuntimeError, match=r"index -?\d is out of bounds"):
            ensemble(torch.full((2, 3, T), token))


def test_examples_may_be_the_same_for_all() -> None:
    split, seeds = sequences(last=False), [0, 1]
    rates = [schedules.constant(0.1, 3)] * 2
    found = []
    for given in (Examples.same(split, 2), Examples.apart([split, split])):
        ensemble = Ensemble.of(build, seeds)
        Training(ensemble, given, seeds, minibatch=MINIBATCH, optimizer=SGD(0.9)).run(rates)
        found.append(ensemble.weights)
    assert torch.equal(*found)


def test_the_same_bytes_twice_whatever_the_global_state() -> None:
    first, _ = together("causal", RULES["AdamW"], torch.float32, 10)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    again, _ = together("causal", RULES["AdamW"], torch.float32, 10)
    assert torch.equal(again.weights, first.weights)
    assert torch.equal(torch.get_rng_state(), state), "nothing draws from it"


def test_memory_that_nothing_was_written_to_is_never_a_token() -> None:
    """PyTorch fills it with the largest number, if it is asked to be deterministic."""
    first, _ = together("causal", RULES["SGD"], torch.float32, 3)
    torch.use_deterministic_algorithms(True)
    try:
        again, _ = together("causal", RULES["SGD"], torch.float32, 3)
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(again.weights, first.weights)


def test_bfloat16_is_near() -> None:
    (exact, _), (coarse, _) = (
        together("causal", RULES["SGD"], torch.float32, 10, precision=precision) for precision in ("float32", "bf16")
    )
    assert coarse.weights.dtype == torch.float32
    assert not torch.equal(coarse.weights, exact.weights)
    torch.testing.assert_close(coarse.weights, exact.weights, rtol=0, atol=0.05)


@torch.no_grad()
def test_what_comes_later_changes_nothing_where_it_is_causal() -> None:
    tokens = sequences(last=False).inputs
    for place in range(T):
        other = tokens.clone()
        other[:, place:] = (other[:, place:] + 1) % VOCABULARY
        for causal in (True, False):
            network = models.transformer(VOCABULARY, LENGTH, CLASSES, width=8, causal=causal).double()
            changed = (network(tokens) != network(other)).any(1).float().mean(0)
            assert (changed[place:] == 1).all()
            assert (changed[:place] == (0 if causal else 1)).all()


@torch.no_grad()
def test_it_tells_positions_apart_and_a_short_sequence_is_the_begin_of_a_long_one() -> None:
    tokens, network = sequences(last=False).inputs, build(causal=False).double()
    assert (network(tokens.flip(1)) - network(tokens).flip(2)).abs().max() > 1e-4
    network = build().double()
    torch.testing.assert_close(network(tokens[:, :2]), network(tokens)[:, :, :2], rtol=0, atol=1e-12)


@torch.no_grad()
def test_the_last_position_alone_is_the_last_of_each() -> None:
    tokens = sequences(last=False).inputs
    outputs = []
    for each in (True, False):
        torch.manual_seed(0)
        outputs.append(build(each=each).double()(tokens))
    assert [each.shape for each in outputs] == [(POOL, CLASSES, T), (POOL, CLASSES)]
    torch.testing.assert_close(outputs[0][:, :, -1], outputs[1], rtol=0, atol=1e-12)


def test_attention_is_pytorchs() -> None:
    """Outputs and gradients, with the same weights."""
    inputs = torch.randn(3, T, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for causal in (True, False):
        ours, theirs = models.Attention(8, 2, causal=causal).double(), nn.MultiheadAttention(8, 2, batch_first=True)
        theirs = theirs.double()
        pairs = list(zip(ours.parameters(), theirs.parameters(), strict=True))
        with torch.no_grad():
            for mine, other in pairs:
                other.copy_(mine)
        later = torch.ones(T, T, dtype=torch.bool).triu(1) if causal else None
        found, (expected, _) = ours(inputs), theirs(inputs, inputs, inputs, attn_mask=later)
        torch.testing.assert_close(found, expected)
        gradients = (
            torch.autograd.grad(out.pow(3).sum(), own)
            for out, own in zip((found, expected), zip(*pairs, strict=True), strict=True)
        )
        torch.testing.assert_close(*gradients)


def test_its_size_is_that_of_gpt_2_and_it_starts_small() -> None:
    """Twelve times the width squared a block, and what biases and normalisations add (13 times the width)."""
    network = models.transformer(50, 20, 10, width=64, blocks=3)
    embedding, rest = (50 + 20) * 64, 3 * (12 * 64**2 + 13 * 64) + 2 * 64 + 65 * 10
    assert sum(each.numel() for each in network.parameters()) == embedding + rest
    assert not list(network.buffers())
    first = network[0]
    for vectors in (first.tokens, first.positions):
        assert isinstance(vectors, nn.Parameter)
        assert float(vectors.detach().std()) == pytest.approx(0.02, rel=0.1)
    assert sum(isinstance(each, nn.Dropout) for each in network.modules()) == 1 + 2 * 3


def test_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="a width of 10 cannot be shared out among 4 heads"):
        models.transformer(VOCABULARY, LENGTH, CLASSES, width=10)
    with pytest.raises(ValueError, match="a sequence of 8 tokens is longer than the 7 that the transformer takes"):
        build()(torch.zeros(2, 8, dtype=torch.int64))
