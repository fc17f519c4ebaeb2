package org.tsm.core;

import java.util.Arrays;

/** Statistics of the last durations. */
public final class Latencies {
    private static final double NANOS_PER_MILLI = 1e6;

    private final long[] nanos;
    private final long[] sorted;
    private long count;

    /**
     * Creates statistics without durations.
     *
     * @param capacity the number of durations to keep
     */
    public Latencies(int capacity) {
        nanos = new long[capacity];
        sorted = new long[capacity];
    }

    /** Adds a duration in nanoseconds; the oldest is forgotten when all places are taken. */
    public void add(long duration) {
        nanos[(int) (count++ % nanos.length)] = duration;
    }

    public void reset() {
        count = 0;
    }

    /** Returns how many durations were added since the last reset, forgotten ones included. */
    public long count() {
        return count;
    }

    /** Returns the mean of the kept durations, in milliseconds; NaN if there are none. */
    public double meanMillis() {
        int kept = sort();
        double sum = 0;
        for (int i = 0; i < kept; i++) {
            sum += sorted[i];
        }
        return sum / kept / NANOS_PER_MILLI;
    }

    /**
     * Returns a percentile (nearest rank) of the kept durations, in milliseconds; NaN if there are
     * none.
     *
     * @param share in 0..1; 0.5 for the median
     */
    public double percentileMillis(double share) {
        int kept = sort();
        if (kept == 0) {
            return Double.NaN;
        }
        int rank = Math.max(0, (int) Math.ceil(share * kept) - 1);
        return sorted[rank] / NANOS_PER_MILLI;
    }

    /** Sorts the kept durations, and returns their number. */
    private int sort() {
        int kept = (int) Math.min(count, nanos.length);
        System.arraycopy(nanos, 0, sorted, 0, kept);
        Arrays.sort(sorted, 0, kept);
        return kept;
    }
}
