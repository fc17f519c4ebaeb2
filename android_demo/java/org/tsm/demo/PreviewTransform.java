package org.tsm.demo;

import android.graphics.Matrix;
import android.graphics.RectF;
import android.util.Size;

/** How a preview fills its view without distortion. */
final class PreviewTransform {
    private PreviewTransform() {}

    /**
     * Returns the matrix of a TextureView, whose content would be stretched over it and stand as if the screen were not
     * turned.
     *
     * @param frame the camera's frame as the sensor gives it
     * @param sensor the sensor's orientation in degrees
     * @param display the screen's rotation in degrees
     */
    static Matrix fill(int width, int height, Size frame, int sensor, int display) {
        boolean lies = sensor % 180 == 0;
        // The frame as it stands on a screen that is not turned.
        float across = lies ? frame.getWidth() : frame.getHeight();
        float down = lies ? frame.getHeight() : frame.getWidth();
        boolean turned = display % 180 != 0;
        float scale = turned ? Math.max(height / across, width / down) : Math.max(width / across, height / down);
        RectF filled = new RectF(0, 0, across * scale, down * scale);
        filled.offset((width - filled.width()) / 2, (height - filled.height()) / 2);
        Matrix matrix = new Matrix();
        matrix.setRectToRect(new RectF(0, 0, width, height), filled, Matrix.ScaleToFit.FILL);
        matrix.postRotate(-display, width / 2f, height / 2f);
        return matrix;
    }
}
