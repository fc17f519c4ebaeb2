"""Loads hostile files in one process and prints one JSON line per case: what became of it.

    python -m hostile.worker GROUP FOLDER EVERY SKIPPED

It writes each case into the folder, loads it as a command would, and removes it. `EVERY` takes
each n-th case, and `SKIPPED` leaves out the first cases, for a new process after one that died.
"""

import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile

from hostile import networks, specs, states, torch_files, weight_files

LIMIT = 120  # seconds for a case
_EVENTS = ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "socket.connect")


class Watch:
    """Notes what the process does while it loads a file, and should not."""

    def __init__(self, folder):
        self.allowed = str(folder / "tmp")
        self.is_on = False
        self.seen = []
        sys.addaudithook(self.hook)

    def hook(self, event, args):
        if not self.is_on:
            return
        if event in _EVENTS:
            self.seen.append(f"{event} {args}")
        elif event in ("os.remove", "os.rename", "os.mkdir", "os.rmdir"):
            path = os.fsdecode(args[0])
            if args[-1] >= 0:  # relative to an open folder
                path = os.path.join(os.readlink(f"/proc/self/fd/{args[-1]}"), path)
            if not path.startswith(self.allowed):
                self.seen.append(f"{event} {path}")
        elif event == "open" and isinstance(args[0], (str, bytes)) and args[2] is not None:
            is_writing = args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            if is_writing and not os.fsdecode(args[0]).startswith(self.allowed):
                self.seen.append(f"{event} {args}")


def outcome(load, path):
    """Returns "loaded", "refused" for one error line, or the exception that is a fault."""
    from tsm_tf.errors import InputError

    try:
        load(path)
        return "loaded", ""
    except (InputError, FileNotFoundError, NotADirectoryError, PermissionError) as error:
        text = str(error)
        return ("refused" if "\n" not in text and len(text) < 2500 else "long"), text[:300]
    except BaseException as error:
        return f"{type(error).__module__}.{type(error).__qualname__}", str(error)[:300]


def small_network():
    import keras

    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(16, 3, name="conv2d")(image)
    x = keras.layers.ReLU()(x)
    y = keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="inner")(x)
    x = keras.layers.Add()([x, keras.layers.BatchNormalization()(y)])
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(3, name="dense")(x))


def load_state(run):
    """Loads the newest state; a run without one that can be used starts from the beginning."""
    from tsm_tf.errors import MissingFile
    from tsm_tf.training.run_folder.state import load_newest

    if load_newest(run) is None:
        raise MissingFile("output", "has no state", str(run))


def save_payload():
    """Writes a SavedModel that writes the canary when it is loaded, where TensorFlow is there."""
    try:
        import tensorflow as tf
    except ImportError:
        return

    class Resource(tf.saved_model.experimental.TrackableResource):
        def _create_resource(self):
            return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[])

        def _initialize(self):
            tf.io.write_file(networks.CANARY, "x")

    module = tf.Module()
    module.resource = Resource()
    module.serve = tf.function(lambda x: x, input_signature=[tf.TensorSpec([None])])
    tf.saved_model.save(module, networks.SAVED_MODEL)
    pathlib.Path(networks.CANARY).unlink(missing_ok=True)


class Cases:
    """The cases of each group: how a file is written and how it is loaded."""

    def __init__(self, folder):
        import tsm_tf
        from tsm_tf.weights.official import infer_spec
        from tsm_tf.weights.pretrained import pretrained_weights
        from tsm_tf.weights.state_dicts import read_state_dict

        network = small_network()
        self.model = tsm_tf.retrofit(network, 2, shift_div=4)
        self.harmless = folder / "harmless"
        tsm_tf.save_checkpoint(self.model, self.harmless)
        self.whole = {name: folder / f"harmless{name}" for name in (".keras", ".h5")}
        for path in self.whole.values():
            network.save(path)
        self.spec = json.loads((self.harmless / "spec.json").read_text())
        self.load_checkpoint = lambda path: tsm_tf.load_checkpoint(path)
        self.load_weights = lambda path: pretrained_weights(self.model, str(path))
        self.load_arrays = lambda path: infer_spec(read_state_dict(path))

    def network(self, path, change):
        shutil.copytree(self.harmless, path)
        text = json.dumps(change(json.loads(self.spec["keras_json"])))
        (path / "spec.json").write_text(json.dumps({**self.spec, "keras_json": text}))

    def spec_file(self, path, change):
        shutil.copytree(self.harmless, path)
        change(path / "spec.json", self.spec)

    def weights(self, path, change):
        shutil.copytree(self.harmless, path)
        change(path / "model.weights.h5")

    def all(self, group):
        """Yields name, function that writes the case, name of its file, and loader."""
        tables = {
            "networks": (networks.NETWORKS, self.network, "folder", self.load_checkpoint),
            "specs": (specs.SPECS, self.spec_file, "folder", self.load_checkpoint),
            "hdf5": (weight_files.HDF5, self.weights, "folder", self.load_checkpoint),
            "keras": (weight_files.KERAS, self.file, "whole.keras", self.load_weights),
            "legacy": (weight_files.LEGACY, self.file, "whole.h5", self.load_weights),
            "npz": (weight_files.NPZ, self.plain, "a.npz", self.load_arrays),
            "safetensors": (
                weight_files.SAFETENSORS,
                self.plain,
                "a.safetensors",
                self.load_arrays,
            ),
            "torch": (torch_files.FILES, self.plain, "a.pth", self.load_arrays),
            "states": (states.STATES, self.plain, "run", load_state),
        }
        table, write, name, load = tables[group]
        for case, function in table.items():
            yield case, lambda path, f=function, w=write: w(path, f), name, load

    def file(self, path, change):
        change(path, self.whole[path.suffix])

    def plain(self, path, write):
        write(path)


def harm(watch, canary):
    """Returns what a payload that runs would leave behind, to show that the watch sees it."""
    watch.is_on = True
    pathlib.Path(canary).write_text("harm")
    os.system("true")
    watch.is_on = False
    seen = [*watch.seen, *(["canary"] if os.path.exists(canary) else [])]
    os.remove(canary)
    return seen


def peak_kb():
    """Returns the most memory that this program has had; `ru_maxrss` includes its parent's."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def main():
    group, folder, every, skipped = sys.argv[1:]
    folder = pathlib.Path(folder)
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(folder / "tmp")
    cases = Cases(folder)
    save_payload()
    before = peak_kb()
    watch = Watch(folder)

    import keras

    for i, (case, write, name, load) in enumerate(cases.all(group)):
        if i < int(skipped) or i % int(every):
            continue
        print(json.dumps({"started": case, "index": i}), flush=True)
        place = folder / "case"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        write(place / name)

        temporary = set((folder / "tmp").iterdir())
        signal.alarm(LIMIT)
        watch.is_on = True
        what, text = outcome(load, place / name)
        watch.is_on = False
        signal.alarm(0)

        wrong = [*watch.seen]
        watch.seen.clear()
        if os.path.exists(networks.CANARY):
            wrong.append("the canary was written")
            os.remove(networks.CANARY)
        if keras.config.floatx() != "float32":
            wrong.append("floatx changed")
        if set((folder / "tmp").iterdir()) - temporary:
            wrong.append("temporary files were left")
        result = {"case": case, "outcome": what, "text": text, "wrong": wrong, "peak_kb": peak_kb()}
        print(json.dumps({**result, "before_kb": before}), flush=True)

    print(json.dumps({"control": harm(watch, networks.CANARY)}), flush=True)


if __name__ == "__main__":
    main()
