# %% [markdown]
# # Linear scaling and gradual warmup in 25 lines
#
# A minibatch eight times as large makes eight times fewer steps in as many epochs. The rule of Goyal et al. answers
# with eight times the learning rate, which it reaches gradually. Here one network learns MNIST-1D in three ways.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from mnist1d.data import get_dataset_args, make_dataset
from torch.nn import functional as F

torch.set_num_threads(1)
arguments = get_dataset_args()
arguments.num_samples = 5_000
data = make_dataset(arguments)
inputs, labels = (torch.from_numpy(np.concatenate([data[name], data[f"{name}_test"]])) for name in ("x", "y"))
inputs = ((inputs - inputs.mean()) / inputs.std()).float()
train, test = slice(0, 4_000), slice(4_000, None)

# %% [markdown]
# The schedule: `k` times the base rate, a warmup of two epochs that rises by the same amount in each step, and a tenth
# of the rate after 30, 60 and 80 ninetieths.


# %%
def schedule(base, k, steps, warmup):
    peak = k * base
    rates = [peak * 0.1 ** sum(step >= share * steps for share in (30 / 90, 60 / 90, 80 / 90)) for step in range(steps)]
    rates[:warmup] = [base + (peak - base) * step / warmup for step in range(warmup)]
    return rates


def learn(rates, minibatch):
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Linear(40, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)
    )
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
    order, losses = torch.empty(0, dtype=torch.int64), []
    for rate in rates:
        if len(order) < minibatch:
            order = torch.cat([order, torch.randperm(4_000)])
        rows, order = order[:minibatch], order[minibatch:]
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        loss = F.cross_entropy(network(inputs[train][rows]), labels[train][rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        error = (network(inputs[test]).argmax(1) != labels[test]).float().mean().item()
    return losses, error


# %% [markdown]
# The small minibatch at its rate, the large one at eight times that rate, and the large one at the rate of the small.

# %%
epochs, base = 24, 0.1
runs = {}
for name, k, factor in (("minibatch 32", 1, 1), ("256, linear rule", 8, 8), ("256, fixed rate", 8, 1)):
    per_epoch = 4_000 // (32 * k)
    rates = schedule(base, factor, epochs * per_epoch, 2 * per_epoch)
    losses, error = learn(rates, 32 * k)
    runs[name] = (np.reshape(losses, (epochs, per_epoch)).mean(1), np.array(rates), error)
    print(f"{name:18} {len(rates):5} steps, test error {error:.1%}")

# %% [markdown]
# One seed and 1,000 test examples tell apart only what differs by several points. The review compares many.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for name, (losses, rates, _) in runs.items():
    left.plot(np.linspace(0, epochs, len(rates)), rates, label=name)
    right.plot(range(1, epochs + 1), losses, label=name)
left.set(xlabel="epoch", ylabel="learning rate")
right.set(xlabel="epoch", ylabel="training loss")
right.legend()
plt.show()
