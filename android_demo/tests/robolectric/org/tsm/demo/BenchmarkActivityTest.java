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

@RunWith(RobolectricTestRunner.class)
@Config(sdk = 35)
public class BenchmarkActivityTest {
    @Test
    public void everyModelAtEveryThreadCountIsSavedAndShared() throws Exception {
        Interpreter.describe(48, 9, 10);
        BenchmarkActivity activity = Robolectric.buildActivity(BenchmarkActivity.class).setup().get();
        Button share = activity.findViewById(R.id.share);
        for (int i = 0; i < 2000 && !share.isEnabled(); i++) {
            Thread.sleep(10);
            shadowOf(Looper.getMainLooper()).idle();
        }
        List<String> lines = Files.readAllLines(new File(activity.getExternalFilesDir(null), BenchmarkActivity.FILE).toPath());
        assertEquals("model,variant,delegate,threads,frames,mean_ms,median_ms,p95_ms", lines.get(0));
        assertTrue(lines.get(1), lines.get(1).startsWith("\"gestures_online_float32\",float32,CPU,1,200,"));
        assertTrue(lines.get(3), lines.get(3).startsWith("\"gestures_online_float32\",float32,CPU,4,200,"));
        assertEquals("# zz_broken: Not a TFLite file", lines.get(4));
        assertEquals(3, Interpreter.MADE.size());
        assertTrue(Interpreter.MADE.stream().allMatch(interpreter -> interpreter.closed));
        share.performClick();
        Intent sent = shadowOf(activity).getNextStartedActivity().getParcelableExtra(Intent.EXTRA_INTENT);
        assertEquals(String.join("\n", lines) + "\n", sent.getStringExtra(Intent.EXTRA_TEXT));
    }
}
