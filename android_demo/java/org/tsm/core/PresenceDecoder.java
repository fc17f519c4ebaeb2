package org.tsm.core;

import java.util.Arrays;

/**
 * Finds the classes that are present in a stream, for models whose videos may have several classes,
 * as {@code PresenceDecoder} in {@code tsm_tf/evaluation/presence.py} does; tests compare the two.
 * Allocates nothing per step.
 */
public final class PresenceDecoder {
    private static final double SMOOTHING_SECONDS = EventRules.DEFAULT.smoothingSeconds;

    private final double[] thresholds;
    private final double[] means; // of the probabilities
    private final boolean[] present;
    private final boolean[] appeared;
    private boolean hasStarted;
    private double lastSeconds;

    /**
     * Creates a decoder for one stream.
     *
     * @param thresholds for each class the mean probability from which on it is present
     */
    public PresenceDecoder(double[] thresholds) {
        this.thresholds = thresholds.clone();
        means = new double[thresholds.length];
        present = new boolean[thresholds.length];
        appeared = new boolean[thresholds.length];
    }

    /** Forgets the stream. */
    public void reset() {
        Arrays.fill(means, 0);
        Arrays.fill(present, false);
        Arrays.fill(appeared, false);
        hasStarted = false;
    }

    /**
     * Returns the mean probability of each class after the last frame. The next step overwrites
     * this array.
     */
    public double[] probabilities() {
        return means;
    }

    /**
     * Returns the classes that are present, the most probable first: those whose mean probability
     * is at least their threshold.
     */
    public int[] present() {
        int count = 0;
        int[] sorted = new int[present.length];
        for (int i = 0; i < present.length; i++) {
            if (!present[i]) {
                continue;
            }
            int place = count++;
            while (place > 0 && means[sorted[place - 1]] < means[i]) {
                sorted[place] = sorted[place - 1];
                place--;
            }
            sorted[place] = i;
        }
        return Arrays.copyOf(sorted, count);
    }

    /** Returns whether a class is present since the last frame only, which is an event. */
    public boolean hasAppeared(int index) {
        return appeared[index];
    }

    /**
     * Decodes the next frame. A frame whose logits are not finite is ignored.
     *
     * @param seconds the frame's time; if it steps back, the decoder is reset before this frame
     */
    public void step(float[] logits, double seconds) {
        Arrays.fill(appeared, false);
        if (!EventDecoder.areFinite(logits)) {
            return;
        }
        if (hasStarted && seconds < lastSeconds) {
            reset();
        }

        double kept = hasStarted ? Math.exp((lastSeconds - seconds) / SMOOTHING_SECONDS) : 0;
        hasStarted = true;
        lastSeconds = seconds;
        for (int i = 0; i < means.length; i++) {
            means[i] += (1 - kept) * (sigmoid(logits[i]) - means[i]);
            boolean before = present[i];
            present[i] = means[i] >= thresholds[i];
            appeared[i] = present[i] && !before;
        }
    }

    private static double sigmoid(double logit) {
        double small = Math.exp(-Math.abs(logit)); // never overflows
        return (logit >= 0 ? 1 : small) / (1 + small);
    }
}
