package org.tsm.demo;

import android.app.Activity;
import android.util.Size;

/** Chooses the size of a camera's frames, and computes how to turn them upright. */
final class CameraSizes {
    // Enough for a preview, and for models of 224 pixels and more.
    private static final int SHORT_SIDE = 480;
    private static final int DEGREES_PER_QUARTER = 90;

    private CameraSizes() {}

    /**
     * Returns the smallest size whose shorter side has at least 480 pixels, or else the largest.
     * Among sizes with equal shorter sides, it returns the one nearest to 4:3.
     */
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

    /** Returns the screen's rotation in degrees, counterclockwise. */
    static int displayRotation(Activity activity) {
        int quarters = activity.getWindowManager().getDefaultDisplay().getRotation();
        return quarters * DEGREES_PER_QUARTER;
    }

    /**
     * Returns by how many degrees to turn a camera's frame clockwise to make it upright.
     *
     * @param sensor the sensor's orientation in degrees
     * @param display the screen's rotation in degrees, counterclockwise as in Android's API
     */
    static int uprightRotation(int sensor, int display, boolean front) {
        return (front ? sensor + display : sensor - display + 360) % 360;
    }
}
