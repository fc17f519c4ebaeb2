package org.tsm.core;

/**
 * Maps the model's frame to the camera's: a camera frame is turned upright, optionally mirrored,
 * resized by its shorter side and cropped at the centre, as {@code eval_frame} in {@code
 * tsm_tf/data/crops.py} does.
 *
 * <p>Each upright column and row lies along one axis of the source, so the offset of a pixel in a
 * plane is the sum of a column's and a row's offset.
 */
final class FrameGeometry {
    final ResizeAxis columns;
    final ResizeAxis rows;
    private final int width;
    private final int height;
    private final int rotation;
    private final boolean mirror;

    /**
     * Computes the weights of both axes.
     *
     * @param width of the source, in pixels
     * @param height of the source, in pixels
     * @param rotation clockwise degrees that turn the source upright: 0, 90, 180, 270
     * @param mirror whether to swap left and right in the upright frame
     * @param shortSide length in pixels to which the shorter side is resized
     * @param inputSize height and width of the model's frame, which is cropped from the centre
     */
    FrameGeometry(
            int width, int height, int rotation, boolean mirror, int shortSide, int inputSize) {
        this.width = width;
        this.height = height;
        this.rotation = rotation;
        this.mirror = mirror;

        int across = uprightWidth();
        int down = uprightHeight();
        int narrow = Math.min(across, down);
        columns = axis(across, narrow, shortSide, inputSize);
        rows = axis(down, narrow, shortSide, inputSize);
    }

    boolean isFor(int width, int height, int rotation, boolean mirror) {
        return this.width == width
                && this.height == height
                && this.rotation == rotation
                && this.mirror == mirror;
    }

    int uprightWidth() {
        return rotation % 180 == 0 ? width : height;
    }

    int uprightHeight() {
        return rotation % 180 == 0 ? height : width;
    }

    /**
     * Writes the offset of each upright column in a plane.
     *
     * @param halvings 1 for a plane of half the frame's resolution, 0 for a full plane
     */
    void columnOffsets(int[] offsets, int halvings, int rowStride, int pixelStride) {
        int across = uprightWidth();
        for (int i = 0; i < across; i++) {
            int x = mirror ? across - 1 - i : i;
            boolean reversed = rotation == 90 || rotation == 180;
            int along = (reversed ? across - 1 - x : x) >> halvings;
            offsets[i] = along * (rotation % 180 == 0 ? pixelStride : rowStride);
        }
    }

    /** Writes the offset of each upright row in a plane; see {@link #columnOffsets}. */
    void rowOffsets(int[] offsets, int halvings, int rowStride, int pixelStride) {
        int down = uprightHeight();
        for (int i = 0; i < down; i++) {
            boolean reversed = rotation == 180 || rotation == 270;
            int along = (reversed ? down - 1 - i : i) >> halvings;
            offsets[i] = along * (rotation % 180 == 0 ? rowStride : pixelStride);
        }
    }

    private static ResizeAxis axis(int source, int narrow, int shortSide, int inputSize) {
        int scaled = Math.max(shortSide, (int) ((double) shortSide * source / narrow));
        // Python rounds halves to the even neighbour.
        int from = (int) Math.rint((scaled - inputSize) / 2.0);
        return new ResizeAxis(source, scaled, from, inputSize);
    }
}
