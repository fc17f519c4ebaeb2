package org.tsm.core;

import java.nio.ByteBuffer;

/** A frame in Android's {@code YUV_420_888}: chroma at half the resolution, any row and pixel stride; reused. */
public final class YuvFrame {
    /** One plane; where a pixel's value is follows from the strides, in bytes. */
    public static final class Plane {
        byte[] bytes = new byte[0];
        int rowStride;
        int pixelStride;

        /** Copies a plane; allocates only when it is larger than those before. */
        public void load(ByteBuffer source, int rowStride, int pixelStride) {
            this.rowStride = rowStride;
            this.pixelStride = pixelStride;
            int size = source.remaining();
            if (bytes.length < size) {
                bytes = new byte[size];
            }
            int position = source.position();
            source.get(bytes, 0, size);
            source.position(position);
        }
    }

    public final Plane y = new Plane();
    public final Plane u = new Plane();
    public final Plane v = new Plane();
    public int width;
    public int height;
}
