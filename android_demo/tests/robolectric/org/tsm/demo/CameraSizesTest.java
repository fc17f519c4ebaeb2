package org.tsm.demo;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;

import android.graphics.Matrix;
import android.graphics.RectF;
import android.util.Size;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.annotation.Config;

/** The choice of a frame size, and the rotation of frames and preview. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 35)
public class CameraSizesTest {
    private static Size choose(int... sides) {
        Size[] sizes = new Size[sides.length / 2];
        for (int i = 0; i < sizes.length; i++) {
            sizes[i] = new Size(sides[2 * i], sides[2 * i + 1]);
        }
        return CameraSizes.choose(sizes);
    }

    @Test
    public void theSmallestThatIsLargeEnough() {
        assertEquals(
                new Size(640, 480), choose(320, 240, 1920, 1080, 720, 480, 640, 480, 864, 480));
        assertEquals(new Size(1280, 720), choose(320, 240, 1920, 1080, 1280, 720));
        assertEquals(new Size(320, 240), choose(176, 144, 320, 240));
    }

    @Test
    public void framesAreTurnedUpright() {
        // On most phones, back sensors are mounted at 90 degrees, and front sensors at 270.
        assertEquals(90, CameraSizes.uprightRotation(90, 0, false));
        assertEquals(0, CameraSizes.uprightRotation(90, 90, false));
        assertEquals(180, CameraSizes.uprightRotation(90, 270, false));
        assertEquals(270, CameraSizes.uprightRotation(270, 0, true));
        assertEquals(0, CameraSizes.uprightRotation(270, 90, true));
        assertEquals(180, CameraSizes.uprightRotation(270, 270, true));
    }

    @Test
    public void thePreviewFillsItsViewUndistorted() {
        Size frame = new Size(640, 480);
        // Portrait: 480x640 on 1000x2000 becomes 1500x2000; its centre is visible.
        Matrix portrait = PreviewTransform.fill(1000, 2000, frame, 90, 0);
        assertRect(-250, 0, 1250, 2000, portrait, 1000, 2000);
        // Landscape: 640x480 on 2000x1000 becomes 2000x1500.
        Matrix landscape = PreviewTransform.fill(2000, 1000, frame, 90, 90);
        assertRect(0, -250, 2000, 1250, landscape, 2000, 1000);
    }

    private static void assertRect(
            float left,
            float top,
            float right,
            float bottom,
            Matrix matrix,
            int width,
            int height) {
        RectF view = new RectF(0, 0, width, height);
        matrix.mapRect(view);
        assertArrayEquals(
                new float[] {left, top, right, bottom},
                new float[] {view.left, view.top, view.right, view.bottom},
                0.1f);
    }
}
