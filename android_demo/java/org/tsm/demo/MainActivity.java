package org.tsm.demo;

import android.Manifest;
import android.app.Activity;
import android.content.Intent;
import android.content.SharedPreferences;
import android.content.pm.PackageManager;
import android.graphics.SurfaceTexture;
import android.os.Bundle;
import android.util.Size;
import android.view.Menu;
import android.view.MenuItem;
import android.view.Surface;
import android.view.TextureView;
import android.view.View;
import android.view.WindowManager;
import android.widget.Button;
import android.widget.TextView;
import org.tsm.core.ModelFile;

/**
 * The live screen. It connects the camera, the recogniser and the settings, and shows a message
 * when something is missing.
 */
public final class MainActivity extends Activity {
    private static final String BENCHMARK_EXTRA = "benchmark";
    private static final String PREFERENCES = "settings";
    private static final int CAMERA_REQUEST = 1;
    private static final int FILE_REQUEST = 2;

    private SharedPreferences preferences;
    private Settings settings;
    private Camera camera;
    private Recogniser recogniser; // runs from onResume to onPause
    private TextureView preview;
    private BoxesView boxes;
    private RecognitionView recognition;
    private TextView message;
    private Button retry;
    private boolean resumed;
    private boolean asked; // for the permission, since the activity was created
    private Size frameSize; // null until a camera is chosen
    private int sensorOrientation;
    private boolean isFront;
    private int displayRotation; // in degrees
    private volatile int frameRotation; // read by the recogniser's thread

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        preferences = getSharedPreferences(PREFERENCES, MODE_PRIVATE);
        settings = Settings.load(preferences);
        camera = new Camera(this, new CameraEvents());
        recogniser = new Recogniser(this, new RecogniserEvents());
        createViews();

