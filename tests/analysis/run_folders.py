"""Folders of trained models with results, without weights."""

import json

METRICS = {
    "data": "gestures",
    "split": "val",
    "protocol": "efficient",
    "top1": 0.75,
    "top5": 1.0,
    "videos": 8,
    "per_class": [
        {"class": "a", "recall": 0.5, "precision": 1.0, "videos": 4},
        {"class": "b", "recall": 1.0, "precision": 0.5, "videos": 4},
    ],
}


def write_run(folder, spec, curve=()):
    """Writes what readers need of a checkpoint, and the curve of a training."""
    (folder / "best").mkdir(parents=True)
    (folder / "best" / "spec.json").write_text(spec.to_json())
    (folder / "best" / "model.weights.h5").touch()
    if curve:
        rows = [f"{epoch},{10 * epoch},{top1}" for epoch, top1 in enumerate(curve, 1)]
        text = "epoch,seconds,val_accuracy\n" + "\n".join(rows) + "\n"
        (folder / "log.csv").write_text(text)
    return folder


def write_result(folder, checkpoint, name="metrics.json", values=METRICS, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"checkpoint": str(checkpoint), **values, **changes})
    (folder / name).write_text(text)
    return folder
