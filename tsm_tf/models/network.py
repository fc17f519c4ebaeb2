"""The plain 2D network of a spec, and the places in it where its clip and stream models put something."""

import dataclasses

import keras

from tsm_tf.backbones import mobilenet_v2, resnet
from tsm_tf.models.graph import call_again, forget, replay, residual_entries
from tsm_tf.spec import ModelSpec

HEAD = "head"
NON_LOCAL_AFTER = ("layer2.0", "layer2.2", "layer3.0", "layer3.2", "layer3.4")


@dataclasses.dataclass(frozen=True)
class Network:
    """A 2D network from normalised frames `[B, H, W, C]` to logits `[B, num_classes]`, and its shift sites.

    Attributes:
        model: the functional model, whose layers the clip and the stream model share.
        sites: pairs of a tensor and the call that takes it; `shift` comes in between.
        in_place: the shift replaces the tensor for all that take it (`shift_place` block, Fig. 3 left).
    """

    model: keras.Model
    sites: tuple
    in_place: bool = False

    def replay(self, frames, shift, after=lambda name, x: x):
        """Computes the network on other frames, with something in between.

        Args:
            frames: normalised frames, `[B, H, W, C]`.
            shift: `shift(name, x)` is called at each site, with `shift_00`, `shift_01`, ...
            after: `after(name, x)` is called on the output of each layer; it returns what the next layers take.
        """
        sites = {(id(x), None if self.in_place else id(node)): i for i, (x, node) in enumerate(self.sites)}

        def change(node, values):
            shifted = {
                id(x): shift(f"shift_{sites[id(x), id(node)]:02d}", values[id(x)])
                for x in node.input_tensors
                if (id(x), id(node)) in sites
            }
            outputs = call_again(node, {**values, **shifted})
            if isinstance(outputs, (tuple, list, dict)):
                return outputs
            outputs = after(node.operation.name, outputs)
            site = sites.get((id(node.outputs[0]), None))
            return outputs if site is None else shift(f"shift_{site:02d}", outputs)

        return replay(self.model, frames, change)


def build_network(spec: ModelSpec) -> Network:
    """Builds a spec's 2D network with fresh weights."""
    frames = keras.Input((spec.input_size, spec.input_size, spec.channels), name="frames")
    if spec.backbone == "mobilenet_v2":
        features = mobilenet_v2.mobilenet_v2(frames, spec.width)
    else:
        features = resnet.resnet(frames, spec.backbone)
    features = keras.layers.Dropout(spec.dropout, name="dropout")(features)
    initializer = keras.initializers.RandomNormal(stddev=0.001)  # the official head's
    logits = keras.layers.Dense(spec.num_classes, kernel_initializer=initializer, name=HEAD)(features)
    model = keras.Model(frames, logits, name=spec.backbone)
    in_place = spec.shift_place == "block"
    sites = [site for site in residual_entries(model) if _is_shifted(spec, site[1].operation.name)]
    forget(model)
    return Network(model, tuple(sites) if spec.shift_mode != "none" else (), in_place)


def _is_shifted(spec, layer):
    if spec.backbone == "mobilenet_v2":
        return mobilenet_v2.is_shifted(layer)
    return spec.shift_place == "block" or resnet.is_shifted(spec.backbone, layer)


def pool_after(spec: ModelSpec) -> str | None:
    """Returns the layer behind which temporal pooling comes: the last of the first ResNet stage."""
    return f"layer1.{resnet.STAGES[spec.backbone][1][0] - 1}" if spec.temporal_pool else None
