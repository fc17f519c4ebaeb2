package org.tsm.core;

import java.util.Arrays;

/**
 * Converts camera frames to the model's image input in one pass: upright, resized, RGB.
 * Chroma is full-range BT.601 (JFIF), which Android defines for {@code YUV_420_888} from cameras.
 * Allocates only when the size or the orientation of the frames changes.
 */
public final class YuvConverter {
    private static final int BITS = 16; // of the fixed-point fractions
    private static final int HALF = 1 << (BITS - 1);
    // With chroma around 0:
    // R = Y + 1.402 V, G = Y - 0.344136 U - 0.714136 V, B = Y + 1.772 U
    private static final int V_TO_R = Math.round(1.402f * (1 << BITS));
    private static final int U_TO_G = Math.round(0.344136f * (1 << BITS));
    private static final int V_TO_G = Math.round(0.714136f * (1 << BITS));
    private static final int U_TO_B = Math.round(1.772f * (1 << BITS));
    private static final int CHROMA_ZERO = 128;
    private static final int CHANNELS = ImageTensor.CHANNELS;

    private final InputFrame input;
    private FrameGeometry geometry;
    private float[] sums; // a row of the part of the image that shows the frame
    private int[] pixels; // one upright source row, RGB interleaved
    private int[][] columnOffsets;
    private int[][] rowOffsets;

    // Source rows that are already resized to the width of its part of the image. Neighbouring target rows share
    // them. Row r is in lines[r % lines.length], if lineRows says so.
    private float[][] lines;
    private int[] lineRows;

    /** Creates a converter for a model's image. */
    public YuvConverter(InputFrame input) {
        this.input = input;
    }

    /** Returns the width of the last frame when it is upright. */
    public int uprightWidth() {
        return geometry.uprightWidth();
    }

    /** Returns the height of the last frame when it is upright. */
    public int uprightHeight() {
        return geometry.uprightHeight();
    }

    /**
     * Writes a frame into the model's input.
     *
     * @param rotation clockwise degrees that turn the frame upright: 0, 90, 180, 270
     * @param mirror whether to swap left and right in the upright frame
     */
    public void convert(YuvFrame frame, int rotation, boolean mirror, ImageTensor image) {
        prepare(frame, rotation, mirror);

        int stride = CHANNELS * input.width;
        int shown = geometry.rows.first.length;
        for (int row = 0; row < shown; row++) {
            Arrays.fill(sums, 0);
            float[] weights = geometry.rows.weights[row];
            for (int k = 0; k < weights.length; k++) {
                float[] line = line(frame, geometry.rows.first[row] + k);
                float weight = weights[k];
                for (int i = 0; i < sums.length; i++) {
                    sums[i] += weight * line[i];
                }
            }

            int start = row * stride;
            for (int i = 0; i < sums.length; i++) {
                image.set(start + i, (int) (sums[i] + 0.5f));
            }
            pad(image, start + sums.length, start + stride);
        }
        pad(image, shown * stride, input.height * stride);
    }

    /** Fills whole pixels with the border's colour. */
    private void pad(ImageTensor image, int begin, int end) {
        for (int i = begin; i < end; i++) {
            image.set(i, input.padding(i % CHANNELS));
        }
    }

    private void prepare(YuvFrame frame, int rotation, boolean mirror) {
        int width = frame.width;
        int height = frame.height;
        if (geometry == null || !geometry.isFor(width, height, rotation, mirror)) {
            geometry = new FrameGeometry(width, height, rotation, mirror, input);
            sums = new float[CHANNELS * geometry.columns.first.length];
            pixels = new int[CHANNELS * geometry.uprightWidth()];
            columnOffsets = new int[3][geometry.uprightWidth()];
            rowOffsets = new int[3][geometry.uprightHeight()];
            lines = new float[geometry.rows.longest][sums.length];
            lineRows = new int[lines.length];
        }

        offsets(0, frame.y, 0);
        offsets(1, frame.u, 1);
        offsets(2, frame.v, 1);
        Arrays.fill(lineRows, -1);
    }

    private void offsets(int plane, YuvFrame.Plane layout, int halvings) {
        int rowStride = layout.rowStride;
        int pixelStride = layout.pixelStride;
        geometry.columnOffsets(columnOffsets[plane], halvings, rowStride, pixelStride);
        geometry.rowOffsets(rowOffsets[plane], halvings, rowStride, pixelStride);
    }

    /** Returns an upright source row in RGB, resized to the width of its part of the image. */
    private float[] line(YuvFrame frame, int row) {
        int slot = row % lines.length;
        float[] line = lines[slot];
        if (lineRows[slot] == row) {
            return line;
        }

        lineRows[slot] = row;
        toRgb(frame, row);
        for (int column = 0; column < geometry.columns.first.length; column++) {
            float red = 0;
            float green = 0;
            float blue = 0;
            int pixel = CHANNELS * geometry.columns.first[column];
            for (float weight : geometry.columns.weights[column]) {
                red += weight * pixels[pixel];
                green += weight * pixels[pixel + 1];
                blue += weight * pixels[pixel + 2];
                pixel += CHANNELS;
            }
            line[CHANNELS * column] = red;
            line[CHANNELS * column + 1] = green;
            line[CHANNELS * column + 2] = blue;
        }
        return line;
    }

    private void toRgb(YuvFrame frame, int row) {
        byte[] lumas = frame.y.bytes;
        byte[] us = frame.u.bytes;
        byte[] vs = frame.v.bytes;
        int[] lumaColumns = columnOffsets[0];
        int[] uColumns = columnOffsets[1];
        int[] vColumns = columnOffsets[2];
        int lumaRow = rowOffsets[0][row];
        int uRow = rowOffsets[1][row];
        int vRow = rowOffsets[2][row];

        int end = geometry.columns.end();
        for (int column = geometry.columns.begin(); column < end; column++) {
            int luma = ((lumas[lumaRow + lumaColumns[column]] & 0xFF) << BITS) + HALF;
            int u = (us[uRow + uColumns[column]] & 0xFF) - CHROMA_ZERO;
            int v = (vs[vRow + vColumns[column]] & 0xFF) - CHROMA_ZERO;
            int pixel = CHANNELS * column;
            pixels[pixel] = clamp((luma + V_TO_R * v) >> BITS);
            pixels[pixel + 1] = clamp((luma - U_TO_G * u - V_TO_G * v) >> BITS);
            pixels[pixel + 2] = clamp((luma + U_TO_B * u) >> BITS);
        }
    }

    private static int clamp(int value) {
        return value < 0 ? 0 : Math.min(value, 255);
    }
}
