package org.tsm.demo;

import static org.robolectric.Shadows.shadowOf;

import android.Manifest;
import android.app.Activity;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.graphics.Color;
import android.graphics.RectF;
import android.os.Looper;
import android.view.View;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;
import org.tensorflow.lite.Interpreter;
import org.tsm.core.EventHistory;

/**
 * Draws the screenshots for docs/android.md, without a camera picture, into the test's outputs. The
 * numbers are made up.
 */
@RunWith(RobolectricTestRunner.class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = 35, qualifiers = "w360dp-h640dp-xhdpi", shadows = ShadowReader.class)
public class Screenshots {
    private static final List<String> LABELS =
            List.of("Swiping Left", "Swiping Right", "Swiping Up");

    private static void save(Activity activity, String name) throws IOException {
        shadowOf(Looper.getMainLooper()).idle();
        View view = activity.getWindow().getDecorView();
        Bitmap bitmap =
                Bitmap.createBitmap(view.getWidth(), view.getHeight(), Bitmap.Config.ARGB_8888);
        bitmap.eraseColor(Color.DKGRAY);
        view.draw(new Canvas(bitmap));

        String folder = System.getenv("TEST_UNDECLARED_OUTPUTS_DIR");
        try (OutputStream stream = new FileOutputStream(new File(folder, name + ".png"))) {
            bitmap.compress(Bitmap.CompressFormat.PNG, 100, stream);
        }
    }

    private static MainActivity started() throws Exception {
        Interpreter.describe(48, 9, 10);
        shadowOf(RuntimeEnvironment.getApplication()).grantPermissions(Manifest.permission.CAMERA);
        MainActivity activity = Robolectric.buildActivity(MainActivity.class).setup().get();
        Thread.sleep(500); // until the model is loaded
        shadowOf(Looper.getMainLooper()).idle();
        return activity;
    }

    private static void live(String name) throws Exception {
        MainActivity activity = started();
        RecognitionView view = activity.findViewById(R.id.recognition);
        view.show(
                new Recognition(
                        "Swiping Left",
                        new String[] {"Swiping Left", "Swiping Right", "No gesture"},
                        new double[] {0.83, 0.11, 0.04},
                        LABELS,
                        new EventHistory(LABELS.size()).with(1, 3.6).with(2, 6.9).with(0, 9.5),
                        new Statistics(8, 0, 0, 0)));
        save(activity, name);
    }

    @Test
    public void detector() throws Exception {
        MainActivity activity = started();
        Statistics speed = new Statistics(8, 0, 0, 0);
        List<FoundObjects.Item> items =
                List.of(
                        new FoundObjects.Item("ring", 0, 0.93f, new RectF(60, 90, 220, 240)),
                        new FoundObjects.Item("cross", 1, 0.71f, new RectF(200, 180, 330, 330)));
        FoundObjects found = new FoundObjects(items, 480, 640, false, speed);
        activity.<RecognitionView>findViewById(R.id.recognition).show(found);
        activity.<BoxesView>findViewById(R.id.boxes).show(found, true);
        save(activity, "detector");
    }

    @Test
    public void light() throws Exception {
        live("live_light");
    }

    @Test
    @Config(qualifiers = "+night")
    public void dark() throws Exception {
        live("live_dark");
    }
}
