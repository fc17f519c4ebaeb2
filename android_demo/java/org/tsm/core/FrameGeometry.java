package org.tsm.core;

/**
 * Maps the model's image to the camera's frame: it is turned upright, optionally mirrored, and then
 * resized as {@link InputFrame} says.
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
     * @param input the model's image
     */
    FrameGeometry(int width, int height, int rotation, boolean mirror, InputFrame input) {
        this.width = width;
        this.height = height;
        this.rotation = rotation;
        this.mirror = mirror;

        columns = input.columns(uprightWidth(), uprightHeight());
        rows = input.rows(uprightWidth(), uprightHeight());
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
}
