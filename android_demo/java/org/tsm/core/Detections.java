package org.tsm.core;

import java.nio.FloatBuffer;

/** What a detector finds in a frame, the best first. The next frame overwrites it. */
public final class Detections {
    private static final int CORNERS = 4;

    private final int[] classes;
    private final float[] scores;
    private final float[] boxes;
    private int count;

    /** Creates an empty list for at most so many objects. */
    public Detections(int most) {
        classes = new int[most];
        scores = new float[most];
        boxes = new float[CORNERS * most];
    }

    public int count() {
        return count;
    }

    /** Returns the class of an object. */
    public int classOf(int index) {
        return classes[index];
    }

    public float score(int index) {
        return scores[index];
    }

    /** Returns the left, top, right (2) or bottom (3) side of an object's box. */
    public float side(int index, int side) {
        return boxes[CORNERS * index + side];
    }

    /**
     * Reads a model's outputs.
     *
     * @param corners for each row ymin, xmin, ymax and xmax in 0..1 of the model's image
     * @param of the class of each row
     * @param confidences the score of each row
     * @param found the number of rows that are objects
     * @param numClasses the number of classes; whatever a damaged model gives, a class has a label
     * @param input the model's image
     * @param across width of the upright frame that the image was made from, in pixels
     * @param down its height
     */
    void read(
            FloatBuffer corners,
            FloatBuffer of,
            FloatBuffer confidences,
            float found,
            int numClasses,
            InputFrame input,
            int across,
            int down) {
        count = (int) Math.max(0, Math.min(classes.length, found)); // NaN becomes 0
        double scale = input.fittingScale(across, down);
        double toX = input.width / scale;
        double toY = input.height / scale;
        for (int i = 0; i < count; i++) {
            classes[i] = (int) Math.max(0, Math.min(numClasses - 1, of.get(i)));
            scores[i] = confidences.get(i);
            int at = CORNERS * i;
            boxes[at] = clip(corners.get(at + 1) * toX, across);
            boxes[at + 1] = clip(corners.get(at) * toY, down);
            boxes[at + 2] = clip(corners.get(at + 3) * toX, across);
            boxes[at + 3] = clip(corners.get(at + 2) * toY, down);
        }
    }

    private static float clip(double position, int size) {
        return (float) Math.max(0, Math.min(size, position));
    }
}
