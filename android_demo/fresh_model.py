"""Exports a gesture network with fresh weights, for an APK when no model was trained.

    python android_demo/fresh_model.py FOLDER

It has the size and the labels of the model that `make demo` trains, so the app can be tried, but
its predictions are random.
"""

import os
import shutil
import sys
import tempfile

_VARIANTS = ("float32", "float16", "int8")
_FPS = 8.0  # close to that of the clips of the rendered gestures


def main(output: str) -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    from export.tflite import export_model
    from tsm_tf import build_model
    from tsm_tf.data.synthetic.gestures import LABELS
    from tsm_tf.training.recipes import get_recipe

    keras.utils.set_random_seed(0)
    model = get_recipe("gestures").model
    spec = model.replace(num_classes=len(LABELS), labels=LABELS, fps=_FPS)
    with tempfile.TemporaryDirectory() as folder:
        paths = export_model(
            build_model(spec),
            folder,
            online=True,
            variants=_VARIANTS,
            num_videos=9,
        )
        for path in paths:
            variant = path.stem.rpartition("_")[2]
            shutil.copyfile(path, f"{output}/fresh_weights_{variant}.tflite")
    print(
        "*** NO TRAINED MODEL: the app gets FRESH WEIGHTS, and its predictions are random. "
        "`make demo` trains a model. ***"
    )


if __name__ == "__main__":
    main(sys.argv[1])
