"""Small networks whose class activation maps are known exactly."""

import keras
import numpy as np

import tsm_tf

COLORS = np.array([[1, 0, 0.5, 0], [0, 1, 0, -0.5], [0, 0, 1, 2]], "float32")  # 3 to 4 channels
MIXED = np.array([[1, 2], [3, -1], [0.5, 0], [-2, 1]], "float32")  # 4 to 2 channels
KERNEL = np.array([[1, -2, 0.5], [0.25, 1, 3]], "float32")
BIAS = np.array([0.1, -0.2, 0.3], "float32")


def linear_clip_model(shift_mode="none", num_segments=3, pooled=True):
    """Averages of 4 x 4 pixels, two 1x1 convolutions, and a head; `mix` is shifted."""
    image = keras.Input((32, 32, 3))
    x = keras.layers.AveragePooling2D(4, name="small")(image)
    x = keras.layers.Conv2D(4, 1, use_bias=False, name="colors")(x)
    x = keras.layers.Conv2D(2, 1, use_bias=False, name="mix")(x)
    x = keras.layers.GlobalAveragePooling2D()(x) if pooled else keras.layers.Flatten()(x)
    network = keras.Model(image, keras.layers.Dense(3, name="scores")(x))

    network.get_layer("colors").set_weights([COLORS[None, None]])
    network.get_layer("mix").set_weights([MIXED[None, None]])
    if pooled:
        network.get_layer("scores").set_weights([KERNEL, BIAS])
    return tsm_tf.retrofit(network, num_segments, shift_mode, shift_div=4, where=["mix"])


def small_maps(clip):
    """Returns the averages of 4 x 4 pixels, `[T, 8, 8, 3]`."""
    return clip.reshape(len(clip), 8, 4, 8, 4, 3).mean(axis=(2, 4), dtype="float32")
