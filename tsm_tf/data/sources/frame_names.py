"""Names of the images in a folder of frames: which are there, and how they are numbered.

Published data sets name their images differently. All of these are found by looking:

| images | names |
|---|---|
| TSN's, TSM's UCF101, HMDB51, Kinetics | `img_00001.jpg`, `flow_x_00001.jpg`, `flow_y_00001.jpg` |
| Something-Something V1, Jester | `00001.jpg` |
| TSM's Something-Something V1 flow | `000001-x_00001.jpg`, `000001-y_00001.jpg` |
| TSM's Something-Something V2, RGB or flow (red x, green y) | `000001.jpg` |
| MMAction2's flow | `x_00001.jpg`, `y_00001.jpg` |
| denseflow | `img_00000.jpg`, with steps above 1 `flow_x_p2_00000.jpg` |
| SlowFast's Something-Something V2 | `12345_000001.jpg` |

Any other prefix before the number is accepted, if all images of the folder have it. The first
number is the smallest; each later number must follow without a gap.
"""

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence

from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.errors import MissingFile

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
"""In small or capital letters."""

_SUFFIX = r"\.(?:jpe?g|png)"
_FLOW = re.compile(
    rf"((?:flow_|[0-9]+-)?)([xy])(_(?:p[0-9]+_)?)([0-9]{{1,12}})({_SUFFIX})", re.IGNORECASE
)
_IMAGE = re.compile(rf"(.*?)([0-9]{{1,12}})({_SUFFIX})", re.IGNORECASE | re.DOTALL)


@dataclasses.dataclass(frozen=True)
class NumberedImages:
    """Images that are numbered without a gap.

    Args:
        prefix: what stands before the number.
        digits: numbers with fewer digits have zeros before them.
        suffix: what stands behind the number, such as `.jpg`.
        first: the smallest number.
        count: number of images.
    """

    prefix: str
    digits: int
    suffix: str
    first: int
    count: int

    def name(self, index: int) -> str:
        """Returns the name of an image; `index` is from 0, whatever the first number is."""
        return f"{self.prefix}{self.first + index:0{self.digits}d}{self.suffix}"


@dataclasses.dataclass(frozen=True)
class FrameNames:
    """What `find_frame_names` finds in a folder. At least one of `images` and `x` is given.

    Args:
        images: images of which each is a whole frame: RGB, or optical flow with x in the red and
            y in the green channel. The names do not tell which.
        x: horizontal optical flow, one grey image per frame; None if there is none.
        y: vertical optical flow, numbered as `x` is.
    """

    images: NumberedImages | None
    x: NumberedImages | None = None
    y: NumberedImages | None = None


def is_image_name(name: str) -> bool:
    """Returns whether a file name is that of an image, and not a hidden file's.

    Archives made by macOS hold a `._name.jpg` beside each `name.jpg`.
    """
    return not name.startswith(".") and name.lower().endswith(IMAGE_SUFFIXES)


def find_frame_names(folder: str | os.PathLike, roots: Sequence[str] = ()) -> FrameNames:
    """Finds out how the images of a folder are named, from the names alone.

    Hidden files, files other than JPEG and PNG, and images without a number are ignored.

    Args:
        folder: the folder of a video.
        roots: real paths of the folders in which all images must be, links followed; none if
            they may be anywhere.

    Raises:
        MissingFile: there is no such folder.
        BadVideoError: it has no numbered images, a number is missing or repeated, the images
            have several prefixes or suffixes, x and y do not match, or an image is outside of
            `roots`.
    """
    folder = os.fspath(folder)
    numbers: dict[tuple[str, str, str, str], dict[int, int]] = {}
    for name in _image_names(folder, roots):
        if match := _FLOW.fullmatch(name):
            before, axis, after, number, suffix = match.groups()
        elif match := _IMAGE.fullmatch(name):
            before, number, suffix = match.groups()
            axis, after = "", ""
        else:
            continue

        found = numbers.setdefault((before, axis, after, suffix), {})
        value = int(number)
        if value in found:
            raise BadVideoError(folder, f"two images have the number {value}, as {name}")
        found[value] = len(number)

    if not numbers:
        kinds = ", ".join(IMAGE_SUFFIXES)
        raise BadVideoError(folder, f"a folder without numbered images ({kinds})")

    sequences = [
        (axis.lower(), _sequence(folder, before + axis + after, suffix, found))
        for (before, axis, after, suffix), found in sorted(numbers.items())
    ]
    return _pair(folder, sequences)


def _image_names(folder, roots):
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not is_image_name(entry.name) or not entry.is_file():
                    continue
                if roots and entry.is_symlink() and not is_inside(entry.path, roots):
                    reason = f"{entry.name} is a link to {os.path.realpath(entry.path)}, outside"
                    raise BadVideoError(folder, f"{reason} of {roots[0]}; see --allow_outside")
                yield entry.name
    except BadVideoError:
        raise
    except (FileNotFoundError, ValueError):  # also a name with a zero byte
        raise MissingFile("video", "must be an existing folder", folder) from None
    except NotADirectoryError:
        raise BadVideoError(folder, "a file, not a folder of images") from None
    except OSError as error:
        raise BadVideoError(folder, error.strerror or "cannot be read") from None


def is_inside(path: str, roots: Sequence[str]) -> bool:
    """Returns whether a path, links followed, is one of `roots`, which are real paths, or below."""
    real = os.path.realpath(path)
    return any(real == root or real.startswith(os.path.join(root, "")) for root in roots)


def _sequence(folder: str, prefix: str, suffix: str, digits: Mapping[int, int]) -> NumberedImages:
    """Returns the images of one prefix. `digits` maps each number to how many digits it has."""
    first, last, fewest = min(digits), max(digits), min(digits.values())
    images = NumberedImages(prefix, fewest, suffix, first, len(digits))

    for index in range(len(digits)):
        number = first + index
        if number not in digits:
            shown = f"{images.name(index)} is missing"
            gaps = last - first + 1 - len(digits)
            raise BadVideoError(folder, f"{shown}, and {gaps - 1:,} more" if gaps > 1 else shown)
        if digits[number] != len(f"{number:0{fewest}d}"):
            raise BadVideoError(
                folder,
                f"numbers with {fewest} and with {digits[number]} digits, as {prefix}{number}",
            )
    return images


def _pair(folder, sequences) -> FrameNames:
    """Sorts the images of a folder into whole frames, x and y."""
    kinds: dict[str, NumberedImages] = {}
    for axis, images in sequences:
        if axis in kinds:
            names = ", ".join(other.name(0) for kind, other in sequences if kind == axis)
            raise BadVideoError(folder, f"images with several names: {names}")
        kinds[axis] = images

    x, y = kinds.get("x"), kinds.get("y")
    if (x is None) != (y is None) or (
        x is not None and y is not None and (x.first, x.count) != (y.first, y.count)
    ):
        shown = [f"{flow.name(0)} to {flow.name(flow.count - 1)}" for flow in (x, y) if flow]
        raise BadVideoError(folder, f"flow of which x and y do not match: {', '.join(shown)}")

    return FrameNames(kinds.get(""), x, y)
