package org.tsm.demo;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNotSame;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.Manifest;
import android.app.AlertDialog;
import android.content.ComponentCallbacks2;
import android.content.Context;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.graphics.ImageFormat;
import android.graphics.SurfaceTexture;
import android.hardware.camera2.CameraCharacteristics;
import android.hardware.camera2.CameraManager;
import android.net.Uri;
import android.os.Looper;
import android.util.Size;
import android.view.Surface;
import android.view.TextureView;
import android.view.View;
import android.widget.CheckBox;
import android.widget.ProgressBar;
import android.widget.RadioButton;
import android.widget.TextView;
import java.io.ByteArrayInputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.shadows.ShadowAlertDialog;
import org.robolectric.shadows.ShadowCameraCharacteristics;
import org.robolectric.shadows.StreamConfigurationMapBuilder;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.nnapi.NnApiDelegate;

/** What a person meets, with a fake camera and the recording interpreter. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 35, shadows = ShadowReader.class)
public class MainActivityTest {
    private static final int SIZE = 48; // of the model in the test's assets
    private static final int CLASSES = 9;
    private static final long SECOND = 1_000_000_000;
    private static final String MODEL = "gestures_online_float32.tflite";

    private ActivityController<MainActivity> controller;
    private MainActivity activity;
    private int frames;

    @Before
    public void describeModelAndCameras() {
        Interpreter.describe(SIZE, CLASSES, 10);
        NnApiDelegate.failure = null;
        ShadowReader.last = null;
        addCamera("0", CameraCharacteristics.LENS_FACING_BACK, 90);
        addCamera("1", CameraCharacteristics.LENS_FACING_FRONT, 270);
    }

    private static CameraManager cameras() {
        return (CameraManager) RuntimeEnvironment.getApplication().getSystemService(Context.CAMERA_SERVICE);
    }

    private static void addCamera(String id, int facing, int orientation) {
        CameraCharacteristics characteristics = ShadowCameraCharacteristics.newCameraCharacteristics();
        StreamConfigurationMapBuilder sizes = StreamConfigurationMapBuilder.newBuilder();
        for (Size size : new Size[] {new Size(1920, 1080), new Size(FakeImage.WIDTH, FakeImage.HEIGHT), new Size(320, 240)}) {
            sizes.addOutputSize(ImageFormat.YUV_420_888, size);
        }
        shadowOf(characteristics).set(CameraCharacteristics.LENS_FACING, facing);
        shadowOf(characteristics).set(CameraCharacteristics.SENSOR_ORIENTATION, orientation);
        shadowOf(characteristics).set(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP, sizes.build());
        shadowOf(cameras()).addCamera(id, characteristics);
    }

    private static void permit() {
        shadowOf(RuntimeEnvironment.getApplication()).grantPermissions(Manifest.permission.CAMERA);
    }

    private void start() {
        controller = Robolectric.buildActivity(MainActivity.class).setup();
        activity = controller.get();
        showPreview();
    }

    /** What the system does when the view is laid out. */
    private void showPreview() {
        TextureView preview = activity.findViewById(R.id.preview);
        preview.getSurfaceTextureListener().onSurfaceTextureAvailable(new SurfaceTexture(0), 1080, 1920);
        idle();
    }

    private static void idle() {
        shadowOf(Looper.getMainLooper()).idle();
    }

    private static void await(String what, BooleanSupplier condition) {
        for (long begun = System.nanoTime(); System.nanoTime() - begun < 10 * SECOND; ) {
            idle();
            if (condition.getAsBoolean()) {
                return;
            }
            Thread.yield();
        }
        throw new AssertionError("waited for " + what);
    }

    private String text(int id) {
        return activity.<TextView>findViewById(id).getText().toString();
    }

    private void awaitMessage(int text, Object... arguments) {
        String expected = activity.getString(text, arguments);
        await(expected, () -> text(R.id.message).equals(expected));
        assertEquals(View.VISIBLE, activity.findViewById(R.id.retry).getVisibility());
    }

    private void awaitModel() {
        await("a model", () -> activity.getTitle().toString().equals("gestures_online_float32"));
    }

    private static Interpreter interpreter() {
        return Interpreter.MADE.get(Interpreter.MADE.size() - 1);
    }

    /** Delivers frames in which a class wins, and waits for each to be recognised. */
    private void recognise(int winner, int count) {
        float[] logits = new float[CLASSES];
        logits[winner] = 20;
        Interpreter.logits = logits;
        for (int i = 0; i < count; i++) {
            int before = interpreter().frames.size();
            ShadowReader.last.deliver(new FakeImage(100 + frames, frames++ * SECOND / 8));
            await("a frame", () -> interpreter().frames.size() > before);
        }
        idle();
    }

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
        assertTrue(text(R.id.statistics), text(R.id.statistics).startsWith("8.0 frames/s · median "));
        assertEquals(View.GONE, activity.findViewById(R.id.message).getVisibility());
        // A camera of 30 frames a second: those between are not computed, and the model sees what the camera saw.
        FakeImage early = new FakeImage(0, frames * SECOND / 8 - SECOND / 20);
        ShadowReader.last.deliver(early);
        await("the end of a frame", () -> early.closed);
        assertEquals(4, interpreter().frames.size());
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
        recognise(3, 1);
        await("a label", () -> text(R.id.label).equals("Swiping Down"));
        assertEquals(0, interpreter().frames.get(3).get("shift_00")[0]);
    }

    @Test
    public void askedAndGranted() {
        start();
        assertArrayEquals(
                new String[] {Manifest.permission.CAMERA},
                shadowOf(activity).getLastRequestedPermission().requestedPermissions);
        assertNull(ShadowReader.last);
        permit();
        activity.onRequestPermissionsResult(
                1, new String[] {Manifest.permission.CAMERA}, new int[] {PackageManager.PERMISSION_GRANTED});
        showPreview();
        awaitModel();
        recognise(0, 2);
        await("a label", () -> text(R.id.label).equals("Swiping Left"));
    }

    @Test
    public void refusedIsSaidAndAskedAgainOnlyOnDemand() {
        start();
        activity.onRequestPermissionsResult(
                1, new String[] {Manifest.permission.CAMERA}, new int[] {PackageManager.PERMISSION_DENIED});
        awaitMessage(R.string.permission_refused);
        controller.pause().resume();
        awaitMessage(R.string.permission_refused);
        permit();
        activity.findViewById(R.id.retry).performClick();
        showPreview();
        assertNotNull(ShadowReader.last);
        assertEquals(View.GONE, activity.findViewById(R.id.message).getVisibility());
    }

    @Test
    public void noCamera() throws Exception {
        permit();
        for (String id : cameras().getCameraIdList()) {
            shadowOf(cameras()).removeCamera(id);
        }
        start();
        awaitMessage(R.string.no_camera);
    }

    @Test
    public void anotherAppTakesTheCamera() {
        permit();
        start();
        awaitModel();
        shadowOf(cameras()).triggerDisconnect();
        awaitMessage(R.string.camera_in_use);
        activity.findViewById(R.id.retry).performClick();
        showPreview();
        awaitModel();
        recognise(1, 2);
        await("a label", () -> text(R.id.label).equals("Swiping Right"));
    }

    @Test
    public void pauseClosesEverythingAndResumeBeginsAnew() {
        permit();
        start();
        awaitModel();
        recognise(2, 3);
        ShadowReader reader = ShadowReader.last;
        Interpreter first = interpreter();
        controller.pause();
        await("the closed model and reader", () -> first.closed && reader.closed);
        controller.resume();
        showPreview();
        await("another model", () -> interpreter() != first);
        assertNotSame(reader, ShadowReader.last);
        recognise(3, 1);
        await("a label", () -> text(R.id.label).equals("Swiping Down"));
        assertEquals(0, interpreter().frames.get(0).get("shift_00")[0]);
    }

    @Test
    public void rotationAmidAFrameKeepsTheSettings() {
        permit();
        start();
        awaitModel();
        activity.findViewById(R.id.camera).performClick(); // to the back camera
        showPreview();
        Interpreter first = interpreter();
        recognise(2, 2);
        ShadowReader.last.deliver(new FakeImage(0, ++frames * SECOND));
        controller.recreate();
        activity = controller.get();
        showPreview();
        await("the first model's end", () -> first.closed);
        await("another model", () -> interpreter() != first);
        recognise(4, 2);
        await("a label", () -> text(R.id.label).startsWith("Zooming In"));
        assertFalse(Settings.load(activity.getSharedPreferences("settings", 0)).front);
    }

    @Test
    public void brokenModelIsAMessageAndAnotherOneWorks() {
        permit();
        start();
        awaitModel();
        choose(1);
        awaitMessage(R.string.model_error, "Not a TFLite file");
        choose(0);
        showPreview();
        awaitModel();
        recognise(2, 2);
        await("a label", () -> text(R.id.label).equals("Swiping Up"));
        assertEquals(MODEL, Settings.load(activity.getSharedPreferences("settings", 0)).model);
    }

    private void choose(int entry) {
        activity.findViewById(R.id.model).performClick();
        AlertDialog dialog = (AlertDialog) ShadowAlertDialog.getLatestDialog();
        shadowOf(dialog).clickOnItem(entry);
        idle();
    }

    @Test
    public void aPickedFileIsLoadedThroughItsUri() {
        permit();
        start();
        awaitModel();
        choose(2);
        Intent asked = shadowOf(activity).getNextStartedActivityForResult().intent;
        assertEquals(Intent.ACTION_OPEN_DOCUMENT, asked.getAction());
        Uri uri = Uri.parse("content://documents/mine.tflite");
        shadowOf(activity.getContentResolver()).registerInputStream(uri, new ByteArrayInputStream(new byte[5000]));
        activity.onActivityResult(2, MainActivity.RESULT_OK, new Intent().setData(uri));
        awaitMessage(R.string.model_error, "Not a TFLite file");
    }

    @Test
    public void optionsReachTheInterpreter() {
        permit();
        start();
        awaitModel();
        assertEquals(2, interpreter().options.threads);
        assertEquals(true, interpreter().options.xnnpack);
        activity.findViewById(R.id.options).performClick();
        AlertDialog dialog = (AlertDialog) ShadowAlertDialog.getLatestDialog();
        dialog.<RadioButton>findViewById(R.id.threads4).setChecked(true);
        dialog.<RadioButton>findViewById(R.id.nnapi).setChecked(true);
        dialog.<CheckBox>findViewById(R.id.mirror).setChecked(true);
        Interpreter before = interpreter();
        dialog.getButton(AlertDialog.BUTTON_POSITIVE).performClick();
        await("another interpreter", () -> interpreter() != before);
        assertEquals(4, interpreter().options.threads);
        List<org.tensorflow.lite.Delegate> delegates = interpreter().options.delegates;
        assertEquals(1, delegates.size());
        assertTrue(before.closed);
        controller.pause();
        await("the delegate's end", () -> ((NnApiDelegate) delegates.get(0)).closed);
    }

    @Test
    public void failuresOfTheInterpreterAreMessages() {
        permit();
        start();
        awaitModel();
        Interpreter first = interpreter();
        Interpreter.failure = new IllegalArgumentException("a delegate's fault");
        ShadowReader.last.deliver(new FakeImage(0, 0));
        awaitMessage(R.string.model_error, "a delegate's fault");
        assertTrue(first.closed);
        NnApiDelegate.failure = new IllegalStateException("none");
        Settings settings = Settings.load(activity.getSharedPreferences("settings", 0));
        settings.withAccelerator(Settings.Accelerator.NNAPI).save(activity.getSharedPreferences("settings", 0));
        controller.recreate();
        activity = controller.get();
        awaitMessage(R.string.model_error, "NNAPI is not to be had here: none");
    }

    @Test
    public void framesTurnWithTheScreen() {
        permit();
        start();
        awaitModel();
        recogniseBright(0, 1); // a front sensor lies at 270 degrees: its left edge is at the bottom
        shadowOf(activity.getWindowManager().getDefaultDisplay()).setRotation(Surface.ROTATION_180);
        TextureView preview = activity.findViewById(R.id.preview);
        preview.getSurfaceTextureListener().onSurfaceTextureUpdated(new SurfaceTexture(0));
        recogniseBright(1, 0);
    }

    /** Delivers a frame whose left half is bright, and looks at the ends of the image's first column. */
    private void recogniseBright(int top, int bottom) {
        int before = interpreter().frames.size();
        ShadowReader.last.deliver(new FakeImage(0, frames++ * SECOND / 8).brightLeft());
        await("a frame", () -> interpreter().frames.size() > before);
        ByteBuffer image = ByteBuffer.wrap(interpreter().frames.get(before).get("image")).order(ByteOrder.nativeOrder());
        assertEquals(255 * top, image.getFloat(0), 0);
        assertEquals(255 * bottom, image.getFloat(4 * 3 * SIZE * (SIZE - 1)), 0);
    }

    @Test
    public void lowMemoryClosesTheCamera() {
        permit();
        start();
        awaitModel();
        activity.onTrimMemory(ComponentCallbacks2.TRIM_MEMORY_RUNNING_CRITICAL);
        awaitMessage(R.string.low_memory);
        await("the closed reader", () -> ShadowReader.last.closed);
    }

    @Test
    public void onboardingComesOnce() {
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
