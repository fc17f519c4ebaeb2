package org.tsm.core;

/** A loop that decodes a classifier's output into events. */
public final class RecognitionLoop extends FrameLoop {
    private static final int SHOWN_CLASSES = 3;

    /** The classes with the highest mean probabilities. */
    public final TopClasses top;

    private final StreamClassifier classifier;
    private final EventDecoder decoder;
    private final PresenceDecoder presence; // instead of the decoder; null with one class per video
    private EventHistory events;

    /** Takes ownership of the classifier: {@link #close} closes it. */
    public RecognitionLoop(StreamClassifier classifier) {
        super(classifier);
        this.classifier = classifier;
        decoder = new EventDecoder(file.labels, file.background, file.events);
        double[] thresholds = file.thresholds();
        presence = thresholds == null ? null : new PresenceDecoder(thresholds);
        events = new EventHistory(file.labels.size());
        top = new TopClasses(Math.min(SHOWN_CLASSES, file.labels.size()));
    }

    @Override
    void step(double seconds, int across, int down) {
        if (presence == null) {
            decode(classifier.step(), seconds);
        } else {
            decodePresence(classifier.step(), seconds);
        }
    }

    private void decode(float[] logits, double seconds) {
        int begun = decoder.step(logits, seconds);
        if (begun != EventDecoder.NONE) {
            events = events.with(begun, seconds);
        }
        top.update(decoder.probabilities());
    }

    private void decodePresence(float[] logits, double seconds) {
        presence.step(logits, seconds);
        for (int i = 0; i < logits.length; i++) {
            if (presence.hasAppeared(i)) {
                events = events.with(i, seconds);
            }
        }
        top.update(presence.probabilities());
    }

    /**
     * Returns the classes to show: that of {@link EventDecoder#shown}, or all that are present, the
     * most probable first. Allocates a little.
     */
    public int[] shown() {
        if (presence != null) {
            return presence.present();
        }
        int shown = decoder.shown();
        return shown == EventDecoder.NONE ? new int[0] : new int[] {shown};
    }

    /** Returns the events since the stream began. */
    public EventHistory events() {
        return events;
    }

    @Override
    public void reset() {
        super.reset();
        decoder.reset();
        if (presence != null) {
            presence.reset();
        }
        events = new EventHistory(file.labels.size());
    }
}
