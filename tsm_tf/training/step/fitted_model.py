"""`FittedModel`: what `fit` trains, around a model that can be saved as a checkpoint."""

from typing import Any

import keras


class FittedModel(keras.Model):
    """Trains a model from clips, whose weights it shares.

    Args:
        clip_model: a clip model or a detector.
    """

    def __init__(self, clip_model: Any):
        super().__init__(name="training")
        self.clip_model = clip_model

    def finished_clip_model(self) -> Any:
        """Returns the model to save, after the last validation."""
        return self.clip_model
