"""Renders gesture videos: `python -m tsm_tf.data.synthetic --output=data/gestures`."""

from tsm_tf import cli
from tsm_tf.data.synthetic import render_flags
from tsm_tf.data.synthetic.render import CONTACT_SHEET, render


def define_flags():
    render_flags.define(num_train=1440, num_val=360)


def main():
    values = render_flags.read()
    render(**values)

    output = values["output"]
    print(
        f"written to {output}: train.txt, val.txt, labels.txt. "
        f"For an overview, open {output / CONTACT_SHEET}"
    )


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
