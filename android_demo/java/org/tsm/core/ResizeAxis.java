package org.tsm.core;

/**
 * The source pixels of each target pixel along one axis, and their weights: the antialiased
 * bilinear (triangle) filter in {@code tsm_tf/data/resize.py}, for shrinking and for enlarging.
 *
 * <p>The weights fall linearly from the target pixel's centre to zero at a distance of one source
 * pixel, or of one target pixel when shrinking, and add up to 1. Beyond the frame's edge, the edge
 * pixel is repeated.
 */
final class ResizeAxis {
    /** The first source pixel of each target pixel; it never decreases. */
    final int[] first;

    /** The weights of consecutive source pixels, for each target pixel. */
    final float[][] weights;

    /** The largest number of source pixels that make one target pixel. */
    final int longest;

    /**
     * Computes the weights.
     *
     * @param source number of pixels before resizing
     * @param scaled number of pixels after resizing
     * @param from the first resized pixel to keep
     * @param kept the number of resized pixels to keep
     */
    ResizeAxis(int source, int scaled, int from, int kept) {
        first = new int[kept];
        weights = new float[kept][];
        double scale = (double) source / scaled;
        double radius = Math.max(1, scale);

        int most = 0;
        for (int i = 0; i < kept; i++) {
            setPixel(i, (from + i + 0.5) * scale, radius, source);
            most = Math.max(most, weights[i].length);
        }
        longest = most;
    }

    /** Returns the first source pixel that any target pixel needs. */
    int begin() {
        return first[0];
    }

    /** Returns the index after the last source pixel that any target pixel needs. */
    int end() {
        int last = first.length - 1;
        return first[last] + weights[last].length;
    }

    private void setPixel(int i, double centre, double radius, int source) {
        // Pixels at exactly the radius weigh nothing. Without them, an axis that keeps its size has
        // one source pixel per target pixel.
        int begin = (int) Math.floor(centre - radius - 0.5) + 1;
        int end = (int) Math.ceil(centre + radius - 0.5);
        int from = clamp(begin, source);
        double[] triangle = new double[clamp(end - 1, source) + 1 - from];
        double sum = 0;
        for (int x = begin; x < end; x++) {
            double weight = 1 - Math.abs(x + 0.5 - centre) / radius;
            triangle[clamp(x, source) - from] += weight;
            sum += weight;
        }

        first[i] = from;
        weights[i] = new float[triangle.length];
        for (int k = 0; k < triangle.length; k++) {
            weights[i][k] = (float) (triangle[k] / sum);
        }
    }

    private static int clamp(int x, int source) {
        return Math.max(0, Math.min(source - 1, x));
    }
}
