package org.tsm.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32;

/** The checksum that {@code export/format/metadata.py} stores in a file. */
public final class Checksum {
    private static final int SIZE = 4; // bytes
    private static final int PART = 1 << 16; // CRC32 of Android 6 reads arrays only

    private Checksum() {}

    /**
     * Returns whether a file is unchanged.
     *
     * @param stored a view of the file, whose position is where the file stores its checksum
     */
    public static boolean matches(ByteBuffer content, ByteBuffer stored) {
        if (stored.remaining() != SIZE) {
            return false;
        }
        int at = stored.position();
        ByteBuffer value = stored.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        return compute(content, at) == value.getInt(at);
    }

    /** Returns the CRC-32 of a file, computed with zeros where it stores its own. */
    public static int compute(ByteBuffer content, int at) {
        CRC32 checksum = new CRC32();
        update(checksum, content, 0, at);
        checksum.update(new byte[SIZE]);
        update(checksum, content, at + SIZE, content.capacity());
        return (int) checksum.getValue();
    }

    private static void update(CRC32 checksum, ByteBuffer content, int start, int end) {
        ByteBuffer view = content.duplicate();
        view.clear();
        view.limit(end);
        view.position(start);
        byte[] part = new byte[PART];
        while (view.hasRemaining()) {
            int count = Math.min(PART, view.remaining());
            view.get(part, 0, count);
            checksum.update(part, 0, count);
        }
    }
}
