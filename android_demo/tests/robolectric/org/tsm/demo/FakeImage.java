package org.tsm.demo;

import android.graphics.ImageFormat;
import android.media.Image;
import java.nio.ByteBuffer;

/** A grey camera frame. */
final class FakeImage extends Image {
    static final int WIDTH = 640;
    static final int HEIGHT = 480;

    private final byte luma;
    private final long nanos;
    volatile boolean closed;
    private boolean brightLeft;

    FakeImage(int luma, long nanos) {
        this.luma = (byte) luma;
        this.nanos = nanos;
    }

    /** Makes the left half white. */
    FakeImage brightLeft() {
        brightLeft = true;
        return this;
    }

    @Override
    public int getFormat() {
        return ImageFormat.YUV_420_888;
    }

    @Override
    public int getWidth() {
        return WIDTH;
    }

    @Override
    public int getHeight() {
        return HEIGHT;
    }

    @Override
    public long getTimestamp() {
        return nanos;
    }

    @Override
    public int getTransform() {
        return 0;
    }

    @Override
    public int getScalingMode() {
        return 0;
    }

    @Override
    public Plane[] getPlanes() {
        FakePlane y = new FakePlane(WIDTH * HEIGHT, WIDTH, 1, luma);
        for (int i = 0; brightLeft && i < WIDTH * HEIGHT; i++) {
            y.buffer.put(i, (byte) (i % WIDTH < WIDTH / 2 ? 255 : 0));
        }
        return new Plane[] {
            y,
            new FakePlane(WIDTH * HEIGHT / 2 - 1, WIDTH, 2, (byte) 128),
            new FakePlane(WIDTH * HEIGHT / 2 - 1, WIDTH, 2, (byte) 128)
        };
    }

    @Override
    public void close() {
        closed = true;
    }

    private static final class FakePlane extends Plane {
        private final ByteBuffer buffer;
        private final int rowStride;
        private final int pixelStride;

        FakePlane(int size, int rowStride, int pixelStride, byte value) {
            this.rowStride = rowStride;
            this.pixelStride = pixelStride;
            buffer = ByteBuffer.allocateDirect(size);
            for (int i = 0; i < size; i++) {
                buffer.put(i, value);
            }
        }

        @Override
        public int getRowStride() {
            return rowStride;
        }

        @Override
        public int getPixelStride() {
            return pixelStride;
        }

        @Override
        public ByteBuffer getBuffer() {
            return buffer;
        }
    }
}
