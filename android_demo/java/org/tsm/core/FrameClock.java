package org.tsm.core;

/**
 * Which camera frames the model takes, so that they come at the rate that it was trained on: {@code AtRate} of {@code
 * export/live.py}. Without a rate, every second one, as the original demo does.
 */
public final class FrameClock {
    private static final int DEFAULT_STRIDE = 2;
    private static final double NANOS = 1e9;
    private static final double SLACK = 1e-3; // of a period: times are rounded

    private final double fps;
    private long first;
    private long seen;
    private long due;
    private long dropped;

    /** @param fps frames per second; NaN if unknown */
    public FrameClock(double fps) {
        this.fps = fps;
    }

    /** Takes a frame's time in nanoseconds; returns whether the model shall see the frame. */
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

    /** Returns at how many moments a frame was due and none came: a slow camera, or a busy model. */
    public long dropped() {
        return dropped;
    }

    /** Begins anew with the next frame. */
    public void reset() {
        seen = due = dropped = 0;
    }
}
