package org.tsm.demo;

import android.graphics.SurfaceTexture;
import android.media.Image;
import android.media.ImageReader;
import android.os.Handler;
import android.view.Surface;
import java.util.concurrent.atomic.AtomicReference;
import org.robolectric.annotation.Implementation;
import org.robolectric.annotation.Implements;
import org.robolectric.annotation.RealObject;
import org.robolectric.shadow.api.Shadow;

/** An image reader that delivers the frames of a test. */
@Implements(ImageReader.class)
public class ShadowReader {
    /** The newest image reader. */
    static volatile ShadowReader last;

    volatile boolean closed;
    @RealObject private ImageReader reader;
    private final AtomicReference<Image> newest = new AtomicReference<>();
    private final Surface surface = new Surface(new SurfaceTexture(0));
    private ImageReader.OnImageAvailableListener listener;
    private Handler handler;

    @Implementation
    protected static ImageReader newInstance(int width, int height, int format, int images) {
        return Shadow.newInstanceOf(ImageReader.class);
    }

    @Implementation
    protected void setOnImageAvailableListener(
            ImageReader.OnImageAvailableListener frames, Handler thread) {
        last = this;
        listener = frames;
        handler = thread;
    }

    @Implementation
    protected Surface getSurface() {
        return surface;
    }

    @Implementation
    protected Image acquireLatestImage() {
        if (closed) {
            throw new IllegalStateException("closed");
        }
        return newest.getAndSet(null);
    }

    @Implementation
    protected void close() {
        closed = true;
    }

    /** Delivers a frame, which replaces an earlier one that has not been acquired. */
    void deliver(Image image) {
        newest.set(image);
        handler.post(() -> listener.onImageAvailable(reader));
    }
}
