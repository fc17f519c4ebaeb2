package org.tsm.core;

import java.util.Arrays;

/** The most probable classes with their probabilities, best first. */
public final class TopClasses {
    private final int[] classes;
    private final double[] probabilities;

    /**
     * Creates an empty ranking.
     *
     * @param count how many classes to rank; at most the number of classes
     */
    public TopClasses(int count) {
        classes = new int[count];
        probabilities = new double[count];
    }

    public int count() {
        return classes.length;
    }

    /** Returns the class at a rank; 0 is the best. */
    public int at(int rank) {
        return classes[rank];
    }

    /** Returns the probability of the class at a rank. */
    public double probability(int rank) {
        return probabilities[rank];
    }

    /** Ranks the classes by probability. Equal classes keep their order. */
    public void update(double[] of) {
        Arrays.fill(probabilities, -1);
        for (int i = 0; i < of.length; i++) {
            insert(i, of[i]);
        }
    }

    private void insert(int index, double probability) {
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
