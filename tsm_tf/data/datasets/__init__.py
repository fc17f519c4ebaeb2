"""The paper's data sets as they are published: their classes, annotations and files.

`catalogue` has one row per data set. `kinetics`, `something`, `jester`, `ucf101` and `hmdb51` read
the official annotations, in each published form. `source_tree` looks through a downloaded data set
once, `matching` finds the video of each annotation in it, `checking` opens the videos, and `report`
accounts for all of them. `tsm_tf.data.prepare` is the command that puts these together.
"""
