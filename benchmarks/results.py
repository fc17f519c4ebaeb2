"""Where benchmark results are written: `<what>-<precision>-<device>-<version>.csv`."""

import pathlib
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata

from tsm_tf.files import write_csv

RESULTS = pathlib.Path(__file__).parent / "results"


def result_path(
    folder: pathlib.Path,
    what: str,
    precisions: Iterable[str],
    device: str,
    versions: Iterable[str],
) -> pathlib.Path:
    """Returns the path of a CSV file.

    Args:
        folder: the folder with results.
        what: what is measured.
        precisions: numeric types of the models; each appears once.
        device: the processor's name, as the system reports it.
        versions: software whose speed is measured, as `version_of` writes it; each appears once.

    Example:
        >>> result_path(RESULTS, "input", ["uint8"], "Intel(R) Xeon(R)", ["av_18.1.0"]).name
        'input-uint8-Intel_Xeon-av_18.1.0.csv'
    """
    parts = (
        what,
        "+".join(dict.fromkeys(precisions)),
        short_device_name(device),
        "+".join(dict.fromkeys(versions)),
    )
    return folder / ("-".join(part.replace("-", "_") for part in parts) + ".csv")


def short_device_name(device: str) -> str:
    """Returns a processor's name without trademarks, clock rates and filler words."""
    text = re.sub(r"\((R|TM|C)\)|@.*|\b(CPU|Processor)\b", " ", device, flags=re.IGNORECASE)
    return re.sub(r"[^A-Za-z0-9.]+", "_", text).strip("_")


def version_of(package: str) -> str:
    """Returns the name and version of an installed package, such as `tensorflow_2.17.1`."""
    return f"{package.replace('-', '_')}_{metadata.version(package)}"


def publish(rows: Sequence[Mapping[str, object]], path: pathlib.Path) -> None:
    """Prints rows and writes them as a CSV file."""
    for row in rows:
        print("  ".join(f"{name}={value}" for name, value in row.items()))

    write_csv(path, rows)
    print(f"written to {path}")
