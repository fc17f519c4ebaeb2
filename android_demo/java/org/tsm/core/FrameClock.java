package org.tsm.core;

/**
 * Chooses the camera frames that the model sees, so that they arrive at the frame rate of the
 * training clips, as {@code AtRate} in {@code export/live/frame_clock.py} does. If that rate is
 * unknown, every second frame is chosen, as in the original demo.
 */
public final class FrameClock {
    private static final int DEFAULT_STRIDE = 2;
    private static final double NANOS = 1e9;
    private static final double SLACK = 1e-3; // of a period, because times are rounded

    private final double fps;
    private long first;
    private long seen;
    private long due;
    private long dropped;

    /**
     * Creates a clock.
     *
     * @param fps frames per second; NaN if unknown
     */
    public FrameClock(double fps) {
        this.fps = fps;
    }

    /**
     * Returns whether the model takes a frame. Call it once for each frame.
     *
     * @param nanos the frame's time in nanoseconds
     */
    public boolean take(long nanos) {
        if (seen++ == 0) {
            first = nanos;
        }
        if (Double.isNaN(fps)) {
            return (seen - 1) % DEFAULT_STRIDE == 0;
        }

        long moment = (long) ((nanos - first) / NANOS * fps + SLACK);
        if (moment < due) {
            return false;
        }
        dropped += moment - due;
        due = moment + 1;
        return true;
    }

    /** Returns how often no frame came when one was due, because camera or model was too slow. */
    public long dropped() {
        return dropped;
    }

    /** Starts over with the next frame. */
    public void reset() {
        seen = due = dropped = 0;
    }
}
