package org.tsm.demo;

import android.content.Context;
import android.media.Image;
import android.os.Handler;
import android.os.HandlerThread;
import android.os.Looper;
import android.util.Log;
import java.io.IOException;
import org.tsm.core.DetectionLoop;
import org.tsm.core.FrameLoop;
import org.tsm.core.ModelException;
import org.tsm.core.ModelFile;
import org.tsm.core.RecognitionLoop;
import org.tsm.core.YuvFrame;

/**
 * Runs the model on its own thread from {@link #start} to {@link #stop}. It acquires a frame only
 * when the model is free, and so always gets the newest one. The listener receives the results on
 * the main thread.
 */
final class Recogniser {
    /** Provides frames. */
    interface FrameSource {
        /** Returns the newest frame, which the caller closes, or null; drops older frames. */
        Image acquireLatestImage();
    }

    /** Receives results on the main thread. */
    interface Listener {
        /** Called when a model is loaded. */
        void onModel(ModelFile file);

        /** Called for each frame of a classifier. */
        void onFrame(Recognition recognition);

        /** Called for each frame of a detector. */
        void onFrame(FoundObjects found);

        /** Called when the model cannot be used, with a reason for the user. */
        void onModelError(String reason);
    }

    private static final String TAG = "Recogniser";

    private final Context context;
    private final Listener listener;
    private final Handler main = new Handler(Looper.getMainLooper());
    private final YuvFrame frame = new YuvFrame();
    private HandlerThread thread;
    private Handler handler;
    private FrameLoop loop; // used by the recogniser's thread only
    private volatile boolean running;

    Recogniser(Context context, Listener listener) {
        this.context = context.getApplicationContext();
        this.listener = listener;
    }

    /** Starts the thread, and loads the model. Call this on the main thread. */
    void start(Settings settings) {
        running = true;
        thread = new HandlerThread(TAG);
        thread.start();
        handler = new Handler(thread.getLooper());
        handler.post(() -> load(settings));
    }

    /** Forgets the stream. */
    void reset() {
        handler.post(
                () -> {
                    if (loop != null) {
                        loop.reset();
                    }
                });
    }

    /** Returns the handler for {@link #onFrameAvailable}, and for closing the frame source. */
    Handler handler() {
        return handler;
    }

    /**
     * Stops the thread, which first finishes its frame and closes the model. The listener is not
     * called again.
     */
    void stop() {
        running = false;
        handler.post(this::closeLoop);
        thread.quitSafely();
    }

    /** Recognises the newest frame if it is due. Call this on the thread of {@link #handler}. */
    void onFrameAvailable(FrameSource source, int rotation, boolean mirror) {
        try (Image image = source.acquireLatestImage()) {
            if (image == null || !running || loop == null) {
                return;
            }
            if (!loop.wants(image.getTimestamp())) {
                return;
            }
            copy(image);
        }

        try {
            loop.process(frame, rotation, mirror);
            report(mirror);
        } catch (RuntimeException error) { // from a delegate
            Log.e(TAG, "inference", error);
            closeLoop();
            fail(String.valueOf(error.getMessage()));
        }
    }

    private void report(boolean mirror) {
        if (loop instanceof DetectionLoop) {
            FoundObjects found = FoundObjects.of((DetectionLoop) loop, mirror);
            post(() -> listener.onFrame(found));
        } else {
            Recognition recognition = Recognition.of((RecognitionLoop) loop);
            post(() -> listener.onFrame(recognition));
        }
    }

    private void copy(Image image) {
        frame.width = image.getWidth();
        frame.height = image.getHeight();

        Image.Plane[] planes = image.getPlanes();
        load(frame.y, planes[0]);
        load(frame.u, planes[1]);
        load(frame.v, planes[2]);
    }

    private static void load(YuvFrame.Plane target, Image.Plane plane) {
        target.load(plane.getBuffer(), plane.getRowStride(), plane.getPixelStride());
    }

    private void load(Settings settings) {
        closeLoop();
        if (!running) {
            return;
        }
        try {
            String model = Models.chosen(context, settings);
            loop = FrameLoop.of(Models.load(context, model, settings.threads));
            ModelFile file = loop.file;
            post(() -> listener.onModel(file));
        } catch (ModelException error) {
            fail(error.getMessage());
        } catch (IOException error) {
            Log.e(TAG, "model", error);
            fail(context.getString(R.string.file_unreadable));
        } catch (OutOfMemoryError error) {
            fail(context.getString(R.string.low_memory));
        }
    }

    private void closeLoop() {
        if (loop != null) {
            loop.close();
            loop = null;
        }
    }

    private void fail(String reason) {
        post(() -> listener.onModelError(reason));
    }

    private void post(Runnable call) {
        main.post(
                () -> {
                    if (running) {
                        call.run();
                    }
                });
    }
}
