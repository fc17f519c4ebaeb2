"""A kind whose mutations do what must not happen, to test the runner."""

import os
import pathlib
import signal

import numpy as np

from tsm_tf.errors import InputError

OUTCOMES = (
    "read",
    "refused",
    "traceback of KeyError",
    "wrong frames",
    "SIGSEGV",
    "hang",
    "exit 3",
    "memory",
    "read",
)


class Misbehaving:
    """Mutation i has the i-th of `OUTCOMES`; each is made by `run` in turn."""

    def __init__(self, originals: pathlib.Path):
        self.count = originals / "count"

    @staticmethod
    def write_originals(folder: pathlib.Path) -> None:
        (folder / "count").write_text("")

    def run(self, folder: pathlib.Path, rng: np.random.Generator) -> str:
        outcome = OUTCOMES[len(self.count.read_text())]
        self.count.write_text(self.count.read_text() + ".")
        assert outcome != "wrong frames"
        if outcome == "refused":
            raise InputError("video", "must be good", "bad")
        if outcome.startswith("traceback"):
            raise KeyError("width")
        if outcome == "SIGSEGV":
            os.kill(os.getpid(), signal.SIGSEGV)
        if outcome == "exit 3":
            os._exit(3)
        while outcome == "hang":
            pass
        if outcome == "memory":
            np.ones(1100 << 20, np.uint8)
        return "read"
