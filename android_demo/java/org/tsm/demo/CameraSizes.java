package org.tsm.demo;

import android.util.Size;

/** Which of a camera's sizes the app takes, and how its frames lie on the screen. */
final class CameraSizes {
    private static final int SHORT_SIDE = 480; // enough for a preview and for models of 224 pixels and more

    private CameraSizes() {}

    /** Returns the smallest size with at least 480 lines, else the largest; of equal heights the nearest to 4:3. */
    static Size choose(Size[] sizes) {
        Size best = sizes[0];
        for (Size size : sizes) {
            if (isBetter(size, best)) {
                best = size;
            }
        }
        return best;
    }

    private static boolean isBetter(Size size, Size best) {
        int side = Math.min(size.getWidth(), size.getHeight());
        int bestSide = Math.min(best.getWidth(), best.getHeight());
        if (side == bestSide) {
            return Math.abs(ratio(size) - 4f / 3) < Math.abs(ratio(best) - 4f / 3);
        }
        if (bestSide < SHORT_SIDE) {
            return side > bestSide;
        }
        return side >= SHORT_SIDE && side < bestSide;
    }

    private static float ratio(Size size) {
        return (float) size.getWidth() / size.getHeight();
    }

    /**
     * Returns the clockwise degrees that turn a camera's frame upright.
     *
     * @param sensor the sensor's orientation in degrees
     * @param display the screen's rotation in degrees, counter-clockwise as Android gives it
     */
    static int uprightRotation(int sensor, int display, boolean front) {
        return (front ? sensor + display : sensor - display + 360) % 360;
    }
}
