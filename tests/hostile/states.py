"""Hostile training states: `STATES` maps the name of each case to a function of a run's folder.

Their names hold the right digest, as if they had been written on purpose.
"""

import functools
import hashlib
import io
import json

import numpy as np
from hostile.weight_files import NPZ

META = {"epoch": 1, "batch": 0, "seconds": 0.0, "history": [{"epoch": 1}]}


def _write(run, content, name="00001-0000000"):
    folder = run / "states"
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(content).hexdigest()[:16]
    (folder / f"{name}-{digest}.npz").write_bytes(content)


def _meta(run, meta):
    buffer = io.BytesIO()
    text = meta if isinstance(meta, str) else json.dumps(meta)
    np.savez(buffer, meta=text, weight_0=np.zeros(3))
    _write(run, buffer.getvalue())


def _file(run, write):
    run.mkdir()
    path = run / "file.npz"
    write(path)
    _write(run, path.read_bytes())
    path.unlink()


def _directory(run):
    (run / "states" / "00001-0000000-0123456789abcdef.npz").mkdir(parents=True)


def _named(run):
    (run / "states").mkdir(parents=True)
    (run / "states" / "0.npz").write_bytes(b"x")


METAS = {
    "array": [1],
    "text": "text",
    "deep": "[" * 100_000,
    "missing_fields": {},
    "unknown_field": {**META, "evil": 1},
    "epoch_text": {**META, "epoch": "1"},
    "epoch_negative": {**META, "epoch": -1},
    "epoch_huge": {**META, "epoch": 10**300},
    "epoch_true": {**META, "epoch": True},
    "seconds_nan": {**META, "seconds": float("nan")},
    "history_text": {**META, "history": "abc"},
    "history_rows": {**META, "history": [1, 2]},
    "history_columns": {**META, "history": [{"a": 1}, {"b": 1}]},
    "history_values": {**META, "history": [{"a": "=cmd()"}]},
    "arrays": {**META, "arrays": {"a": 1}},
}
STATES = {
    "harmless": functools.partial(_meta, meta=META),
    **{f"meta_{name}": functools.partial(_meta, meta=meta) for name, meta in METAS.items()},
    **{f"file_{name}": functools.partial(_file, write=write) for name, write in NPZ.items()},
    "directory": _directory,
    "named": _named,
}
