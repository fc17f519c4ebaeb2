"""Predicts the classes of single videos: `python -m tsm_tf.predict`.

`inputs` finds the videos, `predictors` run a model on one of them, `classes` ranks its classes,
`results` writes them, and `annotated` draws them on the video. `keras_models` loads checkpoints;
the other modules need no Keras.
"""
