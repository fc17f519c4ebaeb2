package org.tsm.core;

/**
 * A tensor's element type and shape, and the quantization of integer tensors: {@code real = scale *
 * (q - zeroPoint)}.
 */
public final class TensorType {
    /** The element types of online models. */
    public enum Element {
        FLOAT32(4, 0, 0),
        UINT8(1, 0, 255),
        INT8(1, -128, 127);

        final int bytes;
        final int smallest;
        final int largest;

        Element(int bytes, int smallest, int largest) {
            this.bytes = bytes;
            this.smallest = smallest;
            this.largest = largest;
        }
    }

    public final Element element;
    public final float scale;
    public final int zeroPoint;
    private final int[] shape;

    public TensorType(Element element, int[] shape, float scale, int zeroPoint) {
        this.element = element;
        this.shape = shape.clone();
        this.scale = scale;
        this.zeroPoint = zeroPoint;
    }

    /** Returns a copy of the shape. */
    public int[] shape() {
        return shape.clone();
    }

    /** Returns the product of the shape. */
    public int elements() {
        int product = 1;
        for (int side : shape) {
            product = Math.multiplyExact(product, side);
        }
        return product;
    }

    /** Returns the size of the whole tensor in bytes. */
    public int bytes() {
        return Math.multiplyExact(elements(), element.bytes);
    }

    /** Returns the integer whose real value is nearest to a real number. */
    int quantize(float real) {
        int value = Math.round(real / scale) + zeroPoint;
        return Math.max(element.smallest, Math.min(element.largest, value));
    }
}
