package org.tsm.core;

import java.nio.ByteBuffer;

/**
 * A reusable frame in Android's {@code YUV_420_888} format: chroma at half the resolution, with any
 * row and pixel strides.
 */
public final class YuvFrame {
    /** One plane. Its strides are in bytes. */
    public static final class Plane {
        byte[] bytes = new byte[0];
        int rowStride;
        int pixelStride;

        /** Copies a plane; allocates only if it is larger than all before. */
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
