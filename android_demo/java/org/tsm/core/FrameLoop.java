package org.tsm.core;

/**
 * Processes camera frames: chooses those that are due, runs the model, decodes its output into
 * events and keeps statistics. Not thread-safe. Allocates nothing per frame, and a little per event.
 */
public final class FrameLoop implements AutoCloseable {
    private static final int STATISTICS = 100; // frames
    private static final int SHOWN_CLASSES = 3;
    private static final double MILLIS = 1e3;
    private static final double NANOS = 1e9;

    public final ModelFile file;

    /** The classes with the highest mean probabilities. */
    public final TopClasses top;

    private final StreamClassifier classifier;
    private final YuvConverter converter;
    private final FrameClock clock;
    private final EventDecoder decoder;
    private final PresenceDecoder presence; // instead of the decoder; null with one class per video
    private final Latencies latencies = new Latencies(STATISTICS);
    private final Latencies intervals = new Latencies(STATISTICS);
    private long last;
    private EventHistory events;

    /** Takes ownership of the classifier: {@link #close} closes it. */
    public FrameLoop(StreamClassifier classifier) {
        this.classifier = classifier;
        file = classifier.file;
        converter = new YuvConverter(file.inputSize, file.shortSide);
        clock = new FrameClock(file.fps);
        decoder = new EventDecoder(file.labels, file.background, file.events);
        double[] thresholds = file.thresholds();
        presence = thresholds == null ? null : new PresenceDecoder(thresholds);
        events = new EventHistory(file.labels.size());
        top = new TopClasses(Math.min(SHOWN_CLASSES, file.labels.size()));
    }

    /**
     * Returns whether a frame is due. Call it once for each frame.
     *
     * @param nanos the frame's time in nanoseconds
     */
    public boolean wants(long nanos) {
        return clock.take(nanos);
    }

    /**
     * Processes a frame that is due. Call {@link #wants} for it first.
     *
     * @param rotation clockwise degrees that turn the frame upright: 0, 90, 180, 270
     * @param mirror whether to swap left and right in the upright frame
     */
    public void process(YuvFrame frame, int rotation, boolean mirror) {
        if (latencies.count() > 0) {
            intervals.add(clock.elapsed() - last);
        }
        last = clock.elapsed();

        long start = System.nanoTime();
        converter.convert(frame, rotation, mirror, classifier.image);
        double seconds = last / NANOS;
        if (presence == null) {
            decode(classifier.step(), seconds);
        } else {
            decodePresence(classifier.step(), seconds);
        }
        latencies.add(System.nanoTime() - start);
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

    /** Returns the median time from a frame to its class, in milliseconds. */
    public double medianMillis() {
        return latencies.percentileMillis(0.5);
    }

    /** Returns the 95th percentile of the time from a frame to its class, in milliseconds. */
    public double p95Millis() {
        return latencies.percentileMillis(0.95);
    }

    /** Returns how many frames the model processes per second; 0 before the second frame. */
    public double framesPerSecond() {
        return intervals.count() == 0 ? 0 : MILLIS / intervals.meanMillis();
    }

    /** Returns how often no frame came when one was due. */
    public long dropped() {
        return clock.dropped();
    }

    /** Forgets the stream and its statistics. */
    public void reset() {
        classifier.reset();
        decoder.reset();
        if (presence != null) {
            presence.reset();
        }
        events = new EventHistory(file.labels.size());
        clock.reset();
        latencies.reset();
        intervals.reset();
    }

    @Override
    public void close() {
        classifier.close();
    }
}
