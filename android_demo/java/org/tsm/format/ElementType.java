package org.tsm.format;

/** The element types of tensors that a file may have. */
enum ElementType {
    FLOAT32(0, 4, 0, 0),
    FLOAT16(1, 2, 0, 0),
    INT32(2, 4, 0, 0),
    UINT8(3, 1, 0, 255),
    INT8(9, 1, -128, 127);

    final int bytes;
    final int smallestZeroPoint;
    final int largestZeroPoint;
    private final int code;

    ElementType(int code, int bytes, int smallestZeroPoint, int largestZeroPoint) {
        this.code = code;
        this.bytes = bytes;
        this.smallestZeroPoint = smallestZeroPoint;
        this.largestZeroPoint = largestZeroPoint;
    }

    static ElementType of(int code) throws Damaged {
        for (ElementType type : values()) {
            if (type.code == code) {
                return type;
            }
        }
        throw new Damaged("a tensor of the type %d", code);
    }
}
