package org.tsm.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNotSame;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.content.Intent;
import android.graphics.SurfaceTexture;
import android.view.Surface;
import android.view.TextureView;
import android.view.View;
import android.widget.ProgressBar;
import android.widget.TextView;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import org.junit.Test;
import org.robolectric.Robolectric;
import org.robolectric.shadows.ShadowAlertDialog;
import org.tensorflow.lite.Interpreter;

/** Recognition, and the life of the live screen. */
public class MainActivityTest extends LiveScreenTestCase {
    private static final int NO_GESTURE = 8;

    @Test
    public void framesProduceLabelsOnScreen() {
        permit();
        start();
        awaitModel();
        recognise(2, 4);
        await("a label", () -> text(R.id.label).equals("Swiping Up"));

        View row = activity.findViewById(R.id.row1);
        assertEquals("Swiping Up", row.<TextView>findViewById(R.id.name).getText().toString());
        assertTrue(row.<ProgressBar>findViewById(R.id.bar).getProgress() > 990);
        String statistics = text(R.id.statistics);
        assertTrue(statistics, statistics.startsWith("8.0 frames/s · median "));
        assertEquals(View.GONE, activity.findViewById(R.id.message).getVisibility());

        // A frame that comes too early for 8 frames per second is not computed.
        FakeImage early = new FakeImage(0, frames * SECOND / 8 - SECOND / 20);
        ShadowReader.last.deliver(early);
        await("the frame to close", () -> early.closed);
        assertEquals(4, interpreter().frames.size());

        // The model sees what the camera saw.
        Map<String, byte[]> last = interpreter().frames.get(3);
        ByteBuffer image = ByteBuffer.wrap(last.get("image")).order(ByteOrder.nativeOrder());
        while (image.hasRemaining()) {
            assertEquals(103, image.getFloat(), 0);
        }
        assertEquals("the caches went through three frames", 3, last.get("shift_09")[0]);
    }

    @Test
    public void resetForgetsTheStream() {
        permit();
        start();
        awaitModel();
        recognise(2, 3);

        activity.findViewById(R.id.reset).performClick();
        assertEquals("", text(R.id.label));
        recognise(3, 2);
        await("a label", () -> text(R.id.label).equals("Swiping Down"));
        assertEquals(0, interpreter().frames.get(3).get("shift_00")[0]);
    }

    @Test
    public void eventsAreShownOnceAndCounted() {
        permit();
        start();
        awaitModel();
        recognise(NO_GESTURE, 2);
        await("silence", () -> text(R.id.label).equals("No gesture"));
        await("no events", () -> text(R.id.counts).equals("Events: 0"));
        assertEquals("", text(R.id.last_events));

        recognise(2, 1); // its mean is high, but has not lasted
        assertEquals("No gesture", text(R.id.label));
        recognise(2, 9);
        await("one event", () -> text(R.id.counts).equals("Events: 1 · Swiping Up\u00a0×1"));
        assertEquals("Swiping Up", text(R.id.label));
        recognise(NO_GESTURE, 8);
        await("silence", () -> text(R.id.label).equals("No gesture"));

        recognise(0, 8);
        recognise(NO_GESTURE, 8);
        recognise(2, 8);
        await(
                "three events",
                () ->
                        text(R.id.counts)
                                .equals("Events: 3 · Swiping Left\u00a0×1 · Swiping Up\u00a0×2"));
        assertEquals(
                "00:04 Swiping Up · 00:02 Swiping Left · 00:00 Swiping Up",
                text(R.id.last_events));
    }

    @Test
    public void resetForgetsTheEvents() {
        permit();
        start();
        awaitModel();
        recognise(2, 4);
        await("one event", () -> text(R.id.counts).equals("Events: 1 · Swiping Up\u00a0×1"));

        activity.findViewById(R.id.reset).performClick();
        assertEquals("", text(R.id.counts));
        assertEquals("", text(R.id.last_events));
        recognise(3, 4);
        await("another event", () -> text(R.id.counts).equals("Events: 1 · Swiping Down\u00a0×1"));
        assertEquals("00:00 Swiping Down", text(R.id.last_events));
    }

    @Test
    public void pauseClosesEverythingAndResumeStartsOver() {
        permit();
        start();
        awaitModel();
        recognise(2, 3);
        ShadowReader reader = ShadowReader.last;
        Interpreter first = interpreter();

        controller.pause();
        await("model and reader to close", () -> first.closed && reader.closed);

        controller.resume();
        showPreview();
        await("another model", () -> interpreter() != first);
        assertNotSame(reader, ShadowReader.last);
        recognise(3, 2);
        await("a label", () -> text(R.id.label).equals("Swiping Down"));
        assertEquals(0, interpreter().frames.get(0).get("shift_00")[0]);
    }

    @Test
    public void rotationDuringAFrameKeepsTheSettings() {
        permit();
        start();
        awaitModel();
        activity.findViewById(R.id.camera).performClick(); // switches to the back camera
        showPreview();
        Interpreter first = interpreter();
        recognise(2, 2);
        ShadowReader.last.deliver(new FakeImage(0, ++frames * SECOND));

        controller.recreate();
        activity = controller.get();
        showPreview();
        await("the first model to close", () -> first.closed);
        await("another model", () -> interpreter() != first);
        recognise(4, 2);
        await("a label", () -> text(R.id.label).startsWith("Zooming In"));
        assertFalse(savedSettings().front);
    }

    @Test
    public void framesTurnWithTheScreen() {
        permit();
        start();
        awaitModel();
        // A front sensor is mounted at 270 degrees, so its left edge is at the bottom.
        recogniseBright(0, 1);

        shadowOf(activity.getWindowManager().getDefaultDisplay()).setRotation(Surface.ROTATION_180);
        TextureView preview = activity.findViewById(R.id.preview);
        preview.getSurfaceTextureListener().onSurfaceTextureUpdated(new SurfaceTexture(0));
        recogniseBright(1, 0);
    }

    /** Delivers a frame with a bright left half, and checks both ends of the first column. */
    private void recogniseBright(int top, int bottom) {
        int before = interpreter().frames.size();
        ShadowReader.last.deliver(new FakeImage(0, frames++ * SECOND / 8).brightLeft());
        await("a frame", () -> interpreter().frames.size() > before);

        byte[] bytes = interpreter().frames.get(before).get("image");
        ByteBuffer image = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
        assertEquals(255 * top, image.getFloat(0), 0);
        assertEquals(255 * bottom, image.getFloat(4 * 3 * SIZE * (SIZE - 1)), 0);
    }

    @Test
    public void onboardingIsShownOnce() {
        start();
        assertNotNull(ShadowAlertDialog.getLatestAlertDialog());
        ShadowAlertDialog.reset();
        controller.recreate();
        assertNull(ShadowAlertDialog.getLatestAlertDialog());
    }

    @Test
    public void theExtraOpensTheBenchmark() {
        Intent intent = new Intent().putExtra("benchmark", true);
        activity = Robolectric.buildActivity(MainActivity.class, intent).setup().get();
        Intent started = shadowOf(activity).getNextStartedActivity();
        assertEquals(BenchmarkActivity.class.getName(), started.getComponent().getClassName());
    }
}
