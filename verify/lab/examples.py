"""Which examples each replica of an ensemble sees."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from verify.lab.data import Dataset, Split


class Examples(NamedTuple):
    """What each replica trains on, or is evaluated on."""

    inputs: Tensor
    """(N, …): those of all replicas."""
    rows: Tensor
    """(R, n): per replica, the rows of `inputs` that are its examples; shorter ones are filled up with 0."""
    labels: Tensor
    """(R, n, …): the labels that go with `rows`, each one number, or one a position."""
    sizes: tuple[int, ...]
    """Per replica, how many of its n rows are examples."""

    @classmethod
    def of(cls, inputs: Tensor, rows: Sequence[Tensor], labels: Sequence[Tensor]) -> Examples:
        """Of rows of shared `inputs` (N, …): per replica, rows (n,) and their labels (n, …); all on the inputs' device.

        Raises:
            ValueError: there are not as many labels as rows, or no rows.
        """
        if len(rows) != len(labels):
            raise ValueError(f"rows of {len(rows)} replicas, and labels of {len(labels)}")
        for r, (own, its) in enumerate(zip(rows, labels, strict=True)):
            if len(own) != len(its) or not len(own):
                raise ValueError(f"replica {r} has {len(own)} rows and {len(its)} labels: one a row, and at least one")
        padded_rows, padded_labels = (
            pad_sequence(list(each), batch_first=True).to(inputs.device) for each in (rows, labels)
        )
        return cls(inputs, padded_rows, padded_labels, tuple(map(len, rows)))

    @classmethod
    def apart(cls, splits: Sequence[Split]) -> Examples:
        """Of examples that each replica has for itself; inputs that are one and the same tensor are kept once."""
        distinct = {id(split.inputs): split.inputs for split in splits}
        begins = dict(zip(distinct, accumulate(map(len, distinct.values()), initial=0), strict=False))
        rows = [begins[id(split.inputs)] + torch.arange(len(split.labels)) for split in splits]
        return cls.of(torch.cat(list(distinct.values())), rows, [split.labels for split in splits])

    @classmethod
    def same(cls, split: Split, replicas: int) -> Examples:
        """The same examples for every replica."""
        size = len(split.labels)
        rows, labels = (each.expand(replicas, *each.shape) for each in (torch.arange(size), split.labels))
        return cls(split.inputs, rows, labels, (size,) * replicas)

    def to(self, device: str) -> Examples:
        return self._replace(inputs=self.inputs.to(device), rows=self.rows.to(device), labels=self.labels.to(device))


class Splits(NamedTuple):
    train: Examples
    validation: Examples
    test: Examples


def draw(source: Dataset, seeds: Sequence[int], sizes: Sequence[int], device: str) -> Splits:
    """For each replica, a training subset of its seed's examples, with all that the seed has for validation and test.

    Raises:
        ValueError: not one size a seed.
    """
    if len(seeds) != len(sizes):
        raise ValueError(f"{len(seeds)} seeds, and sizes for {len(sizes)}")
    inputs = source.inputs.to(device)
    train = [source.subset(seed, size) for seed, size in zip(seeds, sizes, strict=True)]
    validation, test = ([of[seed] for seed in seeds] for of in (source.validation, source.test))
    return Splits(
        *(Examples.of(inputs, rows, [source.labels[each] for each in rows]) for rows in (train, validation, test))
    )


def relabelled(labels: Tensor, rows: Tensor, names: Tensor) -> tuple[Tensor, Tensor]:
    """Those of the `rows` (n,) of `labels` (N,) whose class has a new name, and their labels by that name: (m,) each.

    `names` (classes,) holds each class's new label, or -1 where its examples are left out; classes that share a name
    are merged.
    """
    named = names[labels[rows]]
    kept = named >= 0
    return rows[kept], named[kept]
