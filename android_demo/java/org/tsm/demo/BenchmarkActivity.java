package org.tsm.demo;

import android.app.Activity;
import android.content.Intent;
import android.os.Build;
import android.os.Bundle;
import android.os.Handler;
import android.os.Looper;
import android.util.Log;
import android.view.WindowManager;
import android.widget.Button;
import android.widget.TextView;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.tsm.core.Benchmark;
import org.tsm.core.ModelException;
import org.tsm.core.StreamModel;

/**
 * Table 8 of the paper, measured on this phone: the latency of every model in the app at several
 * thread counts. The result is a CSV file that the user can share.
 */
public final class BenchmarkActivity extends Activity {
    static final String FILE = "benchmark.csv";
    private static final String TAG = "TsmBenchmark";
    private static final String DELEGATE = "CPU"; // the app has no other
    private static final int[] THREADS = {1, 2, 4};

    private final Handler main = new Handler(Looper.getMainLooper());
    private final StringBuilder csv = new StringBuilder();
    private TextView table;
    private Button share;
    private volatile boolean cancelled;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.benchmark);
        setTitle(R.string.benchmark);
        getWindow().addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON);
        table = findViewById(R.id.table);
        share = findViewById(R.id.share);
        share.setEnabled(false);
        share.setOnClickListener(view -> share());

        table.setText(
                getString(
                        R.string.benchmark_device,
                        Build.MANUFACTURER,
                        Build.MODEL,
                        Build.VERSION.RELEASE));
        add(Benchmark.Result.HEADER);
        List<String> models = Models.assets(this);
        new Thread(() -> measure(models), TAG).start();
    }

    @Override
    protected void onDestroy() {
        cancelled = true;
        super.onDestroy();
    }

    private void measure(List<String> models) {
        for (String model : models) {
            for (int threads : THREADS) {
                String line = measure(model, threads);
                if (cancelled) {
                    return;
                }
                main.post(() -> add(line));
            }
        }
        main.post(this::finished);
    }

    private String measure(String model, int threads) {
        String name = Models.name(model);
        try (StreamModel loaded = Models.load(this, model, threads)) {
            Benchmark.Result result =
                    Benchmark.run(name, loaded, DELEGATE, threads, () -> cancelled);
            return result == null ? "" : result.csv();
        } catch (ModelException | IOException | RuntimeException error) {
            Log.e(TAG, model, error);
            return "# " + name + ": " + error.getMessage();
        }
    }

    private void add(String line) {
        Log.i(TAG, line); // for `adb logcat`
        csv.append(line).append('\n');
        table.append("\n" + line.replace(',', '\t'));
    }

    private void finished() {
        File file = new File(getExternalFilesDir(null), FILE);
        try {
            write(file, csv.toString());
            table.append("\n\n" + getString(R.string.benchmark_saved, file));
            Log.i(TAG, "saved to " + file);
        } catch (IOException error) {
            table.append("\n\n" + getString(R.string.benchmark_not_saved, error.getMessage()));
        }
        share.setEnabled(true);
    }

    private static void write(File file, String text) throws IOException {
        try (OutputStream stream = new FileOutputStream(file)) {
            stream.write(text.getBytes(StandardCharsets.UTF_8));
        }
    }

    private void share() {
        Intent send = new Intent(Intent.ACTION_SEND).setType("text/csv");
        send.putExtra(Intent.EXTRA_SUBJECT, getString(R.string.benchmark_subject, Build.MODEL));
        send.putExtra(Intent.EXTRA_TEXT, csv.toString());
        startActivity(Intent.createChooser(send, getString(R.string.share)));
    }
}
