package org.tsm.core;

import java.util.Arrays;

/** The last durations, and where their middle and their tail are. */
public final class Latencies {
    private static final double NANOS_PER_MILLI = 1e6;

    private final long[] nanos;
    private final long[] sorted;
    private long count;

    /** @param capacity how many are kept */
    public Latencies(int capacity) {
        nanos = new long[capacity];
        sorted = new long[capacity];
    }

    public void add(long duration) {
        nanos[(int) (count++ % nanos.length)] = duration;
    }

    public void reset() {
        count = 0;
    }

    /** Returns how many were added. */
    public long count() {
        return count;
    }

    public double meanMillis() {
        int kept = sort();
        double sum = 0;
        for (int i = 0; i < kept; i++) {
            sum += sorted[i];
        }
        return sum / kept / NANOS_PER_MILLI;
    }

    /** Returns the duration that a share of the kept ones does not exceed (the nearest rank); NaN if there is none. */
    public double percentileMillis(double share) {
        int kept = sort();
        return kept == 0 ? Double.NaN : sorted[Math.max(0, (int) Math.ceil(share * kept) - 1)] / NANOS_PER_MILLI;
    }

    private int sort() {
        int kept = (int) Math.min(count, nanos.length);
        System.arraycopy(nanos, 0, sorted, 0, kept);
        Arrays.sort(sorted, 0, kept);
        return kept;
    }
}
