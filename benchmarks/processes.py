"""Processes that train in lockstep: each takes one step whenever it gets a line."""

import json
import os
import pathlib
import socket
import subprocess
from collections.abc import Sequence
from typing import IO

ROOT = pathlib.Path(__file__).parent.parent


class Trainers:
    """Processes that take one training step together on each call.

    A process prints a line when it is ready and after each step, and reads a line before each step.
    When its input ends, it prints its peak memory in bytes.

    Args:
        command: what each process runs, in the folder that holds `benchmarks`.
        cores: for each process, the cores that it may use.
        workers: makes the processes workers of one training, through `TF_CONFIG`.
    """

    def __init__(
        self,
        command: Sequence[str],
        cores: Sequence[set[int]],
        workers: bool = False,
    ):
        self.command = list(command)
        addresses = _free_addresses(len(cores)) if workers else []
        self.processes = [
            self._start(own_cores, _environment(addresses, index))
            for index, own_cores in enumerate(cores)
        ]
        self._read_lines()

    def __call__(self) -> None:
        """Takes one step in every process and waits for all."""
        for process in self.processes:
            _pipes(process)[0].write("step\n")
        self._read_lines()

    def close(self) -> int:
        """Ends the processes; returns the largest peak memory in bytes."""
        for process in self.processes:
            _pipes(process)[0].close()
        return max(int(line) for line in self._read_lines())

    def _start(self, cores, environment):
        # A process inherits the cores of its parent and creates as many threads.
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)
        try:
            return subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                bufsize=1,
            )
        finally:
            os.sched_setaffinity(0, before)

    def _read_lines(self):
        lines = [_pipes(process)[1].readline() for process in self.processes]
        if not all(lines):
            raise RuntimeError(f"a process ended early: {' '.join(self.command)}")
        return lines


def _pipes(process: "subprocess.Popen[str]") -> tuple[IO[str], IO[str]]:
    """Returns a process' standard input and output."""
    assert process.stdin and process.stdout
    return process.stdin, process.stdout


def _environment(addresses, index):
    """Returns the variables of a process; with addresses it is one of several workers."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    if addresses:
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment["TF_CONFIG"] = json.dumps(config)
    return environment


def _free_addresses(count):
    # All ports are taken before the first is released, so that no port appears twice.
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]

    for server in servers:
        server.close()
    return addresses
