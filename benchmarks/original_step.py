"""The original's training steps in PyTorch, for `benchmarks.training_step`: one per line of input.

    python original_step.py resnet50|mobilenet_v2 BATCH_SIZE INPUT_SIZE [channels_last]

It trains as the original does: the shift copies slices into zeros (`TemporalShift.shift`). Dropout
and a new head follow the network. The loss is the cross-entropy of the mean of the frames' logits.
Gradients are clipped by their global norm, and SGD uses the parameter groups' learning rates and
weight decays. The script needs PyTorch and torchvision only.
"""

import os
import resource
import sys

import torch
import torchvision
from torch import nn

NUM_SEGMENTS, SHIFT_DIV, NUM_CLASSES = 8, 8, 174


class TemporalShift(nn.Module):
    """Shifts the input of a convolution."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, x):
        """Shifts frames `[N*T, C, H, W]` along time and applies the convolution."""
        rows, channels, height, width = x.size()
        x = x.view(rows // NUM_SEGMENTS, NUM_SEGMENTS, channels, height, width)
        fold = channels // SHIFT_DIV

        out = torch.zeros_like(x)
        out[:, :-1, :fold] = x[:, 1:, :fold]
        out[:, 1:, fold : 2 * fold] = x[:, :-1, fold : 2 * fold]
        out[:, :, 2 * fold :] = x[:, :, 2 * fold :]
        return self.net(out.view(rows, channels, height, width))


def build(backbone: str) -> nn.Module:
    """Returns torchvision's network with the shift in its residual branches."""
    net = getattr(torchvision.models, backbone)(weights=None)
    if backbone == "mobilenet_v2":
        for block in net.features:
            if getattr(block, "use_res_connect", False):
                block.conv[0] = TemporalShift(block.conv[0])
        net.classifier = nn.Sequential(nn.Dropout(0.5), nn.Linear(net.last_channel, NUM_CLASSES))
        return net

    for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
        for block in stage:
            block.conv1 = TemporalShift(block.conv1)
    net.fc = nn.Sequential(nn.Dropout(0.5), nn.Linear(net.fc.in_features, NUM_CLASSES))
    return net


def groups(net: nn.Module) -> list[dict]:
    """Returns parameter groups with learning rates and weight decays (`get_optim_policies`)."""
    decayed = {id(m.weight) for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    head = {
        id(p): 5 if p.ndim > 1 else 10
        for m in net.modules()
        if isinstance(m, nn.Linear)
        for p in m.parameters()
    }

    found = {}
    for p in net.parameters():
        found.setdefault((head.get(id(p), 1), id(p) in decayed), []).append(p)
    return [
        {"params": parameters, "lr": 0.01 * rate, "weight_decay": 5e-4 * decay}
        for (rate, decay), parameters in found.items()
    ]


def main():
    backbone, batch_size, input_size, *layout = sys.argv[1:]
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    memory_format = torch.channels_last if layout else torch.contiguous_format

    net = build(backbone).to(memory_format=memory_format).train()
    optimizer = torch.optim.SGD(groups(net), 0.01, momentum=0.9)
    clips = torch.randn(int(batch_size) * NUM_SEGMENTS, 3, int(input_size), int(input_size))
    clips = clips.to(memory_format=memory_format)
    labels = torch.arange(int(batch_size))

    print("ready", flush=True)
    for _ in sys.stdin:
        logits = net(clips).view(int(batch_size), NUM_SEGMENTS, -1).mean(1)
        loss = nn.functional.cross_entropy(logits, labels)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 20)
        optimizer.step()
        optimizer.zero_grad()
        print(loss.item(), flush=True)

    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)


if __name__ == "__main__":
    main()
