package org.tsm.demo;

import static org.junit.Assert.assertEquals;
import static org.robolectric.Shadows.shadowOf;

import android.Manifest;
import android.content.Context;
import android.content.SharedPreferences;
import android.graphics.ImageFormat;
import android.graphics.SurfaceTexture;
import android.hardware.camera2.CameraCharacteristics;
import android.hardware.camera2.CameraManager;
import android.os.Looper;
import android.util.Size;
import android.view.TextureView;
import android.view.View;
import android.widget.TextView;
import java.util.function.BooleanSupplier;
import org.junit.Before;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.shadows.ShadowCameraCharacteristics;
import org.robolectric.shadows.StreamConfigurationMapBuilder;
import org.tensorflow.lite.Interpreter;

/** Drives the live screen with a fake camera and the recording interpreter. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 35, shadows = ShadowReader.class)
public abstract class LiveScreenTestCase {
    static final int SIZE = 48; // of the model in the tests' assets
    static final int CLASSES = 9;
    static final long SECOND = 1_000_000_000;
    static final String MODEL = "gestures_online_float32.tflite";

    private static final Size[] SIZES = {
        new Size(1920, 1080), new Size(FakeImage.WIDTH, FakeImage.HEIGHT), new Size(320, 240)
    };

    ActivityController<MainActivity> controller;
    MainActivity activity;
    int frames; // delivered so far

    @Before
    public void describeModelAndCameras() {
        Interpreter.describe(SIZE, CLASSES, 10);
        ShadowReader.last = null;
        addCamera("0", CameraCharacteristics.LENS_FACING_BACK, 90);
        addCamera("1", CameraCharacteristics.LENS_FACING_FRONT, 270);
    }

    static CameraManager cameras() {
        Context context = RuntimeEnvironment.getApplication();
        return (CameraManager) context.getSystemService(Context.CAMERA_SERVICE);
    }

    private static void addCamera(String id, int facing, int orientation) {
        StreamConfigurationMapBuilder sizes = StreamConfigurationMapBuilder.newBuilder();
        for (Size size : SIZES) {
            sizes.addOutputSize(ImageFormat.YUV_420_888, size);
        }

        CameraCharacteristics characteristics =
                ShadowCameraCharacteristics.newCameraCharacteristics();
        ShadowCameraCharacteristics shadow = shadowOf(characteristics);
        shadow.set(CameraCharacteristics.LENS_FACING, facing);
        shadow.set(CameraCharacteristics.SENSOR_ORIENTATION, orientation);
        shadow.set(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP, sizes.build());
        shadowOf(cameras()).addCamera(id, characteristics);
    }

    static void permit() {
        shadowOf(RuntimeEnvironment.getApplication()).grantPermissions(Manifest.permission.CAMERA);
    }

    void start() {
        controller = Robolectric.buildActivity(MainActivity.class).setup();
        activity = controller.get();
        showPreview();
    }

    /** Provides the preview's surface, as the system does after layout. */
    void showPreview() {
        TextureView preview = activity.findViewById(R.id.preview);
        preview.getSurfaceTextureListener()
                .onSurfaceTextureAvailable(new SurfaceTexture(0), 1080, 1920);
        idle();
    }

    static void idle() {
        shadowOf(Looper.getMainLooper()).idle();
    }

    static void await(String what, BooleanSupplier condition) {
        for (long start = System.nanoTime(); System.nanoTime() - start < 10 * SECOND; ) {
            idle();
            if (condition.getAsBoolean()) {
                return;
            }
            Thread.yield();
        }
        throw new AssertionError("waited in vain for " + what);
    }

    String text(int id) {
        return activity.<TextView>findViewById(id).getText().toString();
    }

    void awaitMessage(int text, Object... arguments) {
        String expected = activity.getString(text, arguments);
        await(expected, () -> text(R.id.message).equals(expected));
        assertEquals(View.VISIBLE, activity.findViewById(R.id.retry).getVisibility());
    }

    void awaitModel() {
        await("a model", () -> activity.getTitle().toString().equals("gestures_online_float32"));
    }

    static Settings savedSettings() {
        return Settings.load(preferences());
    }

    static SharedPreferences preferences() {
        return RuntimeEnvironment.getApplication().getSharedPreferences("settings", 0);
    }

    /** Returns the newest interpreter. */
    static Interpreter interpreter() {
        return Interpreter.MADE.get(Interpreter.MADE.size() - 1);
    }

    /** Delivers frames in which a class wins, and waits until each is recognised. */
    void recognise(int winner, int count) {
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
}
