package org.tsm.core;

/**
 * Chooses the camera frames that the model sees, so that they arrive at the frame rate of the
 * training clips, as {@code AtRate} in {@code export/live/frame_clock.py} does. If that rate is
 * unknown, every second frame is chosen, as in the original demo.
 *
 * <p>A camera's clock may restart: the time of a frame then lies far before or far after that of
 * the previous one. The clock continues as if no time had passed between the two.
 */
public final class FrameClock {
    private static final int DEFAULT_STRIDE = 2;
    private static final double NANOS = 1e9;
    private static final double SLACK = 1e-3; // of a period, because times are rounded
    private static final long LARGEST_STEP_BACK = 1_000_000_000L; // one second
    private static final long LARGEST_STEP = 86_400_000_000_000L; // one day

    private final double fps;
    private long offset;
    private long elapsed;
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
        advance(nanos);
        seen++;
        if (Double.isNaN(fps)) {
            return (seen - 1) % DEFAULT_STRIDE == 0;
        }

        long moment = (long) (elapsed / NANOS * fps + SLACK);
        if (moment < due) {
            return false;
        }
        dropped += moment - due;
        due = moment + 1;
        return true;
    }

    private void advance(long nanos) {
        long step = nanos + offset - elapsed;
        if (seen == 0 || step < -LARGEST_STEP_BACK || step > LARGEST_STEP) {
            offset = elapsed - nanos;
        }
        elapsed = Math.max(elapsed, nanos + offset); // a small step back keeps the time
    }

    /** Returns the nanoseconds from the first frame to the last one, without restarts. */
    public long elapsed() {
        return elapsed;
    }

    /** Returns how often no frame came when one was due, because camera or model was too slow. */
    public long dropped() {
        return dropped;
    }

    /** Starts over with the next frame. */
    public void reset() {
        elapsed = seen = due = dropped = 0;
    }
}
