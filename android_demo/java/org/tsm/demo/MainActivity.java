package org.tsm.demo;

import android.Manifest;
import android.app.Activity;
import android.content.Intent;
import android.content.SharedPreferences;
import android.content.pm.PackageManager;
import android.graphics.SurfaceTexture;
import android.media.ImageReader;
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

/** The live screen: it brings camera, recogniser and choices together, and shows one message when something is missing. */
public final class MainActivity extends Activity {
    private static final String BENCHMARK_EXTRA = "benchmark";
    private static final String PREFERENCES = "settings";
    private static final int CAMERA_REQUEST = 1;
    private static final int FILE_REQUEST = 2;
    private static final int DEGREES_PER_QUARTER = 90;

    private SharedPreferences preferences;
    private Settings settings;
    private Camera camera;
    private Recogniser recogniser; // runs between onResume and onPause
    private TextureView preview;
    private RecognitionView recognition;
    private TextView message;
    private Button retry;
    private boolean resumed;
    private boolean asked; // the permission, since the activity was made
    private Size frameSize; // null before a camera was chosen
    private int sensorOrientation;
    private boolean isFront;
    private int displayRotation; // in degrees
    private volatile int frameRotation; // the recogniser's thread reads it

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        preferences = getSharedPreferences(PREFERENCES, MODE_PRIVATE);
        settings = Settings.load(preferences);
        camera = new Camera(this, new CameraEvents());
        recogniser = new Recogniser(this, new RecogniserEvents());
        getWindow().addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON);
        setContentView(R.layout.main);
        preview = findViewById(R.id.preview);
        recognition = findViewById(R.id.recognition);
        message = findViewById(R.id.message);
        retry = findViewById(R.id.retry);
        preview.setSurfaceTextureListener(new PreviewEvents());
        findViewById(R.id.reset).setOnClickListener(view -> reset());
        findViewById(R.id.camera).setOnClickListener(view -> change(settings.withFront(!settings.front)));
        findViewById(R.id.model).setOnClickListener(view -> Dialogs.model(this, settings, this::change, this::pickFile));
        findViewById(R.id.options).setOnClickListener(view -> Dialogs.options(this, settings, this::change));
        retry.setOnClickListener(view -> restart());
        asked = state != null;
        if (!asked && getIntent().getBooleanExtra(BENCHMARK_EXTRA, false)) {
            asked = true; // the benchmark needs no camera
            startActivity(new Intent(this, BenchmarkActivity.class));
        } else {
            Dialogs.onboardOnce(this, preferences);
        }
    }

    @Override
    protected void onResume() {
        super.onResume();
        resumed = true;
        begin();
    }

    @Override
    protected void onPause() {
        resumed = false;
        end();
        super.onPause();
    }

    private void begin() {
        recognition.clear();
        showMessage(0);
        recogniser.start(settings);
        if (checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED) {
            if (preview.isAvailable()) { // else PreviewEvents opens it
                openCamera(preview.getSurfaceTexture());
            }
        } else if (!asked) {
            asked = true;
            requestPermissions(new String[] {Manifest.permission.CAMERA}, CAMERA_REQUEST);
        } else {
            showMessage(R.string.permission_refused);
        }
    }

    private void end() {
        camera.close();
        recogniser.stop();
    }

    @Override
    public void onRequestPermissionsResult(int request, String[] permissions, int[] results) {
        boolean granted = results.length > 0 && results[0] == PackageManager.PERMISSION_GRANTED;
        if (request == CAMERA_REQUEST && !granted && results.length > 0) {
            showMessage(R.string.permission_refused);
        } else if (granted && resumed) {
            restart();
        }
    }

    @Override
    protected void onActivityResult(int request, int result, Intent data) {
        if (request == FILE_REQUEST && result == RESULT_OK && data != null && data.getData() != null) {
            getContentResolver().takePersistableUriPermission(data.getData(), Intent.FLAG_GRANT_READ_URI_PERMISSION);
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
        recognition.clear();
    }

    /** Takes new settings: model and camera begin anew. */
    private void change(Settings changed) {
        settings = changed;
        settings.save(preferences);
        if (resumed) {
            restart();
        }
    }

    private void restart() {
        end();
        asked = false;
        begin();
    }

    private void pickFile() {
        Intent intent = new Intent(Intent.ACTION_OPEN_DOCUMENT);
        intent.addCategory(Intent.CATEGORY_OPENABLE);
        intent.setType("*/*"); // .tflite has no type of its own
        startActivityForResult(intent, FILE_REQUEST);
    }

    private void openCamera(SurfaceTexture texture) {
        boolean mirror = settings.mirror;
        ImageReader.OnImageAvailableListener frames =
                reader -> recogniser.onFrameAvailable(reader::acquireLatestImage, frameRotation, mirror);
        camera.open(settings.front, texture, frames, recogniser.handler());
    }

    /** Turns preview and frames as the screen is turned now. */
    private void orient() {
        if (frameSize != null) {
            displayRotation = displayRotation();
            frameRotation = CameraSizes.uprightRotation(sensorOrientation, displayRotation, isFront);
            int width = preview.getWidth();
            int height = preview.getHeight();
            preview.setTransform(PreviewTransform.fill(width, height, frameSize, sensorOrientation, displayRotation));
        }
    }

    private int displayRotation() {
        return getWindowManager().getDefaultDisplay().getRotation() * DEGREES_PER_QUARTER;
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
            boolean granted = checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED;
            if (resumed && granted) {
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
            if (displayRotation() != displayRotation) { // upside down: the activity is not made anew
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
        public void onModelError(String reason) {
            recognition.clear();
            showMessage(getString(R.string.model_error, reason));
        }
    }
}
