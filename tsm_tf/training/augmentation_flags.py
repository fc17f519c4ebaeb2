"""Flags for the fields of `AugmentationSettings`, without `scales`."""

from absl import flags

from tsm_tf.data.augmentation_settings import CROPS


class _NumbersParser(flags.ArgumentParser):
    """Parses numbers that are separated by commas."""

    syntactic_help = "numbers, separated by commas"

    def parse(self, argument: str | tuple[float, ...]) -> tuple[float, ...]:
        """Returns the numbers.

        Raises:
            ValueError: something else is between the commas.
        """
        if isinstance(argument, str):
            return tuple(float(number) for number in argument.split(","))
        return argument

    def flag_type(self) -> str:
        return "comma-separated numbers"


def define(note: str) -> None:
    """Defines the flags; those that are not given are None.

    Args:
        note: the end of each help text.
    """
    flags.DEFINE_enum("crop", None, list(CROPS), f"Random crop of training clips. {note}")
    for name, text in (
        ("crop_area", "Smallest and largest area of --crop=random_resized, such as 0.08,1."),
        ("crop_aspect", "Smallest and largest width of --crop=random_resized by its height."),
        (
            "zoom",
            "Smallest and largest short side for --crop=scale_jitter, relative to the input size.",
        ),
        (
            "color_jitter",
            "Largest changes of brightness, contrast, saturation and hue, such as 0.4,0.4,0.4,0.1.",
        ),
    ):
        flags.DEFINE(
            _NumbersParser(), name, None, f"{text} {note}", serializer=flags.ListSerializer(",")
        )

    flags.DEFINE_integer("randaugment_ops", None, f"Operations of RandAugment per clip. {note}")
    for name, text in (
        ("randaugment_magnitude", "Strength of RandAugment, from 0 to 10."),
        ("mixup", "Alpha of MixUp; 0 turns it off."),
        ("cutmix", "Alpha of CutMix; 0 turns it off."),
    ):
        flags.DEFINE_float(name, None, f"{text} {note}")
