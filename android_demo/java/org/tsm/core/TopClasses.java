package org.tsm.core;

import java.util.Arrays;

/** The most probable classes of a frame, best first, and their probabilities. */
public final class TopClasses {
    private final int[] classes;
    private final float[] probabilities;

    /** @param count how many, at most the number of classes */
    public TopClasses(int count) {
        classes = new int[count];
        probabilities = new float[count];
    }

    public int count() {
        return classes.length;
    }

    /** Returns the class in place {@code rank}, 0 the best. */
    public int at(int rank) {
        return classes[rank];
    }

    /** Returns the probability of the class in place {@code rank}. */
    public float probability(int rank) {
        return probabilities[rank];
    }

    /** Takes a frame's logits: their softmax is ranked; of equals the first comes first. */
    public void update(float[] logits) {
        float largest = Float.NEGATIVE_INFINITY;
        for (float logit : logits) {
            largest = Math.max(largest, logit);
        }
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - largest);
        }
        Arrays.fill(probabilities, -1);
        for (int i = 0; i < logits.length; i++) {
            insert(i, (float) (Math.exp(logits[i] - largest) / sum));
        }
    }

    private void insert(int index, float probability) {
        int place = classes.length;
        while (place > 0 && probabilities[place - 1] < probability) {
            place--;
        }
        if (place == classes.length) {
            return;
        }
        System.arraycopy(classes, place, classes, place + 1, classes.length - place - 1);
        System.arraycopy(probabilities, place, probabilities, place + 1, classes.length - place - 1);
        classes[place] = index;
        probabilities[place] = probability;
    }
}
