package org.tsm.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Writes the smallest {@code .tflite} file with metadata: it has no graph. */
final class MetadataFile {
    private static final int BUFFERS = 4;
    private static final int METADATA = 6;

    private final ByteBuffer out =
            ByteBuffer.allocateDirect(1 << 16).order(ByteOrder.LITTLE_ENDIAN);

    private MetadataFile() {}

    /** Returns a file with pairs of names and texts. */
    static ByteBuffer of(String... texts) {
        MetadataFile file = new MetadataFile();
        file.write(texts);
        return file.out.flip();
    }

    private void write(String[] texts) {
        int count = texts.length / 2;
        out.putInt(0).put("TFL3".getBytes(StandardCharsets.US_ASCII));
        int model = table(0, METADATA + 1);

        int[] buffers = vector(model + BUFFERS * 4, count);
        for (int i = 0; i < count; i++) {
            text(table(buffers[i], 1), texts[2 * i + 1]);
        }
        int[] entries = vector(model + METADATA * 4, count);
        for (int i = 0; i < count; i++) {
            int entry = table(entries[i], 2);
            out.putInt(entry + 4, i);
            text(entry, texts[2 * i]);
        }
    }

    /** Writes a table that {@code from} points to; returns the position of its first field. */
    private int table(int from, int fields) {
        int vtable = out.position();
        out.putShort((short) (4 + 2 * fields)).putShort((short) (4 + 4 * fields));
        for (int i = 0; i < fields; i++) {
            out.putShort((short) (4 + 4 * i));
        }

        pointTo(from);
        out.putInt(out.position() - vtable);
        int first = out.position();
        out.position(first + 4 * fields);
        return first;
    }

    /** Writes a vector of offsets that {@code from} points to; returns their positions. */
    private int[] vector(int from, int count) {
        pointTo(from);
        out.putInt(count);
        int[] positions = new int[count];
        for (int i = 0; i < count; i++) {
            positions[i] = out.position();
            out.putInt(0);
        }
        return positions;
    }

    private void text(int from, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        pointTo(from);
        out.putInt(bytes.length).put(bytes);
    }

    private void pointTo(int from) {
        out.putInt(from, out.position() - from);
    }
}
