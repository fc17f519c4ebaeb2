package org.tensorflow.lite;

import java.nio.ByteBuffer;
import java.util.stream.IntStream;

/** A tensor's description. */
public final class FakeTensor implements Tensor {
    private final DataType type;
    private final int[] shape;

    public FakeTensor(DataType type, int... shape) {
        this.type = type;
        this.shape = shape;
    }

    @Override
    public DataType dataType() {
        return type;
    }

    @Override
    public int[] shape() {
        return shape.clone();
    }

    @Override
    public int numElements() {
        return IntStream.of(shape).reduce(1, Math::multiplyExact);
    }

    @Override
    public int numBytes() {
        return numElements() * (type == DataType.FLOAT32 ? 4 : 1);
    }

    @Override
    public QuantizationParams quantizationParams() {
        return new QuantizationParams(0.5f, 3);
    }

    @Override
    public int numDimensions() {
        return shape.length;
    }

    @Override
    public int[] shapeSignature() {
        return shape();
    }

    @Override
    public int index() {
        throw new UnsupportedOperationException();
    }

    @Override
    public String name() {
        throw new UnsupportedOperationException();
    }

    @Override
    public ByteBuffer asReadOnlyBuffer() {
        throw new UnsupportedOperationException();
    }
}
