package org.tsm.demo;

import android.content.Context;
import android.media.Image;
import android.os.Handler;
import android.os.HandlerThread;
import android.os.Looper;
import android.util.Log;
import java.io.IOException;
import org.tsm.core.FrameLoop;
import org.tsm.core.ModelException;
import org.tsm.core.ModelFile;
import org.tsm.core.YuvFrame;

/**
 * The model on a thread of its own, from {@link #start} to {@link #stop}. Frames are asked for when the model is free, so
 * that it always gets the newest one. What it finds comes to the listener on the main thread, until the stop.
 */
final class Recogniser {
    /** Where frames come from. */
    interface FrameSource {
        /** Returns the newest frame, to be closed, or null; older ones are gone. */
        Image acquireLatestImage();
    }

    /** Who wants to know; called on the main thread. */
    interface Listener {
        /** A model is loaded, and takes frames. */
        void onModel(ModelFile file);

        /** A frame was recognised. */
        void onFrame(Recognition recognition);

        /** The model cannot be used, with the reason for a person. */
        void onModelError(String reason);
    }

    private static final String TAG = "Recogniser";

    private final Context context;
    private final Listener listener;
    private final Handler main = new Handler(Looper.getMainLooper());
    private final YuvFrame frame = new YuvFrame();
    private HandlerThread thread;
    private Handler handler;
    private FrameLoop loop; // the recogniser's thread alone uses it
    private volatile boolean running;

    Recogniser(Context context, Listener listener) {
        this.context = context.getApplicationContext();
        this.listener = listener;
    }

    /** Begins, and loads a model; call on the main thread. */
    void start(Settings settings) {
        running = true;
        thread = new HandlerThread(TAG);
        thread.start();
        handler = new Handler(thread.getLooper());
        load(settings);
    }

    /** Takes another model, or other options, and forgets the stream. */
    void load(Settings settings) {
        handler.post(() -> loadOnThread(settings));
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

    /** Returns the thread's handler, for {@link #onFrameAvailable} and for closing what it reads from. */
    Handler handler() {
        return handler;
    }

    /** Ends: the listener hears nothing more; a frame in work is finished on the thread, and the model closed behind it. */
    void stop() {
        running = false;
        handler.post(this::closeLoop);
        thread.quitSafely();
    }

    /** Recognises the newest frame if it is due; call on {@link #handler}'s thread. */
    void onFrameAvailable(FrameSource source, int rotation, boolean mirror) {
        long nanos;
        try (Image image = source.acquireLatestImage()) {
            if (image == null || !running || loop == null || !loop.wants(image.getTimestamp())) {
                return;
            }
            nanos = image.getTimestamp();
            copy(image);
        }
        try {
            loop.process(frame, nanos, rotation, mirror);
            Recognition recognition = Recognition.of(loop);
            post(() -> listener.onFrame(recognition));
        } catch (RuntimeException error) { // a delegate's
            Log.e(TAG, "inference", error);
            closeLoop();
            fail(String.valueOf(error.getMessage()));
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

    private void loadOnThread(Settings settings) {
        closeLoop();
        if (!running) {
            return;
        }
        try {
            String model = Models.chosen(context, settings);
            loop = new FrameLoop(Models.load(context, model, settings.threads, settings.accelerator));
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
