"""Events on a device: each gesture in a stream once, when it is recognised. Needs only numpy.

    runner = StreamRunner("mobilenet_v2_online_int8.tflite")
    decoder = EventDecoder.of(runner.spec)
    for seconds, frame in frames:
        for event in decoder.step(runner.step(frame), seconds):
            print(event.label, event.seconds)

The rules are those in the file, which `python -m tsm_tf.evaluation.stream` fits to a data set.

A model with several classes per video (`runner.spec.multi_label`) needs `PresenceDecoder` instead:
`decoder.present` holds all classes whose probability is at least their threshold in the file.
"""

from tsm_tf.evaluation.events import Event, EventDecoder
from tsm_tf.evaluation.presence import PresenceDecoder
from tsm_tf.event_rules import EventRules

__all__ = ["Event", "EventDecoder", "EventRules", "PresenceDecoder"]
