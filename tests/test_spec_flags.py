import dataclasses
import functools
import subprocess
import sys

import pytest
from absl import flags

from tsm_tf import ModelSpec, spec_flags

KINDS = ("DEFINE_string", "DEFINE_integer", "DEFINE_float", "DEFINE_bool", "DEFINE_enum")
ORIGINAL = {kind: getattr(flags, kind) for kind in KINDS}


@pytest.fixture
def parsed(monkeypatch):
    """Parses arguments into flags of their own."""

    def parse(*arguments, names=spec_flags.FIELDS):
        values = flags.FlagValues()
        monkeypatch.setattr(flags, "FLAGS", values)
        for kind, define in ORIGINAL.items():
            monkeypatch.setattr(flags, kind, functools.partial(define, flag_values=values))
        spec_flags.define(names, "Default: none.")
        values(["command", *arguments])
        return spec_flags.read(names)

    return parse


def test_every_field_has_the_type_of_the_spec(parsed):
    changes = {
        "consensus": "average",
        "backbone": "resnet50",
        "num_classes": 5,
        "num_segments": 4,
        "input_size": 64,
        "width": 1.0,
        "shift_mode": "bidirectional",
        "shift_div": 4,
        "shift_place": "block",
        "modality": "flow",
        "non_local": True,
        "temporal_pool": True,
        "sampling_rate": "constant",
        "dropout": 0.25,
    }
    assert set(changes) == set(spec_flags.FIELDS)
    assert set(changes) <= {field.name for field in dataclasses.fields(ModelSpec)}
    read = parsed(*(f"--{name}={value}" for name, value in changes.items()))
    assert read == changes and ModelSpec(**read).shift_div == 4


def test_only_flags_that_were_given_are_read(parsed):
    assert parsed() == {}
    assert parsed("--nonon_local") == {"non_local": False}
    assert parsed("--shift_div=4", names=("shift_div",)) == {"shift_div": 4}


def test_a_choice_is_checked_by_the_command_line(parsed):
    with pytest.raises(flags.IllegalFlagValueError, match="shift_mode"):
        parsed("--shift_mode=both")


@pytest.mark.parametrize("command", ["tsm_tf.analysis.cost", "export.tflite"])
def test_commands_offer_all_fields(command):
    """Training's are tested with the training."""
    arguments = [sys.executable, "-m", command, "--helpfull"]
    done = subprocess.run(arguments, capture_output=True, text=True)
    for name in spec_flags.FIELDS:
        assert f"--{name}:" in done.stdout or f"--[no]{name}:" in done.stdout, name
