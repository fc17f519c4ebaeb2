package org.tsm.core;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * From per-frame logits to a class that a person can read: the rule of {@code export/smoothing.py}, whose tests hold the
 * two to each other. Logits are averaged over the last 12 steps; a new class is shown only when it comes twice in a row.
 * With Jester's labels, classes that flicker count as the last one, and {@code Doing other things} as {@code No gesture}.
 */
public final class Smoother {
    public static final int AVERAGED_STEPS = 12;
    private static final String NO_GESTURE = "No gesture";
    private static final String JESTER_ONLY = "Doing other things";
    private static final Set<String> KEEP_LAST =
            new HashSet<>(
                    Arrays.asList(
                            "Pulling Hand In",
                            "Rolling Hand Backward",
                            "Rolling Hand Forward",
                            "Turning Hand Clockwise",
                            "Turning Hand Counterclockwise"));

    private final boolean[] keepLast;
    private final int[] sameAs;
    private final int start;
    private final float[][] logits;
    private int steps;
    private int last;
    private int beforeLast;

    public Smoother(List<String> labels) {
        int classes = labels.size();
        boolean isJester = labels.contains(JESTER_ONLY);
        start = labels.indexOf(NO_GESTURE);
        keepLast = new boolean[classes];
        sameAs = new int[classes];
        for (int i = 0; i < classes; i++) {
            keepLast[i] = isJester && KEEP_LAST.contains(labels.get(i));
            sameAs[i] = labels.get(i).equals(JESTER_ONLY) && start >= 0 ? start : i;
        }
        logits = new float[AVERAGED_STEPS][classes];
        reset();
    }

    /** Forgets the stream. */
    public void reset() {
        steps = 0;
        last = beforeLast = start;
    }

    /** Takes the next frame's logits; returns the class to show. */
    public int step(float[] next) {
        System.arraycopy(next, 0, logits[steps % AVERAGED_STEPS], 0, next.length);
        steps++;
        int rows = Math.min(steps, AVERAGED_STEPS);
        int best = 0;
        float bestSum = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < next.length; i++) {
            float sum = 0;
            for (int age = rows; age > 0; age--) { // oldest first, as NumPy adds them
                sum += logits[(steps - age) % AVERAGED_STEPS][i];
            }
            if (sum > bestSum) {
                bestSum = sum;
                best = i;
            }
        }
        return refine(best);
    }

    /** Takes the next frame's class; returns the class to show (the official {@code process_output}). */
    int refine(int predicted) {
        if (last < 0) {
            last = beforeLast = predicted;
        }
        int next = sameAs[keepLast[predicted] ? last : predicted];
        // One odd frame between equal ones is not shown.
        if (next != last && beforeLast != last) {
            next = last;
        }
        beforeLast = last;
        last = next;
        return next;
    }
}
