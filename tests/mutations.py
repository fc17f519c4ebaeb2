"""Runs damaged and hostile model files through the runners, in child processes.

    python tests/mutations.py --random=2000 --instances=1

Each file is read and checked first. Files that pass run twice: with each installed runtime, with
and without XNNPACK. Allowed results are an `InputError`, a `RuntimeError` of the interpreter, or a
run. A signal, another exception, more than 20 seconds or more than 1 GiB is a failure, whose file
is kept. A child process runs many files; if it dies, each of its files is run again by itself.
"""

import argparse
import collections
import faulthandler
import functools
import importlib
import importlib.util
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator

import numpy as np
from mutants import KINDS, directed_mutants, random_mutant
from runtimes import ON_CPU

from export.format.metadata import read_contents
from export.runtime import StreamRunner, load_runner
from export.runtime.interpreter import INTERPRETERS
from tsm_tf.any_spec import AnySpec, frame_shape
from tsm_tf.errors import InputError

SECONDS, MEMORY, ADDRESS_SPACE = 20, 1 << 30, 16 << 30
GOOD = ("ran", "refused", "interpreter error")
CHECK = ("check", "")


def configurations() -> list[tuple[str, str]]:
    """Returns the installed runtimes, with and without XNNPACK."""
    names = [
        name for name in INTERPRETERS if name != "tensorflow" and importlib.util.find_spec(name)
    ]
    found = [(name, delegate) for name in names for delegate in ("xnnpack", "builtin")]
    return [("litert", "xnnpack"), *found] if "ai_edge_litert" in names else found


def prepare(configuration: tuple[str, str]) -> None:
    """Loads a runtime and switches XNNPACK off if the configuration says so."""
    if configuration == CHECK:
        return
    runtime, delegate = configuration
    module = importlib.import_module(ON_CPU[runtime])
    if delegate == "builtin":
        kind = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        module.Interpreter = functools.partial(
            module.Interpreter, experimental_op_resolver_type=kind
        )


def run(path: pathlib.Path, configuration: tuple[str, str]) -> str:
    """Runs one file twice, and returns the result."""
    try:
        contents = read_contents(path)
        if configuration == CHECK:
            return "ran"
        spec, runtime = contents.spec, configuration[0]
        runner = load_runner(path, runtime=runtime)
        step = runner.step if isinstance(runner, StreamRunner) else runner
        frame = np.broadcast_to(one_frame(spec), runner.shape)
        for _ in range(2):
            step(frame)
    except InputError:
        return "refused"
    except RuntimeError:
        return "interpreter error"
    except BaseException:
        traceback.print_exc()
        return "exception"
    return "ran"


def one_frame(spec: AnySpec) -> np.ndarray:
    """Returns a frame; the runner has checked its size."""
    return np.full(frame_shape(spec), 100, np.uint8)


def run_batch(
    paths: list[pathlib.Path],
    configuration: tuple[str, str],
    run_one: Callable[[pathlib.Path, tuple[str, str]], str],
) -> tuple[list[str], str]:
    """Runs files one after the other in a child; returns their results, and the child's output.

    The results are fewer than the files if the child died, and the last one says how.
    """
    with tempfile.TemporaryFile("w+") as log:
        receive, send = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                _child(paths, configuration, run_one, send, log)
            finally:
                os._exit(1)
        os.close(send)
        with os.fdopen(receive) as pipe:
            results = pipe.read().split("\n")[:-1]
        status = os.waitpid(child, 0)[1]
        log.seek(0)
        output = log.read()

    if os.WIFSIGNALED(status):
        results.append(signal.Signals(os.WTERMSIG(status)).name)
    return results, output


def _child(paths, configuration, run_one, send, log):
    faulthandler.disable()
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prepare(configuration)
    before = peak_memory()
    for path in paths:
        signal.alarm(SECONDS)
        result = run_one(path, configuration)
        signal.alarm(0)
        if peak_memory() - before > MEMORY:
            result = "memory"
        os.write(send, f"{result}\n".encode())
        if result == "memory":
            break
    os._exit(0)


