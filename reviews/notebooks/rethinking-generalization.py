# %% [markdown]
# # Fitting random labels in ten lines
#
# Train one network three times, changing nothing but the data: with its labels, with labels that were rolled with a
# die, and with noise in place of the inputs. Then do without training altogether, and construct a network that gives
# any labels at all.

# %%
import matplotlib.pyplot as plt
import torch
from mnist1d.data import get_dataset_args, make_dataset
from torch import nn
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)  # on tensors as small as these, threads only wait for one another
arguments = get_dataset_args()
arguments.num_samples, arguments.train_split = 3000, 1 / 3
made = make_dataset(arguments)
inputs, test_inputs = (torch.tensor(made[name], dtype=torch.float32) for name in ("x", "x_test"))
labels, test_labels = (torch.tensor(made[name]) for name in ("y", "y_test"))
mean, deviation = inputs.mean(), inputs.std()
inputs, test_inputs = (inputs - mean) / deviation, (test_inputs - mean) / deviation
print(f"{len(inputs)} training and {len(test_inputs)} test examples of {inputs.shape[1]} numbers")


# %% [markdown]
# ## The method
#
# The loop is as plain as they come, without weight decay, dropout or augmentation. The hyperparameters are the same for
# all kinds of data.


# %%
def train(inputs, labels, epochs=50, minibatch=64, rate=0.1):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(40, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    errors = []
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs)).split(minibatch):
            optimizer.zero_grad()
            cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
        schedule.step()
        errors.append(error(network, inputs, labels))
    return network, errors


def error(network, inputs, labels):
    with torch.no_grad():
        return (network(inputs).argmax(1) != labels).float().mean().item()


# %% [markdown]
# ## Three kinds of data

# %%
torch.manual_seed(1)
rolled = torch.randint(10, labels.shape)
kinds = {
    "real labels": (inputs, labels),
    "random labels": (inputs, rolled),
    "Gaussian noise": (torch.randn(inputs.shape), labels),
}
for name, (seen, given) in kinds.items():
    network, errors = train(seen, given)
    plt.plot(range(1, len(errors) + 1), errors, label=name)
    if name == "Gaussian noise":
        print(f"{name:15} training error {errors[-1]:6.1%}")
    else:
        print(f"{name:15} training error {errors[-1]:6.1%}, test error {error(network, test_inputs, test_labels):6.1%}")
plt.xlabel("epoch")
plt.ylabel("training error")
plt.legend()
plt.show()

# %% [markdown]
# All are fitted, though from two of the three nothing can be learned. So the training error says nothing about which of
# the networks is any good; only the test error does. This is one seed: how long each takes, and which is first, needs
# more of them.
#
# ## The theorem
#
# A two-layer ReLU network with 2n + d weights can give n examples any labels. Project the examples on a line, put one
# bias into each gap, and choose output weights one after another: a triangular system.

# %%
x, y = inputs.double(), rolled.double()
direction = torch.randn(40, dtype=torch.float64)
projections, order = (x @ direction).sort()
biases = torch.cat([projections[:1] - 1, (projections[:-1] + projections[1:]) / 2])
hidden = (projections[:, None] - biases).relu()
weights = torch.linalg.solve_triangular(hidden, y[order][:, None], upper=False)[:, 0]

outputs = ((x @ direction)[:, None] - biases).relu() @ weights
count = len(direction) + len(biases) + len(weights)
print(f"{count} weights, {len(x)} random labels, largest error {(outputs - y).abs().max():.0e}")

# %%
shown = torch.linspace(projections[500], projections[510], 2000, dtype=torch.float64)
plt.plot(shown, (shown[:, None] - biases).relu() @ weights)
plt.plot(projections[500:511], y[order][500:511], "o")
plt.xlabel("projection")
plt.ylabel("output")
plt.title("Ten neighbours: through every label, and wild in between")
plt.show()
