package org.tensorflow.lite.nnapi;

import org.tensorflow.lite.Delegate;

/** Replaces the real delegate, whose library cannot be loaded here. */
public class NnApiDelegate implements Delegate, AutoCloseable {
    /** Thrown by the next constructor call, if not null. */
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
