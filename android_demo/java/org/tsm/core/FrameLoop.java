package org.tsm.core;

/**
 * Processes camera frames: chooses those that are due, runs the model, decodes its output and keeps
 * statistics. Not thread-safe. Allocates nothing per frame, and a little per event.
 */
public abstract class FrameLoop implements AutoCloseable {
    private static final int STATISTICS = 100; // frames
    private static final double MILLIS = 1e3;
    private static final double NANOS = 1e9;

    public final ModelFile file;

    private final StreamModel model;
    private final YuvConverter converter;
    private final FrameClock clock;
    private final Latencies latencies = new Latencies(STATISTICS);
    private final Latencies intervals = new Latencies(STATISTICS);
    private long last;

    FrameLoop(StreamModel model) {
        this.model = model;
        file = model.file;
        converter = new YuvConverter(file.input);
        clock = new FrameClock(file.fps);
    }

    /** Returns the loop for a model of either kind, and takes ownership of it. */
    public static FrameLoop of(StreamModel model) {
        return model instanceof StreamDetector
                ? new DetectionLoop((StreamDetector) model)
                : new RecognitionLoop((StreamClassifier) model);
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
        converter.convert(frame, rotation, mirror, model.image);
        step(last / NANOS, converter.uprightWidth(), converter.uprightHeight());
        latencies.add(System.nanoTime() - start);
    }

    /**
     * Runs the model on its image, and decodes its output.
     *
     * @param seconds the frame's time in the stream
     * @param across width of the upright frame in pixels
     * @param down its height
     */
    abstract void step(double seconds, int across, int down);

    /** Returns the median time from a frame to its result, in milliseconds. */
    public double medianMillis() {
        return latencies.percentileMillis(0.5);
    }

    /** Returns the 95th percentile of the time from a frame to its result, in milliseconds. */
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
        model.reset();
        clock.reset();
        latencies.reset();
        intervals.reset();
    }

    @Override
    public void close() {
        model.close();
    }
}
