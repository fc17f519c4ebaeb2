"""The embedding network of FGFA, whose outputs are compared to weight the frames."""

import keras


def build_embedding(
    height: int, width: int, channels: int = 1024, name: str = "embedding"
) -> keras.Model:
    """Builds the embedding network, 1x1, 3x3 and 1x1 convolutions (FGFA, section 3.4).

    Args:
        height: rows of the features.
        width: columns of the features.
        channels: channels of the features, 1,024 in the paper. The hidden layers have half as many,
            the output has twice as many.
        name: name of the model.

    Returns:
        A model from `[N, height, width, channels]` to `[N, height, width, 2 * channels]`.
    """
    inputs = x = keras.Input((height, width, channels))
    for layer, filters, kernel, activation in (
        ("em_conv1", channels // 2, 1, "relu"),
        ("em_conv2", channels // 2, 3, "relu"),
        ("em_conv3", channels * 2, 1, None),
    ):
        x = keras.layers.Conv2D(
            filters,
            kernel,
            padding="same",
            activation=activation,
            kernel_initializer="he_normal",
            name=layer,
        )(x)
    return keras.Model(inputs, x, name=name)
