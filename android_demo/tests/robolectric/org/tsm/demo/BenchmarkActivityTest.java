package org.tsm.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.content.Intent;
import android.os.Looper;
import android.widget.Button;
import java.io.File;
import java.nio.file.Files;
import java.util.List;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.annotation.Config;
import org.tensorflow.lite.Interpreter;

/** The benchmark screen, with the recording interpreter. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 35)
public class BenchmarkActivityTest {
    @Test
    public void everyModelAtEveryThreadCountIsSavedAndShared() throws Exception {
        Interpreter.describe(48, 9, 10);
        BenchmarkActivity activity =
                Robolectric.buildActivity(BenchmarkActivity.class).setup().get();
        Button share = activity.findViewById(R.id.share);
        for (int i = 0; i < 2000 && !share.isEnabled(); i++) {
            Thread.sleep(10);
            shadowOf(Looper.getMainLooper()).idle();
        }

        File file = new File(activity.getExternalFilesDir(null), BenchmarkActivity.FILE);
        List<String> lines = Files.readAllLines(file.toPath());
        assertEquals(
                "model,variant,delegate,threads,frames,mean_ms,median_ms,p95_ms", lines.get(0));
        String start = "\"gestures_online_float32\",float32,CPU,";
        assertTrue(lines.get(1), lines.get(1).startsWith(start + "1,200,"));
        assertTrue(lines.get(3), lines.get(3).startsWith(start + "4,200,"));
        assertEquals("# zz_broken: Not a TFLite file", lines.get(4));
        assertEquals(3, Interpreter.MADE.size());
        assertTrue(Interpreter.MADE.stream().allMatch(interpreter -> interpreter.closed));

        share.performClick();
        Intent chooser = shadowOf(activity).getNextStartedActivity();
        Intent sent = chooser.getParcelableExtra(Intent.EXTRA_INTENT);
        assertEquals(String.join("\n", lines) + "\n", sent.getStringExtra(Intent.EXTRA_TEXT));
    }
}