def peak_memory() -> int:
    """Returns the most bytes that this process had in memory."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def run_all(
    paths: list[pathlib.Path],
    configuration: tuple[str, str],
    run_one: Callable[[pathlib.Path, tuple[str, str]], str] = run,
    batch_size: int = 200,
) -> Iterator[tuple[pathlib.Path, str, str]]:
    """Yields each file, its result, and the output of the child if the result is a failure."""
    while paths:
        batch, paths = paths[:batch_size], paths[batch_size:]
        results, output = run_batch(batch, configuration, run_one)
        if len(results) == len(batch) and results[-1] in GOOD:
            for path, result in zip(batch, results, strict=True):
                yield path, result, output if result not in GOOD else ""
        elif len(batch) == 1:
            yield batch[0], results[-1] if results else "exit", output
        else:  # an earlier file may have damaged the memory of the one that died: divide
            half = len(batch) // 2
            for part in (batch[:half], batch[half:]):
                yield from run_all(part, configuration, run_one, len(part))


def make_models(folder: pathlib.Path) -> None:
    """Writes small models: MobileNetV2, every operator of classifiers, and a detector."""
    from detectors import awaken, small_spec
    from int8 import convert_int8
    from models_for_mutations import every_operator
    from weights import with_weights

    from export.tflite.convert import convert
    from export.tflite.draft import Draft
    from tsm_tf import ModelSpec, build_model
    from tsm_tf.detection.rfcn import build_detector

    small = with_weights(
        build_model(ModelSpec(num_classes=4, num_segments=4, input_size=32, width=0.35))
    )
    every = every_operator()
    draft = Draft(convert_int8(small))
    draft.set_io_types("uint8", "float32")
    (folder / "online_int8.tflite").write_bytes(draft.seal(small.spec, "int8"))
    for name, variant, online in (
        ("every_online", "float32", True),
        ("every_clip", "float16", False),
        ("every_online", "weight_only", True),
    ):
        content = convert(every, online, variant)
        (folder / f"{name}_{variant}.tflite").write_bytes(Draft(content).seal(every.spec, variant))
    (folder / "every_online_int8.tflite").write_bytes(
        Draft(convert_int8(every)).seal(every.spec, "edgetpu")
    )
    detector = awaken(build_detector(small_spec(num_candidates=60)))
    content = convert(detector, online=True)
    (folder / "detector_float32.tflite").write_bytes(Draft(content).seal(detector.spec))


def write_mutants(
    folder: pathlib.Path,
    models: list[pathlib.Path],
    num_random: int,
    instances: int,
    every: int,
    seed: int,
) -> list[pathlib.Path]:
    """Writes the mutants of all models; their names say what was changed."""
    paths = []

    def write(name, data):
        path = folder / f"{len(paths)}_{name.replace(' ', '_').replace('.', '_')}.tflite"
        path.write_bytes(data)
        paths.append(path)

    for number, model in enumerate(models):
        content, rng = model.read_bytes(), np.random.default_rng([seed, number])
        for index in range(num_random // len(models)):
            kind = KINDS[index % len(KINDS)]
            write(f"random {kind.__name__}", random_mutant(rng, content, kind))
        if instances:
            for kind, data in directed_mutants(rng, content, instances, every):
                write(f"directed {kind}", data)
        print(f"{model.name}: {len(paths)} files so far", flush=True)
    return paths


def check_all(paths: list[pathlib.Path], keep: pathlib.Path) -> tuple[collections.Counter, int]:
    """Runs all files in all configurations; returns the tally and the number of failures."""
    tally, failures = collections.Counter(), 0
    passed = []
    for configuration in (CHECK, *configurations()):
        todo = paths if configuration == CHECK else passed
        print(f"{' '.join(configuration)}: {len(todo)} files", flush=True)
        for path, result, output in run_all(todo, configuration):
            kind = path.name.split("_")[1]
            tally[kind, " ".join(configuration).strip(), result] += 1
            if result not in GOOD:
                failures += 1
                keep.mkdir(parents=True, exist_ok=True)
                (keep / path.name).write_bytes(path.read_bytes())
                name = " ".join(configuration)
                print(
                    f"FAILED {keep / path.name} in {name}: {result}\n{output[-1000:]}", flush=True
                )
            elif configuration == CHECK and result == "ran":
                passed.append(path)
    return tally, failures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "files", nargs="*", type=pathlib.Path, help="files to mutate; default: new small models"
    )
    parser.add_argument("--random", type=int, default=2000, help="number of random mutants")
    parser.add_argument("--instances", type=int, default=1, help="directed changes per field")
    parser.add_argument("--every", type=int, default=1, help="make every n-th directed change")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--keep", type=pathlib.Path, default=pathlib.Path("build/mutations"), help="for failures"
    )
    # Models are made in another process, because TensorFlow must not be loaded in this one.
    parser.add_argument("--make", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        make_models(options.make)
        return

    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if not options.files:
            subprocess.run([sys.executable, __file__, f"--make={folder}"], check=True)
            options.files = sorted(folder.glob("*.tflite"))
        mutants = folder / "mutants"
        mutants.mkdir()
        paths = write_mutants(
            mutants,
            options.files,
            options.random,
            options.instances,
            options.every,
            options.seed,
        )
        tally, failures = check_all(paths, options.keep)

    for (kind, configuration, result), count in sorted(tally.items()):
        print(f"{kind:<10} {configuration:<24} {result:<18} {count}")
    seconds = time.monotonic() - started
    print(f"{len(paths)} mutated files in {seconds:.0f} s: {failures} failures")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
