"""Writes the original's networks as TFLite files with litert-torch, as a user of PyTorch would.

    python original_files.py OUTPUT INPUT_SIZE

The online MobileNetV2 takes one frame and 10 caches, and the ResNet-50 takes a clip of 8 frames.
int8 is the static recipe of AI Edge Quantizer, calibrated on noise. The weights are random. There
are three folders in OUTPUT:

- `litert-torch`: PyTorch's layout. int8 files have float inputs and outputs, because the recipe
  gives a cache one scale as an input and another as an output, so that it would not feed back.
- `litert-torch, NHWC`: the channels of frames and caches are last (`to_channel_last_io`).
- `litert-torch, int8 borders`: int8 as the recipe has it.

The script needs litert-torch and torchvision only.
"""

import pathlib
import sys

import litert_torch
import torch
import torchvision
from ai_edge_quantizer import qtyping, quantizer, recipe
from ai_edge_quantizer.algorithm_manager import AlgorithmName
from original_step import NUM_CLASSES, NUM_SEGMENTS, SHIFT_DIV, build
from torch import nn

_CALIBRATION_STEPS = 4


class OnlineMobileNetV2(nn.Module):
    """torchvision's network, in which each residual branch gets an eighth of the last frame."""

    def __init__(self):
        super().__init__()
        self.net = torchvision.models.mobilenet_v2(weights=None, num_classes=NUM_CLASSES)

    def forward(self, frame, *caches):
        """Returns the logits and the new caches."""
        features, unused, new_caches = frame, list(caches), []
        for block in self.net.features:
            if not getattr(block, "use_res_connect", False):
                features = block(features)
                continue

            fold = features.shape[1] // SHIFT_DIV
            new_caches.append(features[:, :fold])
            shifted = torch.cat((unused.pop(0), features[:, fold:]), 1)
            features = features + block.conv(shifted)
        return self.net.classifier(features.mean(3).mean(2)), *new_caches

    def caches(self, frame: torch.Tensor) -> list[torch.Tensor]:
        """Returns the caches of a stream that begins, for frames like this one."""
        features, caches = frame, []
        with torch.no_grad():
            for block in self.net.features:
                if getattr(block, "use_res_connect", False):
                    caches.append(torch.zeros_like(features[:, : features.shape[1] // SHIFT_DIV]))
                features = block(features)
        return caches


class Clip(nn.Module):
    """The network of a clip `[8, 3, H, W]`, with the mean of its frames' logits."""

    def __init__(self, backbone: str):
        super().__init__()
        self.net = build(backbone)

    def forward(self, frames):
        """Returns logits `[1, NUM_CLASSES]`."""
        return self.net(frames).mean(0, keepdim=True)


def write_files(net: nn.Module, inputs: tuple[torch.Tensor, ...], path: pathlib.Path) -> None:
    """Converts a network to `PATH_float32.tflite` and, with float borders, `PATH_int8.tflite`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    float32 = path.with_name(f"{path.name}_float32.tflite")
    litert_torch.convert(net, inputs).export(str(float32))
    print(f"written: {float32}", flush=True)
    write_int8(float32, _calibration(net, inputs), path.with_name(f"{path.name}_int8.tflite"))


def write_int8(
    float32: pathlib.Path, samples: list[dict], path: pathlib.Path, borders: str = "float32"
) -> None:
    """Quantises a file; its inputs and outputs become `borders`: float32 or int8."""
    quantiser = quantizer.Quantizer(str(float32))
    quantiser.load_quantization_recipe(recipe.static_wi8_ai8())
    if borders == "float32":
        for name in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
            quantiser.update_quantization_recipe(
                regex=".*", operation_name=name, algorithm_key=AlgorithmName.NO_QUANTIZE
            )

    statistics = quantiser.calibrate({"serving_default": samples})
    path.parent.mkdir(parents=True, exist_ok=True)
    quantiser.quantize(statistics).export_model(str(path), overwrite=True)
    print(f"written: {path}", flush=True)


def _calibration(net, inputs):
    """Returns the inputs of the first steps of a stream of noise, or one clip of noise, by name.

    The quantiser keeps the tensors of all samples: four clips at 224 pixels take 12 GB and more.
    """
    samples, caches = [], inputs[1:]
    for _ in range(_CALIBRATION_STEPS if caches else 1):
        values = (torch.randn_like(inputs[0]), *caches)
        samples.append({f"args_{number}": value.numpy() for number, value in enumerate(values)})
        if caches:
            with torch.no_grad():
                caches = net(*values)[1:]
    return samples


def channels_last(
    net: nn.Module, inputs: tuple[torch.Tensor, ...]
) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    """Returns a network, and its inputs, with the channels of all inputs and caches last."""
    numbers = list(range(len(inputs)))
    outputs = numbers[1:]  # the caches; the logits have no layout
    net = litert_torch.to_channel_last_io(net, args=numbers, outputs=outputs)
    return net, tuple(x.permute(0, 2, 3, 1).contiguous() for x in inputs)


def fit_statistics(net: nn.Module, input_size: int) -> None:
    """Gives batch normalisation the statistics of noise, as training would.

    With those of fresh weights, activations vanish, and tflite-runtime refuses such scales.
    """
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean of all batches
    with torch.no_grad():
        net.train()(torch.randn(NUM_SEGMENTS, 3, input_size, input_size))
    net.eval()


def main():
    output, input_size = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    torch.manual_seed(0)

    online, clip = OnlineMobileNetV2(), Clip("resnet50")
    for network in (online, clip):
        fit_statistics(network.net, input_size)
        network.eval()
    frame = torch.zeros(1, 3, input_size, input_size)
    networks = {
        "mobilenet_v2_online": (online, (frame, *online.caches(frame))),
        "resnet50_clip": (clip, (frame.repeat(NUM_SEGMENTS, 1, 1, 1),)),
    }

    for name, (net, inputs) in networks.items():
        write_files(net, inputs, output / "litert-torch" / name)
        write_files(*channels_last(net, inputs), output / "litert-torch, NHWC" / name)
        write_int8(
            output / "litert-torch" / f"{name}_float32.tflite",
            _calibration(net, inputs),
            output / "litert-torch, int8 borders" / f"{name}_int8.tflite",
            borders="int8",
        )


if __name__ == "__main__":
    main()
