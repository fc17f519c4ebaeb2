package org.tsm.core;

import java.nio.ByteBuffer;
import java.util.Map;

/** An interpreter with an online model's signature, named tensors in and out; one thread's at a time. */
public interface FrameModel extends AutoCloseable {
    /** Returns the signature's inputs by name. */
    Map<String, TensorType> inputs();

    /** Returns the signature's outputs by name. */
    Map<String, TensorType> outputs();

    /**
     * Computes one frame. All buffers are direct, in native order, of their tensor's size; where each begins and ends is
     * not changed.
     */
    void run(Map<String, ByteBuffer> inputs, Map<String, ByteBuffer> outputs);

    @Override
    void close();
}
