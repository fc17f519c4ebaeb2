package org.tsm.core;

/**
 * The size of a model's image, and how a camera's upright frame gets there. Classifiers see it
 * resized by its shorter side and cropped at the centre, as {@code eval_frame} in {@code
 * tsm_tf/data/crops.py} does. Detectors see all of it, resized to fit, with a border at the bottom
 * or on the right, as {@code fit_frame} in {@code tsm_tf/detection/data} does. Immutable.
 */
public final class InputFrame {
    /** The border's colour: red, green, blue. */
    private static final int[] PADDING = {123, 116, 103};

    public final int height;
    public final int width;
    private final int shortSide; // 0 to fit

    private InputFrame(int height, int width, int shortSide) {
        this.height = height;
        this.width = width;
        this.shortSide = shortSide;
    }

    /**
     * Returns the image of a classifier.
     *
     * @param size height and width
     * @param shortSide length in pixels to which a frame's shorter side is resized before the crop
     */
    public static InputFrame cropped(int size, int shortSide) {
        return new InputFrame(size, size, shortSide);
    }

    /** Returns the image of a detector. */
    public static InputFrame fitted(int height, int width) {
        return new InputFrame(height, width, 0);
    }

    /** Returns the length to which a frame's shorter side is resized before the crop; 0 to fit. */
    public int shortSide() {
        return shortSide;
    }

    /** Returns the border's value of a channel. */
    int padding(int channel) {
        return PADDING[channel];
    }

    /** Returns the scale at which an upright frame fits. A frame's box times it is the image's. */
    double fittingScale(int across, int down) {
        return Math.min((double) height / down, (double) width / across);
    }

    /** Returns the weights of the image's columns, for an upright frame. */
    ResizeAxis columns(int across, int down) {
        return axis(across, across, down, width);
    }

    /** Returns the weights of the image's rows, for an upright frame. */
    ResizeAxis rows(int across, int down) {
        return axis(down, across, down, height);
    }

    private ResizeAxis axis(int source, int across, int down, int target) {
        // Python rounds halves to the even neighbour, as rint does.
        if (shortSide == 0) {
            int scaled = (int) Math.rint(source * fittingScale(across, down));
            int kept = Math.min(target, Math.max(1, scaled));
            return new ResizeAxis(source, kept, 0, kept);
        }
        int narrow = Math.min(across, down);
        int scaled = Math.max(shortSide, (int) ((double) shortSide * source / narrow));
        int from = (int) Math.rint((scaled - target) / 2.0);
        return new ResizeAxis(source, scaled, from, target);
    }
}
