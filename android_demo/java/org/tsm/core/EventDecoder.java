package org.tsm.core;

import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * Turns the logits of a stream into events, one per gesture, as {@code EventDecoder} in {@code
 * tsm_tf/evaluation/events.py} does; tests compare the two. Allocates nothing per step.
 */
public final class EventDecoder {
    /** No class. */
    public static final int NONE = -1;

    private static final double EPSILON = 1e-6; // seconds; 0.1 + 0.2 should reach 0.3

    private final EventRules rules;
    private final boolean[] isBackground;
    private final double[] means; // of the probabilities
    private boolean hasStarted;
    private double lastSeconds;
    private int candidate; // the class whose mean is high
    private double highSince;
    private int active; // the class of the event in progress
    private double silentUntil;

    /**
     * Creates a decoder for one stream.
     *
     * @param labels class names in the order of the logits
     * @param background names of the classes in which nothing happens
     */
    public EventDecoder(List<String> labels, Set<String> background, EventRules rules) {
        this.rules = rules;
        isBackground = new boolean[labels.size()];
        for (int i = 0; i < isBackground.length; i++) {
            isBackground[i] = background.contains(labels.get(i));
        }
        means = new double[isBackground.length];
        reset();
    }

    /** Forgets the stream. */
    public void reset() {
        Arrays.fill(means, 0);
        hasStarted = false;
        candidate = NONE;
        active = NONE;
        silentUntil = Double.NEGATIVE_INFINITY;
    }

    /**
     * Returns the mean probability of each class after the last frame. The next step overwrites
     * this array.
     */
    public double[] probabilities() {
        return means;
    }

    /**
     * Returns the class to show, which never contradicts the probabilities: that of the event in
     * progress while it is the most probable one, otherwise the most probable background class;
     * {@link #NONE} without background classes.
     */
    public int shown() {
        int top = 0;
        for (int i = 1; i < means.length; i++) {
            top = means[i] > means[top] ? i : top;
        }
        return top == active ? active : best(true);
    }

    /**
     * Decodes the next frame. A frame whose logits are not finite is ignored.
     *
     * @param seconds the frame's time; if it steps back, the decoder is reset before this frame
     * @return the class whose event begins with this frame, or {@link #NONE}
     */
    public int step(float[] logits, double seconds) {
        if (!areFinite(logits)) {
            return NONE;
        }
        if (hasStarted && seconds < lastSeconds) {
            reset();
        }
        updateMeans(logits, seconds);

        if (active != NONE && means[active] < rules.closeProbability) {
            active = NONE;
        }

        int best = best(false);
        if (best == NONE || means[best] < Math.max(rules.openProbability, EPSILON)) {
            candidate = NONE;
            return NONE;
        }
        if (best != candidate) {
            candidate = best;
            highSince = seconds;
        }

        boolean hasLasted = seconds - highSince >= rules.minSeconds - EPSILON;
        boolean mayReport = seconds >= silentUntil - EPSILON;
        if (best == active || !hasLasted || !mayReport) {
            return NONE;
        }
        active = best;
        silentUntil = seconds + rules.refractorySeconds;
        return best;
    }

    /** Returns the most probable gesture or background class, or {@link #NONE}. */
    private int best(boolean background) {
        int best = NONE;
        for (int i = 0; i < means.length; i++) {
            if (isBackground[i] == background && (best == NONE || means[i] > means[best])) {
                best = i;
            }
        }
        return best;
    }

    static boolean areFinite(float[] logits) {
        for (float logit : logits) {
            if (Float.isNaN(logit) || Float.isInfinite(logit)) {
                return false;
            }
        }
        return true;
    }

    private void updateMeans(float[] logits, double seconds) {
        double kept = 0; // share of the old mean
        if (hasStarted && rules.smoothingSeconds > 0) {
            kept = Math.exp(-(seconds - lastSeconds) / rules.smoothingSeconds);
        }
        hasStarted = true;
        lastSeconds = seconds;

        double largest = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            largest = Math.max(largest, logit);
        }
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - largest);
        }
        for (int i = 0; i < means.length; i++) {
            double probability = Math.exp(logits[i] - largest) / sum;
            means[i] += (1 - kept) * (probability - means[i]);
        }
    }
}
