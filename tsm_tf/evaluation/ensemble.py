"""Fuses the scores of several models: `python -m tsm_tf.evaluation.ensemble --scores=A,B`.

Section 5.2 and Table 2 fuse networks of 8 and 16 frames, and RGB with optical flow; the ensembles
of ECO have four members. As in the official code, the fused score is the weighted sum of the
members' averaged logits (its `coeff`), or of their probabilities.
"""

import dataclasses
import json
import pathlib
import posixpath
from collections.abc import Sequence

import numpy as np
from absl import flags

from tsm_tf import cli, output_folder
from tsm_tf.errors import InputError
from tsm_tf.evaluation.metrics import softmax, top_k
from tsm_tf.evaluation.scores import SCORES_FILE, Scores
from tsm_tf.files import write_text

ENSEMBLE_FILE = "ensemble.json"
_GRID = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Weights that are tried for each member after the first, whose weight is 1."""
_MAX_ROUNDS = 10


def fuse(
    members: Sequence[Scores],
    weights: Sequence[float],
    use_softmax: bool = False,
) -> np.ndarray:
    """Returns the weighted sum of the members' logits, `float32 [N, C]`.

    Args:
        members: scores for the same videos and classes.
        weights: one weight per member, at least 0.
        use_softmax: sums probabilities instead of logits.

    Raises:
        InputError: other videos, classes or labels, or bad weights.
    """
    check_members(members)
    _check_weights(weights, len(members))

    fused = np.zeros_like(members[0].logits)
    for member, weight in zip(members, weights, strict=True):
        fused += weight * (softmax(member.logits) if use_softmax else member.logits)
    return fused


def check_members(members: Sequence[Scores]) -> None:
    """Raises unless all members scored the same videos and classes.

    The same video may have another file extension and a folder in front of its name, since optical
    flow lies in folders of images of its own.

    Raises:
        InputError: names the first difference.
    """
    if len(members) < 2:
        raise InputError("scores", "must have at least two members", len(members))

    first = members[0]
    if any(member.spec.multi_label for member in members):
        rule = "must be of models that were trained on videos with one class each"
        raise InputError("scores", rule, "multi_label=True")
    for number, member in enumerate(members[1:], 2):
        if member.classes != first.classes:
            difference = _first_difference(first.classes, member.classes)
            raise InputError("scores", f"must have the same classes; member {number}", difference)
        ours, theirs = _names(first), _names(member)
        if not _are_same_videos(ours, theirs):
            difference = _first_difference(ours, theirs)
            rule = f"must be of the same videos in the same order; member {number}"
            raise InputError("scores", rule, difference)
        if not np.array_equal(member.labels, first.labels):
            name = first.names[int(np.argmax(member.labels != first.labels))]
            rule = f"must have the same label for each video; member {number}"
            raise InputError("scores", rule, name)


def fit_weights(
    members: Sequence[Scores], use_softmax: bool = False
) -> tuple[list[float], np.ndarray]:
    """Finds the weights with the highest top-1 on one half of the videos.

    The halves have equally many videos of each class, as far as possible. The weights of all
    members but the first are changed one after the other, until nothing improves.

    Args:
        members: scores for the same videos and classes.
        use_softmax: as in `fuse`.

    Returns:
        The weights, and which videos were not used, `bool [N]`: report figures on those.

    Raises:
        InputError: the members do not fit, or there is only one video.
    """
    check_members(members)
    if len(members[0].labels) < 2:
        raise InputError("scores", "must have at least two videos to fit weights", 1)

    order = np.argsort(members[0].labels, kind="stable")
    is_held_out = np.zeros(len(order), bool)
    is_held_out[order[1::2]] = True
    fitting = [_select(member, ~is_held_out) for member in members]

    def accuracy(weights):
        return top_k(fuse(fitting, weights, use_softmax), fitting[0].labels, 1)

    weights = [1.0] * len(members)
    best = accuracy(weights)
    for _ in range(_MAX_ROUNDS):
        before = best
        for index in range(1, len(members)):
            for weight in _GRID:
                tried = [*weights[:index], weight, *weights[index + 1 :]]
                if accuracy(tried) > best:
                    weights, best = tried, accuracy(tried)
        if best == before:
            break
    return weights, is_held_out


def _select(scores, chosen):
    names = tuple(name for name, keep in zip(scores.names, chosen, strict=True) if keep)
    return dataclasses.replace(
        scores,
        logits=scores.logits[chosen],
        labels=scores.labels[chosen],
        names=names,
    )


def _names(scores):
    """Returns names without extensions; absolute ones from their common folder on."""
    names = [posixpath.splitext(name)[0] for name in scores.names]
    if all(map(posixpath.isabs, names)):
        root = posixpath.commonpath(map(posixpath.dirname, names))
        names = [posixpath.relpath(name, root) for name in names]
    return tuple(names)


def _are_same_videos(ours, theirs):
    """Returns whether the names are equal, but for one folder in front of those of one member."""
    shorter, longer = sorted((ours, theirs), key=lambda names: len(names[0]))
    folder = longer[0].removesuffix(shorter[0])
    return folder[-1:] in ("", "/") and longer == tuple(folder + name for name in shorter)


def _first_difference(ours, theirs):
    for one, other in zip(ours, theirs, strict=False):
        if one != other:
            return f"{one!r} and {other!r}"
    return f"{len(ours)} and {len(theirs)} of them"


def _check_weights(weights, count):
    is_valid = all(np.isfinite(weight) and weight >= 0 for weight in weights) and any(weights)
    if len(weights) != count or not is_valid:
        rule = f"must be {count} numbers of at least 0, not all 0"
        raise InputError("weights", rule, list(weights))


def find_scores(path: str) -> pathlib.Path:
    """Returns the file of scores that a path names: the file, or the folder of an evaluation."""
    found = pathlib.Path(path)
    return found / SCORES_FILE if found.is_dir() else found


def define_flags():
    flags.DEFINE_list(
        "scores",
        None,
        "Results of evaluations with commas between them: folders, or files scores.npz.",
        required=True,
    )
    flags.DEFINE_list("weights", None, "One weight per member. Default: 1 each.")
    flags.DEFINE_bool("softmax", False, "Fuse probabilities instead of logits.")
    flags.DEFINE_bool(
        "fit_weights",
        False,
        "Find the weights on one half of the videos, and report on the other half.",
    )
    flags.DEFINE_string("output", None, f"Folder for {ENSEMBLE_FILE} and the fused scores.")


def main():
    values = flags.FLAGS
    if values.fit_weights and values.weights:
        raise InputError("weights", "must not be given with --fit_weights", values.weights)
    weights = _parse_weights(values.weights or ["1"] * len(values.scores))

    subject = {
        "scores": values.scores,
        "weights": None if values.fit_weights else weights,
        "softmax": values.softmax,
    }
    if values.output:
        output_folder.check_subject(pathlib.Path(values.output), ENSEMBLE_FILE, subject)

    members = [Scores.load(find_scores(path)) for path in values.scores]
    check_members(members)
    reported = np.ones(len(members[0].labels), bool)
    if values.fit_weights:
        weights, reported = fit_weights(members, values.softmax)
        print(f"weights fitted on {(~reported).sum()} videos, figures of the other half")

    fused = fuse(members, weights, values.softmax)
    figures = _figures(values.scores, weights, members, fused, reported)
    for row in figures:
        print(f"{row['top1']:6.1%}  {row['top5']:6.1%}  {row['name']}")
    if values.output:
        content = {**subject, "fitted_weights": weights if values.fit_weights else None}
        _write(pathlib.Path(values.output), {**content, "figures": figures}, members, fused)


def _parse_weights(texts):
    try:
        return [float(text) for text in texts]
    except ValueError:
        raise InputError("weights", "must be numbers with commas between them", texts) from None


def _figures(paths, weights, members, fused, reported):
    """Returns top-1 and top-5 of each member and of all together, on the reported videos."""
    names = [f"{path} (weight {weight:g})" for path, weight in zip(paths, weights, strict=True)]
    logits = [*(member.logits for member in members), fused]
    labels = members[0].labels[reported]
    return [
        {
            "name": name,
            "top1": top_k(rows[reported], labels, 1),
            "top5": top_k(rows[reported], labels, 5),
        }
        for name, rows in zip([*names, "fused"], logits, strict=True)
    ]


def _write(output, content, members, fused):
    """Writes the figures, and the fused scores under the spec of the first member."""
    output.mkdir(parents=True, exist_ok=True)
    write_text(output / ENSEMBLE_FILE, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    protocol = " + ".join(dict.fromkeys(member.protocol for member in members))
    scores = dataclasses.replace(members[0], logits=fused, protocol=protocol, checkpoint_digest="")
    scores.save(output / SCORES_FILE)
    print(f"written to {output}")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
