"""A gesture network with fresh weights, for an APK of a checkout where nothing was trained: `fresh_model.py FOLDER`.

It has the size and the labels of `make demo`'s, so that the app can be tried; it recognises nothing.
"""

import os
import shutil
import sys
import tempfile

_VARIANTS = ("float32", "float16", "int8")
_FPS = 8.0  # about what clips of the rendered gestures have


def main(output: str) -> None:
    """Exports `fresh_weights_float32.tflite`, ... into a folder."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    from export.tflite import export_model
    from tsm_tf import ModelSpec, build_model
    from tsm_tf.data.synthetic.gestures import LABELS
    from tsm_tf.training.recipes import get_recipe

    keras.utils.set_random_seed(0)
    recipe = get_recipe("gestures")
    size, width = recipe.input_size, recipe.width
    spec = ModelSpec(num_classes=len(LABELS), labels=LABELS, input_size=size, width=width, fps=_FPS)
    with tempfile.TemporaryDirectory() as folder:
        paths = export_model(
            build_model(spec), folder, online=True, variants=_VARIANTS, num_videos=9
        )
        for path in paths:
            shutil.copyfile(path, f"{output}/fresh_weights_{path.stem.rpartition('_')[2]}.tflite")
    print(
        "*** NO TRAINED MODEL: the app gets FRESH WEIGHTS, and recognises nothing. `make demo` trains one. ***"
    )


if __name__ == "__main__":
    main(sys.argv[1])
