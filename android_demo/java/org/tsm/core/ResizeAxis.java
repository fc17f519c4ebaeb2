package org.tsm.core;

/**
 * Which source pixels make each pixel of one axis, and with what weights: OpenCV's {@code INTER_AREA}, the mean over the
 * pixel's area when shrinking, linear when enlarging.
 */
final class ResizeAxis {
    private static final double NEGLIGIBLE = 1e-3;

    /** The first source pixel of each target pixel. */
    final int[] first;

    /** The weights of consecutive source pixels. */
    final float[][] weights;

    /**
     * @param source pixels before
     * @param scaled pixels after
     * @param from the first of the scaled pixels that are kept
     * @param kept how many are
     * @param shrinks whether both axes shrink or stay
     */
    ResizeAxis(int source, int scaled, int from, int kept, boolean shrinks) {
        first = new int[kept];
        weights = new float[kept][];
        double scale = (double) source / scaled;
        for (int i = 0; i < kept; i++) {
            if (shrinks) {
                area(i, (from + i) * scale, scale, source);
            } else {
                linear(i, from + i, scale, source);
            }
        }
    }

    /** Returns the first source pixel that any target pixel needs. */
    int begin() {
        return first[0];
    }

    /** Returns the source pixel behind the last that any target pixel needs. */
    int end() {
        int last = first.length - 1;
        return first[last] + weights[last].length;
    }

    private void area(int i, double from, double scale, int source) {
        double to = Math.min(from + scale, source);
        int begin = (int) Math.floor(from + NEGLIGIBLE);
        int end = (int) Math.ceil(to - NEGLIGIBLE);
        first[i] = begin;
        weights[i] = new float[end - begin];
        for (int x = begin; x < end; x++) {
            weights[i][x - begin] = (float) ((Math.min(x + 1, to) - Math.max(x, from)) / (to - from));
        }
    }

    private void linear(int i, int target, double scale, int source) {
        int x = Math.min((int) Math.floor(target * scale), source - 1);
        double share = Math.max(0, target + 1 - (x + 1) / scale);
        share -= Math.floor(share);
        first[i] = x;
        weights[i] = x + 1 < source ? new float[] {(float) (1 - share), (float) share} : new float[] {1};
    }
}
