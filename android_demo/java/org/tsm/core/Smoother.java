package org.tsm.core;

import java.util.Arrays;
import java.util.List;

/**
 * Turns the logits of a stream into a stable class, as {@code export/live/smoothing.py} does;
 * tests compare the two. Logits are averaged over the last steps, and a new class stays for at
 * least the refractory steps. Rules for classes without a label are ignored. Allocates nothing per
 * step.
 */
public final class Smoother {
    private static final String NO_GESTURE = "No gesture"; // assumed before the first frame

    private final boolean[] keepLast;
    private final int[] sameAs;
    private final int start; // -1 if there is no such class
    private final float[][] logits; // of step s in row s % averagedSteps
    private final int[] history; // the last shown classes, oldest first
    private int steps;
    private boolean empty; // the history

    public Smoother(List<String> labels, SmoothingRules rules) {
        int classes = labels.size();
        keepLast = new boolean[classes];
        sameAs = new int[classes];
        for (int i = 0; i < classes; i++) {
            String label = labels.get(i);
            keepLast[i] = rules.keepLast.contains(label);
            int other = labels.indexOf(rules.sameAs.get(label)); // -1 without a rule
            sameAs[i] = other < 0 ? i : other;
        }

        start = labels.indexOf(NO_GESTURE);
        logits = new float[rules.averagedSteps][classes];
        history = new int[rules.refractorySteps + 1];
        reset();
    }

    /** Forgets the stream. */
    public void reset() {
        steps = 0;
        empty = start < 0;
        Arrays.fill(history, start);
    }

    /** Returns the class to show after the next frame's logits. */
    public int step(float[] next) {
        int kept = logits.length;
        System.arraycopy(next, 0, logits[steps % kept], 0, next.length);
        steps++;

        int rows = Math.min(steps, kept);
        int best = 0;
        float bestSum = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < next.length; i++) {
            float sum = 0;
            for (int age = rows; age > 0; age--) { // oldest first, as NumPy adds them
                sum += logits[(steps - age) % kept][i];
            }
            if (sum > bestSum) {
                bestSum = sum;
                best = i;
            }
        }
        return refine(best);
    }

    /** Returns the class to show after the next frame's class (the official process_output). */
    int refine(int predicted) {
        if (empty) {
            Arrays.fill(history, predicted);
            empty = false;
        }

        int newest = history.length - 1;
        int last = history[newest];
        int next = isStable() ? sameAs[keepLast[predicted] ? last : predicted] : last;
        System.arraycopy(history, 1, history, 0, newest);
        history[newest] = next;
        return next;
    }

    /** Returns whether the class has not changed within the refractory steps. */
    private boolean isStable() {
        for (int shown : history) {
            if (shown != history[0]) {
                return false;
            }
        }
        return true;
    }
}
