from absl import flags
from testing import refuses

from tsm_tf.data.views import Views
from tsm_tf.evaluation import protocol_flags
from tsm_tf.evaluation.protocols import EFFICIENT, PROTOCOLS, make_protocol


def read(*arguments):
    """Returns the protocol of a command line, with fresh flags."""
    others = set(flags.FLAGS)
    protocol_flags.define()
    try:
        flags.FLAGS(["command", *arguments])
        return protocol_flags.read()
    finally:
        for name in set(flags.FLAGS) - others:
            delattr(flags.FLAGS, name)


def test_by_name_or_by_its_parts():
    assert read() == EFFICIENT
    for name, protocol in PROTOCOLS.items():
        assert read(f"--protocol={name}") == protocol
    assert read("--sampling=dense") == make_protocol(Views(10, 1, "dense"))
    assert read("--sampling=twice", "--crops=5") == make_protocol(Views(2, 5, "twice"))
    assert read("--full_resolution").views == Views(full_resolution=True)
    given = ("--clips=10", "--crops=3", "--sampling=dense", "--full_resolution")
    assert read(*given) == PROTOCOLS["kinetics_accurate"]
    assert read("--protocol=ten_crop", "--softmax").name == "ten_crop_softmax"


def test_both_ways_at_once():
    with refuses("protocol", "--clips, --full_resolution", "ten_crop"):
        read("--protocol=ten_crop", "--clips=2", "--nofull_resolution")


def test_a_number_of_clips_that_the_sampling_does_not_give():
    with refuses("clips", "2 to 64 with dense", "100"):
        read("--sampling=dense", "--clips=100")
    with refuses("clips", "must be 1 with uniform", "10"):
        read("--clips=10")
