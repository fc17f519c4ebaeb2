package org.tsm.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/**
 * The model's image input: RGB rows from top to bottom. Values are in 0..255, whatever the type of
 * the tensor.
 */
public final class ImageTensor {
    public static final int CHANNELS = 3;

    /** The bytes that the interpreter reads. */
    final ByteBuffer bytes;

    /** The number of values: rows by columns by channels. */
    public final int values;

    private final FloatBuffer floats; // null for integer tensors
    private final byte[] quantized = new byte[256];

    public ImageTensor(TensorType type, InputFrame input) {
        values = input.height * input.width * CHANNELS;
        bytes = ByteBuffer.allocateDirect(type.bytes()).order(ByteOrder.nativeOrder());
        floats = type.element == TensorType.Element.FLOAT32 ? bytes.asFloatBuffer() : null;
        if (floats == null) {
            for (int value = 0; value < quantized.length; value++) {
                quantized[value] = (byte) type.quantize(value);
            }
        }
    }

    /**
     * Sets one value.
     *
     * @param index (row * width + column) * 3 + channel
     * @param value in 0..255
     */
    public void set(int index, int value) {
        if (floats != null) {
            floats.put(index, value);
        } else {
            bytes.put(index, quantized[value]);
        }
    }
}
