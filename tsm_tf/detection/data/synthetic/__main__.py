"""Renders videos with boxes: `python -m tsm_tf.detection.data.synthetic --output=data/shapes`.

The folder has the layout of ImageNet VID. Blur, glare and poles often hide what an object is, so a
detector with memory finds more of them than one that looks at single frames.
"""

from tsm_tf import cli
from tsm_tf.data.synthetic import render_flags
from tsm_tf.detection.data.synthetic.pictures import CONTACT_SHEET
from tsm_tf.detection.data.synthetic.render import render


def define_flags():
    render_flags.define(num_train=400, num_val=60)


def main():
    values = render_flags.read()
    render(**values)

    output = values["output"]
    print(
        f"written to {output}: Data, Annotations, ImageSets, labels.txt. "
        f"For an overview, open {output / CONTACT_SHEET}"
    )


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
