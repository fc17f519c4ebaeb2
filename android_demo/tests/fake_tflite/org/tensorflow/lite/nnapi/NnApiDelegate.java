package org.tensorflow.lite.nnapi;

import org.tensorflow.lite.Delegate;

/** In the place of the real one, whose library this machine cannot load. */
public class NnApiDelegate implements Delegate, AutoCloseable {
    /** Thrown by the next one, if not null. */
    public static volatile RuntimeException failure;

    public volatile boolean closed;

    public NnApiDelegate() {
        if (failure != null) {
            throw failure;
        }
    }

    @Override
    public long getNativeHandle() {
        return 0;
    }

    @Override
    public void close() {
        closed = true;
    }
}
