"""The flags that choose an evaluation protocol, for every command that scores videos."""

from absl import flags

from tsm_tf.data.views import CROPS, DEFAULT_CLIPS, SAMPLINGS, UNIFORM, Views
from tsm_tf.errors import InputError
from tsm_tf.evaluation.protocols import EFFICIENT, PROTOCOLS, Protocol, make_protocol

_PARTS = ("clips", "crops", "sampling", "full_resolution")


def define() -> None:
    """Defines `--protocol`, the flags for other clips and crops, and `--softmax`."""
    flags.DEFINE_enum(
        "protocol",
        None,
        list(PROTOCOLS),
        "Clips and crops per video. efficient (default): one clip, centre crop; "
        "something_accurate: 2 clips x 3 crops; kinetics_accurate: 10 dense clips x 3 crops, both "
        "at full resolution; ten_crop: one clip, 10 crops.",
    )
    flags.DEFINE_integer(
        "clips",
        None,
        "Instead of --protocol: clips per video. Default: 1, 2 with twice, 10 with dense.",
    )
    flags.DEFINE_enum(
        "crops",
        None,
        [str(number) for number in CROPS],
        "Instead of --protocol: crops per clip. 10 are 5 and their mirror images. Default: 1.",
    )
    flags.DEFINE_enum(
        "sampling",
        None,
        list(SAMPLINGS),
        "Instead of --protocol: one clip of the whole video, two of them, or clips over 64 frames "
        f"each. Default: {UNIFORM}.",
    )
    flags.DEFINE_bool(
        "full_resolution",
        None,
        "Instead of --protocol: crop squares of the whole short side, such as 256 for 224.",
    )
    flags.DEFINE_bool(
        "softmax",
        False,
        "Average probabilities over the views instead of logits.",
    )


def read() -> Protocol:
    """Returns the chosen protocol; call it in `main` only.

    Raises:
        InputError: `--protocol` together with other clips or crops, or numbers that do not fit.
    """
    values = flags.FLAGS
    given = [name for name in _PARTS if values[name].value is not None]
    if not given:
        views = PROTOCOLS[values.protocol or EFFICIENT.name].views
        return make_protocol(views, values.softmax)
    if values.protocol:
        rule = f"must not be combined with --{', --'.join(given)}"
        raise InputError("protocol", rule, values.protocol)

    sampling = values.sampling or UNIFORM
    clips = DEFAULT_CLIPS[sampling] if values.clips is None else values.clips
    views = Views(clips, int(values.crops or 1), sampling, bool(values.full_resolution))
    return make_protocol(views, values.softmax)
