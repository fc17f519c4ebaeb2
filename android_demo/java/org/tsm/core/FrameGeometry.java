package org.tsm.core;

/**
 * The way from a camera's frame to the model's: turned upright, perhaps mirrored, resized by its shorter side and cropped
 * in the centre, as {@code eval_frame} of {@code tsm_tf/data/transforms.py} does. Upright columns and rows lie along one
 * axis each of the source, so that a pixel's place in a plane is a sum of two numbers.
 */
final class FrameGeometry {
    // ModelSpec.short_side: pixels of the shorter side before the crop, per pixel of the crop
    private static final int RESIZED = 256;
    private static final int CROPPED = 224;

    final ResizeAxis columns;
    final ResizeAxis rows;
    private final int width;
    private final int height;
    private final int rotation;
    private final boolean mirror;

    /**
     * @param width of the source
     * @param height of the source
     * @param rotation clockwise degrees that turn the source upright: 0, 90, 180, 270
     * @param mirror whether left and right change places in the upright frame
     * @param inputSize the model's
     */
    FrameGeometry(int width, int height, int rotation, boolean mirror, int inputSize) {
        this.width = width;
        this.height = height;
        this.rotation = rotation;
        this.mirror = mirror;
        int shortSide = shortSide(inputSize);
        int across = uprightWidth();
        int down = uprightHeight();
        int narrow = Math.min(across, down);
        int scaledAcross = Math.max(shortSide, (int) ((double) shortSide * across / narrow));
        int scaledDown = Math.max(shortSide, (int) ((double) shortSide * down / narrow));
        if (narrow == shortSide) { // Python leaves such a frame as it is
            scaledAcross = across;
            scaledDown = down;
        }
        boolean shrinks = across >= scaledAcross && down >= scaledDown;
        columns = new ResizeAxis(across, scaledAcross, cropped(scaledAcross, inputSize), inputSize, shrinks);
        rows = new ResizeAxis(down, scaledDown, cropped(scaledDown, inputSize), inputSize, shrinks);
    }

    static int shortSide(int inputSize) {
        return inputSize * RESIZED / CROPPED;
    }

    boolean isFor(int width, int height, int rotation, boolean mirror) {
        return this.width == width && this.height == height && this.rotation == rotation && this.mirror == mirror;
    }

    int uprightWidth() {
        return rotation % 180 == 0 ? width : height;
    }

    int uprightHeight() {
        return rotation % 180 == 0 ? height : width;
    }

    /** Writes how much each upright column adds to a pixel's place in a plane with `1 << halvings` pixels a sample. */
    void columnOffsets(int[] offsets, int halvings, int rowStride, int pixelStride) {
        int across = uprightWidth();
        for (int i = 0; i < across; i++) {
            int x = mirror ? across - 1 - i : i;
            boolean reversed = rotation == 90 || rotation == 180;
            int along = (reversed ? across - 1 - x : x) >> halvings;
            offsets[i] = along * (rotation % 180 == 0 ? pixelStride : rowStride);
        }
    }

    /** Writes how much each upright row adds. */
    void rowOffsets(int[] offsets, int halvings, int rowStride, int pixelStride) {
        int down = uprightHeight();
        for (int i = 0; i < down; i++) {
            boolean reversed = rotation == 180 || rotation == 270;
            int along = (reversed ? down - 1 - i : i) >> halvings;
            offsets[i] = along * (rotation % 180 == 0 ? rowStride : pixelStride);
        }
    }

    /** Centres a crop as Python rounds: halves go to the even neighbour. */
    private static int cropped(int scaled, int inputSize) {
        return (int) Math.rint((scaled - inputSize) / 2.0);
    }
}
