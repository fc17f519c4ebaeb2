package org.tsm.core;

import java.util.Arrays;

/**
 * Camera frames to the model's image input in one pass: upright, resized, cropped, RGB. Chroma is full-range BT.601
 * (JFIF), as Android defines {@code YUV_420_888} of cameras. Allocates only when the frames' size or place changes.
 */
public final class YuvConverter {
    private static final int BITS = 16; // of the fixed-point fractions
    private static final int HALF = 1 << (BITS - 1);
    // R = Y + 1.402 V, G = Y - 0.344136 U - 0.714136 V, B = Y + 1.772 U, of chroma around 0
    private static final int V_TO_R = Math.round(1.402f * (1 << BITS));
    private static final int U_TO_G = Math.round(0.344136f * (1 << BITS));
    private static final int V_TO_G = Math.round(0.714136f * (1 << BITS));
    private static final int U_TO_B = Math.round(1.772f * (1 << BITS));
    private static final int CHROMA_ZERO = 128;
    private static final int CHANNELS = ImageTensor.CHANNELS;

    private final int inputSize;
    private final float[] sums;
    private final float[][] lines; // the last two source rows, resized: neighbours share them
    private final int[] lineRows = new int[2];
    private FrameGeometry geometry;
    private int[] pixels; // of one upright source row: RGB, a channel after the other
    private int[][] columnOffsets;
    private int[][] rowOffsets;

    /** @param inputSize height and width of the model's frames */
    public YuvConverter(int inputSize) {
        this.inputSize = inputSize;
        sums = new float[CHANNELS * inputSize];
        lines = new float[2][CHANNELS * inputSize];
    }

    /**
     * Writes a frame into the model's input.
     *
     * @param rotation clockwise degrees that turn the frame upright: 0, 90, 180, 270
     * @param mirror whether left and right change places in the upright frame
     */
    public void convert(YuvFrame frame, int rotation, boolean mirror, ImageTensor image) {
        prepare(frame, rotation, mirror);
        for (int row = 0; row < inputSize; row++) {
            Arrays.fill(sums, 0);
            float[] weights = geometry.rows.weights[row];
            for (int k = 0; k < weights.length; k++) {
                float[] line = line(frame, geometry.rows.first[row] + k);
                float weight = weights[k];
                for (int i = 0; i < sums.length; i++) {
                    sums[i] += weight * line[i];
                }
            }
            int start = row * sums.length;
            for (int i = 0; i < sums.length; i++) {
                image.set(start + i, (int) (sums[i] + 0.5f));
            }
        }
    }

    private void prepare(YuvFrame frame, int rotation, boolean mirror) {
        if (geometry == null || !geometry.isFor(frame.width, frame.height, rotation, mirror)) {
            geometry = new FrameGeometry(frame.width, frame.height, rotation, mirror, inputSize);
            pixels = new int[CHANNELS * geometry.uprightWidth()];
            columnOffsets = new int[3][geometry.uprightWidth()];
            rowOffsets = new int[3][geometry.uprightHeight()];
        }
        offsets(0, frame.y, 0);
        offsets(1, frame.u, 1);
        offsets(2, frame.v, 1);
        Arrays.fill(lineRows, -1);
    }

    private void offsets(int plane, YuvFrame.Plane layout, int halvings) {
        geometry.columnOffsets(columnOffsets[plane], halvings, layout.rowStride, layout.pixelStride);
        geometry.rowOffsets(rowOffsets[plane], halvings, layout.rowStride, layout.pixelStride);
    }

    /** Returns an upright source row in RGB, resized to the model's width. */
    private float[] line(YuvFrame frame, int row) {
        float[] line = lines[row & 1];
        if (lineRows[row & 1] == row) {
            return line;
        }
        lineRows[row & 1] = row;
        toRgb(frame, row);
        for (int column = 0; column < inputSize; column++) {
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
