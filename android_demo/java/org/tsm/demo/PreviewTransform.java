package org.tsm.demo;

import android.graphics.Matrix;
import android.graphics.RectF;
import android.util.Size;

/** Computes how a preview fills its view without distortion. */
final class PreviewTransform {
    private PreviewTransform() {}

    /**
     * Returns the matrix for a TextureView. Without it, the view would stretch its content, and
     * show it as if the screen were not rotated.
     *
     * @param width of the view
     * @param height of the view
     * @param frame the size of the sensor's frames
     * @param sensor the sensor's orientation in degrees
     * @param display the screen's rotation in degrees
     */
    static Matrix fill(int width, int height, Size frame, int sensor, int display) {
        // The size of the frame on a screen that is not rotated.
        boolean sameAxes = sensor % 180 == 0;
        float across = sameAxes ? frame.getWidth() : frame.getHeight();
        float down = sameAxes ? frame.getHeight() : frame.getWidth();

        boolean rotated = display % 180 != 0;
        float scale =
                rotated
                        ? Math.max(height / across, width / down)
                        : Math.max(width / across, height / down);
        RectF filled = new RectF(0, 0, across * scale, down * scale);
        filled.offset((width - filled.width()) / 2, (height - filled.height()) / 2);

        Matrix matrix = new Matrix();
        matrix.setRectToRect(new RectF(0, 0, width, height), filled, Matrix.ScaleToFit.FILL);
        matrix.postRotate(-display, width / 2f, height / 2f);
        return matrix;
    }
}
