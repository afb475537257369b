# %% [markdown]
# # Dense-sparse-dense training in 64 lines
#
# Train a network, set the smallest 30 % of its weights to zero and train what is left, then let the zeros go and train
# everything once more ([Han et al. 2017](https://arxiv.org/abs/1607.04381)). Beside it a copy of the same network makes
# the same steps without ever being pruned: the comparison that matters, since it has had as much training.

# %%
import copy
import math

import matplotlib.pyplot as plt
import torch
from mnist1d.data import get_dataset_args, make_dataset
from torch import nn
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)  # a network this small gains nothing from more
arguments = get_dataset_args()
arguments.num_samples, arguments.train_split = 5000, 0.6
made = make_dataset(arguments)
inputs, test_inputs = (torch.tensor(made[name], dtype=torch.float32) for name in ("x", "x_test"))
labels, test_labels = (torch.tensor(made[name]) for name in ("y", "y_test"))
print(f"{len(labels):,} examples to train on, {len(test_labels):,} to test")

# %% [markdown]
# One phase is plain SGD whose learning rate falls along a cosine. A mask, where there is one, is applied after each
# step, so that a pruned weight stays at zero.


# %%
def train(network, epochs, rate, masks=None):
    optimizer = torch.optim.SGD(network.parameters(), momentum=0.9, weight_decay=5e-4)
    errors = []
    for epoch in range(epochs):
        for step, rows in enumerate(torch.randperm(len(labels)).split(64)):
            progress = (epoch + step * 64 / len(labels)) / epochs
            optimizer.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * progress)) / 2
            optimizer.zero_grad()
            cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
            for weights, mask in masks or []:
                weights.data *= mask
        with torch.no_grad():
            errors.append((network(test_inputs).argmax(1) != test_labels).float().mean().item())
    return errors


def smallest_cut(weights, sparsity=0.3):
    return (weights.abs() > weights.abs().flatten().quantile(sparsity)).float()


# %% [markdown]
# Phase 1 is common to both. From there the rates are a tenth and a hundredth of the first, as in the paper's tables for
# residual networks. The first layer is never pruned.

# %%
torch.manual_seed(0)
dense = nn.Sequential(nn.Linear(40, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
shared = train(dense, 20, 0.2)

pruned = copy.deepcopy(dense)
middle = pruned[2].weight
before = middle.detach().flatten().clone()
masks = [(layer.weight, smallest_cut(layer.weight.detach())) for layer in (pruned[2], pruned[4])]
for weights, mask in masks:
    weights.data *= mask

torch.manual_seed(1)
dsd = train(pruned, 10, 0.02, masks)
sparse = middle.detach().flatten().clone()
dsd += train(pruned, 10, 0.002)

torch.manual_seed(1)
ddd = train(dense, 10, 0.02) + train(dense, 10, 0.002)

# %% [markdown]
# The errors lie close together. One seed cannot tell which is better: the review repeats this over many seeds, with the
# rate chosen on a validation split, and adds a random mask as a third network.

# %%
print(f"test error after the first phase {shared[-1]:.1%}")
print(f"dense, sparse, dense             {dsd[-1]:.1%}")
print(f"dense, dense, dense              {ddd[-1]:.1%}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
for name, errors in (("dense-sparse-dense", dsd), ("dense-dense-dense", ddd)):
    left.plot(range(1, 41), shared + errors, label=name)
for end in (20, 30):
    left.axvline(end, color="gray", linewidth=0.5)
left.set(xlabel="epoch", ylabel="test error")
left.legend()
kept = masks[0][1].flatten() == 1
bins = torch.linspace(-0.6, 0.6, 61).tolist()
after = middle.detach().flatten()
for name, weights in (("before the cut", before), ("after the sparse phase", sparse[kept]), ("at the end", after)):
    right.hist(weights.tolist(), bins, histtype="step", label=name)
right.set(xlabel="weight of the middle layer", ylabel="weights", yscale="log", ylim=(1, 5000))
right.legend(loc="upper right", fontsize="small")
plt.show()
