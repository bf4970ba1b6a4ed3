"""Training and testing on distorted digits: the same for every network."""

import numpy as np
import torch
from torch import nn


class Sampler:
    """Batches of training images, distorted anew each time."""

    def __init__(self, images, labels, distort, size, seed):
        self.images, self.labels, self.distort, self.size = images, labels, distort, size
        self.rng = np.random.default_rng(seed)

    def batch(self):
        """Images and labels as tensors."""
        chosen = self.rng.integers(0, len(self.images), self.size)
        images = self.distort(self.rng, self.images[chosen])
        return torch.from_numpy(images), torch.from_numpy(self.labels[chosen])


def fixed(images, labels, distort, times):
    """A test set that is the same for all: each image distorted several times."""
    rng = np.random.default_rng(12345)
    shown = np.concatenate([distort(rng, images) for _ in range(times)])
    return torch.from_numpy(shown), torch.from_numpy(np.tile(labels, times))


def train(network, sampler, steps, rate, tick=lambda: None, localisation=0.5):
    """Adam, its rate rising for a tenth of the steps, then falling to nothing along a cosine.

    The layers that find a transformer's parameters learn at a fraction of the rate, ``localisation``. Gradients are cut
    to a length of 1: without that, and without the slow start, some runs lose most of their rectifiers to one early step
    and never recover.
    """
    groups = [{"params": [], "lr": rate}, {"params": [], "lr": rate * localisation}]
    for name, value in network.named_parameters():
        groups[not {"localisation", "last"}.isdisjoint(name.split("."))]["params"].append(value)
    optimizer = torch.optim.Adam([group for group in groups if group["params"]])
    rates = [group["lr"] for group in optimizer.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, steps, pct_start=0.1, cycle_momentum=False)
    network.train()
    for _ in range(steps):
        images, labels = sampler.batch()
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images), labels).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1)
        optimizer.step()
        schedule.step()
        tick()


@torch.no_grad()
def error(network, images, labels):
    """Percent of the images that the network gets wrong; where an image has several labels, one wrong one suffices."""
    network.eval()
    wrong = 0
    for some, wanted in zip(images.split(500), labels.split(500)):
        wrong += (network(some).argmax(1) != wanted).reshape(len(wanted), -1).any(1).sum().item()
    return 100 * wrong / len(labels)
