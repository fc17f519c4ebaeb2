package org.tsm.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.graphics.RectF;
import android.net.Uri;
import android.view.View;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;
import org.junit.Before;
import org.junit.Test;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.annotation.GraphicsMode;
import org.robolectric.shadow.api.Shadow;
import org.robolectric.shadows.ShadowCanvas;
import org.tensorflow.lite.Interpreter;

/** The live screen with a detector: what it sees, and the boxes over the preview. */
@GraphicsMode(GraphicsMode.Mode.LEGACY) // records what is drawn
public class DetectionScreenTest extends LiveScreenTestCase {
    private static final int HEIGHT = 64; // of the detector in the tests' assets
    private static final int WIDTH = 96;
    private static final int MOST = 10;
    private static final Uri FILE = Uri.parse("content://documents/detector.tflite");

    private static InputStream open() {
        try {
            return RuntimeEnvironment.getApplication().getAssets().open("detector.bin");
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    @Before
    public void chooseDetector() {
        Interpreter.describeDetector(HEIGHT, WIDTH, MOST, 3);
        // An upright frame has 480x640 pixels; at a scale of 0.1 it takes half of the image's width.
        float[] boxes = {0.25f, 0.125f, 0.75f, 0.25f, 0, 0, 0.1f, 0.5f, 0, 0, 1, 1};
        Interpreter.detections =
                Map.of(
                        "boxes", Arrays.copyOf(boxes, 4 * MOST),
                        "classes", Arrays.copyOf(new float[] {1, 2, 0}, MOST),
                        "scores", Arrays.copyOf(new float[] {0.9f, 0.5f, 0.3f}, MOST),
                        "count", new float[] {3});
        shadowOf(RuntimeEnvironment.getApplication().getContentResolver())
                .registerInputStreamSupplier(FILE, DetectionScreenTest::open);
        preferences().edit().putString("model", FILE.toString()).apply();
        permit();
    }

    private void startDetector() {
        start();
        await("a model", () -> activity.getTitle().toString().equals("detector.tflite"));
    }

    private void detect() {
        int before = interpreter().frames.size();
        ShadowReader.last.deliver(new FakeImage(100, frames++ * SECOND));
        await("a frame", () -> interpreter().frames.size() > before);
        await("a result", () -> text(R.id.label).length() > 0);
        idle();
    }

    /** Draws the boxes into a view of 960x1280 pixels. */
    private ShadowCanvas drawn() {
        View view = activity.findViewById(R.id.boxes);
        view.layout(0, 0, 960, 1280);
        Canvas canvas = new Canvas(Bitmap.createBitmap(960, 1280, Bitmap.Config.ARGB_8888));
        view.draw(canvas);
        return Shadow.extract(canvas);
    }

    private static void assertBox(ShadowCanvas canvas, int index, RectF expected) {
        ShadowCanvas.RectPaintHistoryEvent event = canvas.getDrawnRect(index);
        RectF actual = new RectF(event.left, event.top, event.right, event.bottom);
        assertEquals(expected.left, actual.left, 0.01);
        assertEquals(expected.top, actual.top, 0.01);
        assertEquals(expected.right, actual.right, 0.01);
        assertEquals(expected.bottom, actual.bottom, 0.01);
    }

    @Test
    public void seesTheWholeFrameWithABorder() {
        startDetector();
        detect();
        byte[] bytes = interpreter().frames.get(0).get("image");
        ByteBuffer image = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
        for (int row = 0; row < HEIGHT; row++) {
            for (int column = 0; column < WIDTH; column++) {
                boolean inside = column < WIDTH / 2;
                assertEquals(inside ? 100 : 123, image.getFloat(), 0);
                assertEquals(inside ? 100 : 116, image.getFloat(), 0);
                assertEquals(inside ? 100 : 103, image.getFloat(), 0);
            }
        }
    }

    @Test
    public void boxesLieOverTheMirroredPreview() {
        startDetector();
        detect();
        assertEquals("cross\u00a0×1 · ü\u00a0×1", text(R.id.label));
        assertEquals(View.GONE, activity.findViewById(R.id.row1).getVisibility());
        assertTrue(text(R.id.statistics).contains(" · median "));

        ShadowCanvas canvas = drawn();
        assertEquals(2, canvas.getTextHistoryCount());
        assertEquals("ü 50%", canvas.getDrawnTextEvent(0).text);
        assertEquals("cross 90%", canvas.getDrawnTextEvent(1).text);
        // Pixels of the frame are 120 to 240 from the left and 160 to 480 from above. The view has
        // twice the size, and a front camera's preview is mirrored.
        assertBox(canvas, 2, new RectF(2 * (480 - 240), 2 * 160, 2 * (480 - 120), 2 * 480));
        assertBox(canvas, 0, new RectF(0, 0, 960, 128)); // limited to the frame
    }

    @Test
    public void otherCamerasAndMirroredFrames() {
        startDetector();
        activity.findViewById(R.id.camera).performClick(); // the back camera
        showPreview();
        await("a model", () -> Interpreter.MADE.size() == 2);
        detect();
        RectF asSeen = new RectF(240, 320, 480, 960);
        assertBox(drawn(), 2, asSeen);

        preferences().edit().putBoolean("mirror", true).putBoolean("front", true).apply();
        controller.recreate();
        activity = controller.get();
        showPreview();
        await("a model", () -> Interpreter.MADE.size() == 3);
        detect();
        assertBox(drawn(), 2, asSeen); // what the model sees is mirrored as well
    }

    @Test
    public void cachesAreFedBackUntilAReset() {
        startDetector();
        detect();
        detect();
        assertEquals(1, interpreter().frames.get(1).get("shift_02")[0]);
        activity.findViewById(R.id.reset).performClick();
        assertEquals("", text(R.id.label));
        assertEquals(0, drawn().getTextHistoryCount());
        detect();
        assertEquals(0, interpreter().frames.get(2).get("shift_02")[0]);
    }

    @Test
    public void anotherModelHidesTheBoxes() {
        startDetector();
        detect();
        Interpreter.describe(SIZE, CLASSES, 10);
        preferences().edit().putString("model", MODEL).apply();
        controller.recreate();
        activity = controller.get();
        showPreview();
        awaitModel();
        recognise(2, 4);
        await("a label", () -> text(R.id.label).equals("Swiping Up"));
        assertEquals(View.VISIBLE, activity.findViewById(R.id.row1).getVisibility());
        assertEquals(0, drawn().getTextHistoryCount());
    }
}