        asked = state != null;
        if (!asked && getIntent().getBooleanExtra(BENCHMARK_EXTRA, false)) {
            asked = true; // the benchmark needs no camera
            startActivity(new Intent(this, BenchmarkActivity.class));
        } else {
            Dialogs.onboardOnce(this, preferences);
        }
    }

    private void createViews() {
        getWindow().addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON);
        setContentView(R.layout.main);
        preview = findViewById(R.id.preview);
        boxes = findViewById(R.id.boxes);
        recognition = findViewById(R.id.recognition);
        message = findViewById(R.id.message);
        retry = findViewById(R.id.retry);

        preview.setSurfaceTextureListener(new PreviewEvents());
        onClick(R.id.reset, this::reset);
        onClick(R.id.camera, () -> change(settings.withFront(!settings.front)));
        onClick(R.id.model, () -> Dialogs.model(this, settings, this::change, this::pickFile));
        onClick(R.id.options, () -> Dialogs.options(this, settings, this::change));
        onClick(R.id.retry, this::restart);
    }

    private void onClick(int view, Runnable action) {
        findViewById(view).setOnClickListener(clicked -> action.run());
    }

    @Override
    protected void onResume() {
        super.onResume();
        resumed = true;
        start();
    }

    @Override
    protected void onPause() {
        resumed = false;
        stop();
        super.onPause();
    }

    private void start() {
        clear();
        showMessage(0);
        recogniser.start(settings);

        if (hasCameraPermission()) {
            if (preview.isAvailable()) { // otherwise, PreviewEvents opens the camera
                openCamera(preview.getSurfaceTexture());
            }
        } else if (!asked) {
            asked = true;
            requestPermissions(new String[] {Manifest.permission.CAMERA}, CAMERA_REQUEST);
        } else {
            showMessage(R.string.permission_refused);
        }
    }

    private void stop() {
        camera.close();
        recogniser.stop();
    }

    private boolean hasCameraPermission() {
        int permission = checkSelfPermission(Manifest.permission.CAMERA);
        return permission == PackageManager.PERMISSION_GRANTED;
    }

    @Override
    public void onRequestPermissionsResult(int request, String[] permissions, int[] results) {
        if (request != CAMERA_REQUEST || results.length == 0) { // empty: interrupted
            return;
        }
        if (results[0] != PackageManager.PERMISSION_GRANTED) {
            showMessage(R.string.permission_refused);
        } else if (resumed) {
            restart();
        }
    }

    @Override
    protected void onActivityResult(int request, int result, Intent data) {
        boolean chosen = result == RESULT_OK && data != null && data.getData() != null;
        if (request == FILE_REQUEST && chosen) {
            Models.keepAccess(this, data.getData());
            change(settings.withModel(data.getDataString()));
        }
    }

    @Override
    public void onTrimMemory(int level) {
        super.onTrimMemory(level);
        if (resumed && level == TRIM_MEMORY_RUNNING_CRITICAL) {
            camera.close();
            recogniser.reset();
            showMessage(R.string.low_memory);
        }
    }

    @Override
    public boolean onCreateOptionsMenu(Menu menu) {
        getMenuInflater().inflate(R.menu.main, menu);
        return true;
    }

    @Override
    public boolean onOptionsItemSelected(MenuItem item) {
        if (item.getItemId() == R.id.benchmark) {
            startActivity(new Intent(this, BenchmarkActivity.class));
            return true;
        }
        if (item.getItemId() == R.id.about) {
            Dialogs.about(this);
            return true;
        }
        return super.onOptionsItemSelected(item);
    }

    private void reset() {
        recogniser.reset();
        clear();
    }

    private void clear() {
        recognition.clear();
        boxes.clear();
    }

    /** Saves changed settings, and restarts model and camera. */
    private void change(Settings changed) {
        settings = changed;
        settings.save(preferences);
        if (resumed) {
            restart();
        }
    }

    private void restart() {
        stop();
        asked = false;
        start();
    }

    private void pickFile() {
        startActivityForResult(Models.pickIntent(), FILE_REQUEST);
    }

    private void openCamera(SurfaceTexture texture) {
        boolean mirror = settings.mirror;
        camera.open(
                settings.front,
                texture,
                reader ->
                        recogniser.onFrameAvailable(
                                reader::acquireLatestImage, frameRotation, mirror),
                recogniser.handler());
    }

    /** Adapts preview and frames to the screen's current rotation. */
    private void orient() {
        if (frameSize == null) {
            return;
        }
        int sensor = sensorOrientation;
        displayRotation = CameraSizes.displayRotation(this);
        frameRotation = CameraSizes.uprightRotation(sensor, displayRotation, isFront);

        int width = preview.getWidth();
        int height = preview.getHeight();
        preview.setTransform(
                PreviewTransform.fill(width, height, frameSize, sensor, displayRotation));
    }

    private void showMessage(int text) {
        showMessage(text == 0 ? "" : getString(text));
    }

    private void showMessage(String text) {
        message.setText(text);
        int visibility = text.isEmpty() ? View.GONE : View.VISIBLE;
        message.setVisibility(visibility);
        retry.setVisibility(visibility);
    }

    private final class PreviewEvents implements TextureView.SurfaceTextureListener {
        @Override
        public void onSurfaceTextureAvailable(SurfaceTexture texture, int width, int height) {
            if (resumed && hasCameraPermission()) {
                openCamera(texture);
            }
        }

        @Override
        public void onSurfaceTextureSizeChanged(SurfaceTexture texture, int width, int height) {
            orient();
        }

        @Override
        public boolean onSurfaceTextureDestroyed(SurfaceTexture texture) {
            camera.close();
            return true;
        }

        @Override
        public void onSurfaceTextureUpdated(SurfaceTexture texture) {
            // A turn by 180 degrees does not recreate the activity.
            if (CameraSizes.displayRotation(MainActivity.this) != displayRotation) {
                orient();
            }
        }
    }

    private final class CameraEvents implements Camera.Listener {
        @Override
        public void onCameraChosen(Size size, int orientation, boolean front) {
            frameSize = size;
            sensorOrientation = orientation;
            isFront = front;
            orient();
        }

        @Override
        public void onCameraError(int text) {
            showMessage(text);
        }
    }

    private final class RecogniserEvents implements Recogniser.Listener {
        @Override
        public void onModel(ModelFile file) {
            setTitle(Models.name(Models.chosen(MainActivity.this, settings)));
            getActionBar().setSubtitle(file.variant);
        }

        @Override
        public void onFrame(Recognition found) {
            recognition.show(found);
        }

        @Override
        public void onFrame(FoundObjects found) {
            recognition.show(found);
            boxes.show(found, isFront); // a front camera's preview is mirrored
        }

        @Override
        public void onModelError(String reason) {
            clear();
            showMessage(getString(R.string.model_error, reason));
        }
    }
}
