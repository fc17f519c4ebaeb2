"""What a dataset reports while it loads clips."""

from tsm_tf.data.sources.bad_video import BadVideoError


class Observer:
    """Receives reports from the threads that load clips; by default it ignores them.

    Methods are called from any thread, several at a time.
    """

    def clip_ready(self, place: int) -> None:
        """Called when a clip is loaded.

        Args:
            place: the clip's position, counted over all passes over the dataset.
        """

    def bad_video(self, error: BadVideoError) -> None:
        """Called for each video that cannot be decoded, once per epoch.

        Args:
            error: names the video and the reason.
        """
