"""TV-L1 optical flow and its quantisation, as in TSN's and OpenMMLab's tools.

Zach, Pock and Bischof 2007, by OpenCV's `cv2.optflow`, which only `opencv-contrib-python` and
`opencv-contrib-python-headless` have.
"""

import dataclasses

import cv2
import numpy as np

from tsm_tf.errors import InputError

CUDA, CPU = "cuda", "cpu"
VARIANTS = (CUDA, CPU)
MAX_SHORT_SIDE = 4096
_MAX_BOUND = 1000


@dataclasses.dataclass(frozen=True)
class FlowSettings:
    """How optical flow is computed and stored.

    Args:
        variant: the parameters of TV-L1. `"cuda"` imitates OpenCV's CUDA variant, which TSN and
            OpenMMLab use: one loop of 300 iterations per warp, without a median filter. On a
            smooth shift, the mean difference to it is 0.01 pixels. `"cpu"` has the defaults of
            OpenCV's CPU variant, 10 loops of 30 iterations with a median filter.
        bound: largest flow in pixels per frame that can be stored; larger values become this one.
        short_side: frames with a larger short side are first scaled down to it; the flow is in
            pixels of the scaled frame.
        quality: JPEG quality of the stored images, from 1 to 100.

    Raises:
        InputError: an unknown variant, or a number out of range.
    """

    variant: str = CUDA
    bound: float = 20.0
    short_side: int = 256
    quality: int = 95

    def __post_init__(self):
        if self.variant not in VARIANTS:
            rule = f"must be one of {', '.join(VARIANTS)}"
            raise InputError("variant", rule, self.variant)
        for name, smallest, largest in (
            ("bound", 1, _MAX_BOUND),
            ("short_side", 16, MAX_SHORT_SIDE),
            ("quality", 1, 100),
        ):
            if not smallest <= getattr(self, name) <= largest:  # also for NaN
                rule = f"must be from {smallest} to {largest}"
                raise InputError(name, rule, getattr(self, name))


class FlowEncoder:
    """Computes flow between frames; keeps OpenCV's buffers, so use one per thread.

    Args:
        settings: how to compute and store it.

    Raises:
        InputError: this OpenCV has no `cv2.optflow`.
    """

    def __init__(self, settings: FlowSettings = FlowSettings()):
        self.settings = settings
        if not hasattr(cv2, "optflow"):
            rule = (
                "must have cv2.optflow: pip uninstall opencv-python-headless, then pip install "
                "opencv-contrib-python-headless"
            )
            raise InputError("opencv", rule, cv2.__version__)

        is_cuda = settings.variant == CUDA
        self._tv_l1 = cv2.optflow.DualTVL1OpticalFlow.create(
            tau=0.25,
            lambda_=0.15,
            theta=0.3,
            nscales=5,
            warps=5,
            epsilon=0.01,
            innnerIterations=300 if is_cuda else 30,
            outerIterations=1 if is_cuda else 10,
            scaleStep=0.8,
            gamma=0.0,
            medianFiltering=1 if is_cuda else 5,
            useInitialFlow=False,
        )

    def flow(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Returns how far each pixel of a frame moves to the next one.

        Args:
            one: RGB `uint8 [H, W, 3]`.
            other: the next frame.

        Returns:
            `float32 [H, W, 2]`, x and y in pixels.
        """
        grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (one, other)]
        return self._tv_l1.calc(grey[0], grey[1], np.empty((*grey[0].shape, 2), np.float32))

    def encode(self, one: np.ndarray, other: np.ndarray) -> tuple[bytes, bytes]:
        """Returns the flow from a frame to the next one as two grey JPEGs, x and y."""
        levels = quantise(self.flow(one, other), self.settings.bound)
        options = [cv2.IMWRITE_JPEG_QUALITY, self.settings.quality]
        x, y = (cv2.imencode(".jpg", levels[..., axis], options)[1] for axis in range(2))
        return x.tobytes(), y.tobytes()


def decode(x: bytes, y: bytes) -> np.ndarray:
    """Returns the flow of two grey JPEGs as `uint8 [H, W, 2]`."""
    return np.stack(
        [
            cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
            for content in (x, y)
        ],
        axis=-1,
    )


def quantise(flow: np.ndarray, bound: float = 20.0) -> np.ndarray:
    """Returns flow as it is stored: `round(255 * (v + bound) / (2 * bound))`, limited to 0..255.

    Halves are rounded to even, as in OpenCV's `cvRound`, so that no motion becomes 128.

    Args:
        flow: `float [..., 2]` in pixels.
        bound: the flow that becomes 255; its negative becomes 0.

    Returns:
        `uint8 [..., 2]`.
    """
    levels = 255 * (flow.astype(np.float64) + bound) / (2 * bound)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)
