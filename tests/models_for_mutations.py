"""A small network with every operator that `allowed_operators.json` lists."""

import keras
from weights import with_weights

from tsm_tf import ClipModel, retrofit

LAYERS = keras.layers


def every_operator() -> ClipModel:
    """Returns a clip model of a network for 16x16 frames, with one shift."""
    frames = LAYERS.Input((32, 32, 3))
    x = LAYERS.Conv2D(8, 3, strides=2, padding="same")(frames)
    x = _activations(x)
    x = LAYERS.Add()([x, LAYERS.Conv2D(8, 3, padding="same", activation="elu", name="shifted")(x)])
    x = LAYERS.ZeroPadding2D(1)(x)
    x = LAYERS.DepthwiseConv2D(3, dilation_rate=2, padding="same")(x)
    x = LAYERS.AveragePooling2D(2, padding="same")(x)
    x = LAYERS.UpSampling2D(2, interpolation="bilinear")(x)
    x = LAYERS.Conv2DTranspose(8, 3, strides=2, padding="same")(x)
    x = LAYERS.MaxPooling2D(4)(x)
    x = LAYERS.GroupNormalization(4)(x)
    x = _arithmetic(x)
    x = _attention(x)

    x = LAYERS.Concatenate()([LAYERS.GlobalMaxPooling2D()(x), LAYERS.GlobalAveragePooling2D()(x)])
    x = LAYERS.Dense(8, activation="relu")(x)
    model = keras.Model(frames, LAYERS.Dense(4)(x))
    return with_weights(
        retrofit(
            model,
            num_segments=2,
            shift_mode="unidirectional",
            where=("shifted",),
            num_classes=4,
            preprocess="tf",
        )
    )


def _activations(x):
    for name in ("tanh", "gelu", "hard_swish", "exponential"):
        x = LAYERS.Activation(name)(x)
        x = LAYERS.BatchNormalization()(x)
    x = LAYERS.LeakyReLU()(x)
    return LAYERS.PReLU(shared_axes=[1, 2])(x)


def _arithmetic(x):
    y = LAYERS.Conv2D(8, 1, activation="sigmoid")(x)
    x = LAYERS.Multiply()([x, y])
    x = LAYERS.Subtract()([x, y])
    x = LAYERS.Maximum()([x, y])
    x = LAYERS.Minimum()([x, LAYERS.ReLU(max_value=6)(x)])
    return LAYERS.UpSampling2D(2)(x)


def _attention(x):
    _, height, width, channels = x.shape
    rows = LAYERS.Reshape((height * width, channels))(x)
    weights = LAYERS.Softmax()(LAYERS.Dot(axes=2)([rows, rows]))
    rows = LAYERS.Dot(axes=(2, 1))([weights, rows])
    return LAYERS.Reshape((height, width, channels))(
        LAYERS.Permute((2, 1))(LAYERS.Permute((2, 1))(rows))
    )
