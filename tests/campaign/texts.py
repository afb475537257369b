"""Reviews for a campaign: plain and batched experiments, choices upon choices, trials of 5 to 200 ms."""

from __future__ import annotations

_FRONT = """\
---
title: {title}
authors: [A. Author]
venue: Journal of Campaigns 2020
section: Testing
summary: Trials for a campaign.
---

"""

COINS = (
    _FRONT.format(title="Coins")
    + """\
```python verify
import random
import time


def coin(seed: int, device: str, *, bias: float, sides: int = 2) -> dict:
    generator = random.Random(f"{seed} {bias} {sides}")
    time.sleep(generator.uniform(0.005, 0.2))
    shown = [generator.random() < bias for _ in range(1000)]
    return {"heads": sum(shown) / 1000, "curve": [sum(shown[: n * 100]) / (n * 100) for n in range(1, 11)]}
```

```yaml verify
id: sweep
experiment: coin
grid: {bias: [0.2, 0.4, 0.6]}
scales:
  tiny: {seeds: 3}
  small: {seeds: 4}
```

```yaml verify
id: chosen
experiment: coin
parameters: {bias: {choose_from: sweep, maximise: heads}}
grid: {sides: [3, 4]}
scales:
  tiny: {seeds: 3}
```

```yaml verify
id: twice-chosen
experiment: coin
parameters: {sides: {choose_from: chosen, minimise: heads}}
grid: {bias: [0.5, 0.7]}
scales:
  tiny: {seeds: 3}
claims:
  - id: heavier
    says: A heavier coin shows more heads.
    source: Section 2
    test: {metric: heads, statistic: difference, arms: [{bias: 0.7}, {bias: 0.5}], at_least: 0.1}
```

```yaml verify
id: flips
experiment: coin
grid: {bias: [0.5, 0.8]}
scales:
  tiny: {seeds: 15}
  small: {seeds: 6}
claims:
  - id: fair
    says: The coin is fair.
    source: Section 1
    reported: {heads: 0.5}
    test: {metric: heads, where: {bias: 0.5}, within: [0.45, 0.55]}
    control: {where: {bias: 0.8}}
```
"""
)

STACKS = (
    _FRONT.format(title="Stacks")
    + """\
```python verify
import random
import time

from verify.lab.declare import experiment


@experiment(batch_axes=("lr",), values=("error",), batch=4)
def stack(seeds: list, device: str, *, width: int, lr: list) -> list:
    time.sleep(0.02 + 0.05 * (width + len(seeds)) % 0.2)
    return [{"error": random.Random(f"{seed} {width} {each}").random()} for seed, each in zip(seeds, lr)]
```

```yaml verify
id: rates
experiment: stack
grid: {lr: [0.1, 0.3, 1.0], width: [1, 2]}
scales:
  tiny: {seeds: 4}
figures:
  - {id: errors, caption: Errors by rate., mark: line, x: lr, y: error, color: width}
```

```yaml verify
id: best
experiment: stack
parameters: {lr: {choose_from: rates, minimise: error, per: width}}
grid: {width: [1, 2]}
scales:
  tiny: {seeds: 6}
claims:
  - id: low
    says: The error is low.
    source: Section 3
    test: {metric: error, where: {width: 1}, at_most: 0.9}
    control: {where: {width: 2}}
```
"""
)

DICE = (
    _FRONT.format(title="Dice")
    + """\
```python verify
import random
import time


def die(seed: int, device: str, *, sides: int) -> dict:
    time.sleep(0.005)
    return {"face": random.Random(f"{seed} {sides}").randint(1, sides)}
```

```yaml verify
id: rolls
experiment: die
grid: {sides: [6, 8, 10, 20]}
scales:
  tiny: {seeds: 10}
  small: {seeds: 3}
figures:
  - {id: faces, caption: Faces., mark: point, x: sides, y: face}
claims:
  - id: larger
    says: More sides show larger faces.
    source: Section 1
    test: {metric: face, statistic: difference, arms: [{sides: 20}, {sides: 6}], at_least: 1}
```
"""
)

REVIEWS = {"coins.md": COINS, "stacks.md": STACKS, "dice.md": DICE}
FEW = {"stacks.md": STACKS, "dice.md": DICE}
"""For a short campaign."""
_RANDOM = 'random.Random(f"{seed} {sides}").randint(1, sides)'
_TORCH = "float(torch.randint(1, sides + 1, (), generator=torch.Generator().manual_seed(seed)))"
WITH_TORCH = {**REVIEWS, "dice.md": DICE.replace("import random", "import torch").replace(_RANDOM, _TORCH)}
"""The same, where one of the reviews needs torch: a run then takes seconds to begin."""
