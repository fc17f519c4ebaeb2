package org.tsm.core;

import java.util.Arrays;

/** The most probable classes of a frame with their probabilities, best first. */
public final class TopClasses {
    private final int[] classes;
    private final float[] probabilities;

    /**
     * Creates an empty ranking.
     *
     * @param count how many classes to rank; at most the number of classes
     */
    public TopClasses(int count) {
        classes = new int[count];
        probabilities = new float[count];
    }

    public int count() {
        return classes.length;
    }

    /** Returns the class at a rank; 0 is the best. */
    public int at(int rank) {
        return classes[rank];
    }

    /** Returns the probability of the class at a rank. */
    public float probability(int rank) {
        return probabilities[rank];
    }

    /** Ranks the softmax of a frame's logits. Equal classes keep their order. */
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

        int moved = classes.length - place - 1;
        System.arraycopy(classes, place, classes, place + 1, moved);
        System.arraycopy(probabilities, place, probabilities, place + 1, moved);
        classes[place] = index;
        probabilities[place] = probability;
    }
}
