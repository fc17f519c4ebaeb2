"""Evaluates a model in continuous streams: `python -m tsm_tf.evaluation.stream`.

`joined` joins a split's videos into streams, `logits` runs the model over them frame by frame,
`figures` compares events with the truth, `fitting` chooses the rules of the event decoder, and
`report` writes the results.
"""
