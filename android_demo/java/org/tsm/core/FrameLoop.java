package org.tsm.core;

/**
 * From camera frames to what a person reads: the frames that are due, the model, the smoothing, the statistics. One
 * thread's at a time; allocates nothing once it runs.
 */
public final class FrameLoop implements AutoCloseable {
    private static final int STATISTICS = 100; // the last frames
    private static final int SHOWN_CLASSES = 3;
    private static final double MILLIS = 1e3;

    public final ModelFile file;
    public final TopClasses top;
    private final StreamClassifier classifier;
    private final YuvConverter converter;
    private final FrameClock clock;
    private final Smoother smoother;
    private final Latencies latencies = new Latencies(STATISTICS);
    private final Latencies intervals = new Latencies(STATISTICS);
    private long last;
    private int shown;

    /** Takes over the classifier, which {@link #close} closes. */
    public FrameLoop(StreamClassifier classifier) {
        this.classifier = classifier;
        file = classifier.file;
        converter = new YuvConverter(file.inputSize);
        clock = new FrameClock(file.fps);
        smoother = new Smoother(file.labels);
        top = new TopClasses(Math.min(SHOWN_CLASSES, file.labels.size()));
    }

    /** Returns whether a frame of this time, in nanoseconds, is due; each frame is asked about once. */
    public boolean wants(long nanos) {
        return clock.take(nanos);
    }

    /**
     * Takes a frame that is due.
     *
     * @param nanos its time
     * @param rotation clockwise degrees that turn the frame upright: 0, 90, 180, 270
     * @param mirror whether left and right change places in the upright frame
     */
    public void process(YuvFrame frame, long nanos, int rotation, boolean mirror) {
        if (latencies.count() > 0) {
            intervals.add(nanos - last);
        }
        last = nanos;
        long begun = System.nanoTime();
        converter.convert(frame, rotation, mirror, classifier.image);
        float[] logits = classifier.step();
        shown = smoother.step(logits);
        top.update(logits);
        latencies.add(System.nanoTime() - begun);
    }

    /** Returns the class to show. */
    public int shown() {
        return shown;
    }

    /** Returns the median time from a frame to its class, in milliseconds. */
    public double medianMillis() {
        return latencies.percentileMillis(0.5);
    }

    /** Returns the time that one in twenty frames exceeds, in milliseconds. */
    public double p95Millis() {
        return latencies.percentileMillis(0.95);
    }

    /** Returns how many frames the model takes a second; 0 before the second frame. */
    public double framesPerSecond() {
        return intervals.count() == 0 ? 0 : MILLIS / intervals.meanMillis();
    }

    public long dropped() {
        return clock.dropped();
    }

    /** Forgets the stream and its statistics. */
    public void reset() {
        classifier.reset();
        smoother.reset();
        clock.reset();
        latencies.reset();
        intervals.reset();
    }

    @Override
    public void close() {
        classifier.close();
    }
}
