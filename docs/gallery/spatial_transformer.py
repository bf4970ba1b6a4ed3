"""
Let a network learn where to look
=================================

A classifier reads digits that lie anywhere, once a spatial transformer has
learned to bring them to the middle.

A linear classifier would have to know each digit at each place. A *spatial
transformer* in front of it moves and scales its images by three numbers that a
small network, the *localisation network*, predicts. Nobody tells that one where
the digits are. It learns from the classifier's errors, whose gradient flows
through the warp.
"""

import torch
from matplotlib import pyplot as plt
from sklearn.datasets import load_digits
from torch import nn

import spatial_op as so

torch.manual_seed(0)
torch.set_num_threads(1)  # for networks that are so small, more are slower
# 1797 digits of 8 x 8 pixels.
digits, labels = (torch.from_numpy(each) for each in load_digits(return_X_y=True))
digits = digits.float().reshape(-1, 1, 8, 8) / 16


def batch(first, last, size):
    """Digits on canvases of 24 x 24, each at a place of its own."""
    chosen = torch.randint(first, last, (size,))
    scale, places = torch.full((size, 1), 23 / 7), 3.6 * torch.rand(size, 2) - 1.8
    loc = torch.cat([scale, places], dim=1)
    images = so.SpatialTransformer(digits[chosen], loc, (24, 24), "attention")
    return images, labels[chosen]


# %%
# The localisation network ends in the three numbers of ``"attention"``: a scale, and
# a place. Only the warp between it and the classifier is not a layer of PyTorch's.
class Reader(nn.Module):
    """A linear classifier of what the localisation network looks at."""

    def __init__(self):
        super().__init__()
        self.locate = nn.Sequential(
            nn.Flatten(), nn.Linear(576, 32), nn.ReLU(), nn.Linear(32, 3)
        )
        nn.init.zeros_(self.locate[3].weight)
        # At first it looks at all of the canvas.
        self.locate[3].bias.data = torch.tensor([1.0, 0, 0])
        self.classify = nn.Linear(256, 10)

    def look(self, images):
        loc = self.locate(images)
        return so.SpatialTransformer(images, loc, (16, 16), "attention")

    def forward(self, images):
        return self.classify(self.look(images).flatten(1))


# %%
# Both networks are trained alike, on images that are drawn anew for each step.
def errors(network):
    """Percent of new digits that it misreads after 1000 steps."""
    optimiser = torch.optim.Adam(network.parameters(), lr=0.003)
    for _ in range(1000):
        images, truth = batch(0, 1200, 64)
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(images), truth).backward()
        optimiser.step()
    images, truth = batch(1200, 1797, 1000)
    return 100 * (network(images).argmax(1) != truth).float().mean().item()


# %%
# The second one has learned to look at the digits, and to enlarge them.
alone = errors(nn.Sequential(nn.Flatten(), nn.Linear(576, 10)))
transformed = errors(reader := Reader())
print(alone > 2 * transformed)  # True

images, _ = batch(1200, 1797, 8)
looks = reader.look(images).detach()
figure, axes = plt.subplots(2, figsize=(7, 2.7), layout="constrained")
titles = (
    f"Images; a linear classifier misreads {alone:.0f} %",
    f"What it is shown; now it misreads {transformed:.0f} %",
)
for axis, title, row in zip(axes, titles, (images, looks)):
    axis.imshow(torch.cat(list(row[:, 0]), dim=1).numpy(), cmap="gray")
    for number in range(1, 8):
        axis.axvline(number * row.shape[-1] - 0.5, color="#E69F00")
    axis.set_title(title)
    axis.axis("off")
plt.show()
