package org.tsm.core;

import java.nio.ByteBuffer;
import java.util.Map;

/**
 * An interpreter for online models, with a signature of named input and output tensors. Not
 * thread-safe.
 */
public interface FrameModel extends AutoCloseable {
    /** Returns the signature's inputs by name. */
    Map<String, TensorType> inputs();

    /** Returns the signature's outputs by name. */
    Map<String, TensorType> outputs();

    /**
     * Computes one frame. All buffers are direct, in native order, and as large as their tensor.
     * Their positions and limits stay as they are.
     */
    void run(Map<String, ByteBuffer> inputs, Map<String, ByteBuffer> outputs);

    @Override
    void close();
}
