package org.tsm.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Reads the named texts that {@code export/format/metadata.py} writes into a {@code .tflite} file.
 * The file is a flatbuffer, whose root table {@code Model} has a vector of {@code Metadata {name,
 * buffer}}.
 */
public final class ModelMetadata {
    private static final int IDENTIFIER = 'T' | 'F' << 8 | 'L' << 16 | '3' << 24;
    // Field numbers in TFLite's schema: Model.buffers, Model.metadata, Metadata.name,
    // Metadata.buffer, Buffer.data
    private static final int BUFFERS = 4;
    private static final int METADATA = 6;
    private static final int NAME = 0;
    private static final int BUFFER = 1;
    private static final int DATA = 0;

    private final ByteBuffer file;
    private final int root;

    /**
     * Checks a file's structure and the bounds of all its buffers, because an interpreter would
     * read past the end of a truncated file.
     *
     * @throws ModelException if this is not a TFLite file, or a damaged one
     */
    public ModelMetadata(ByteBuffer model) throws ModelException {
        file = model.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        file.clear();
        if (file.limit() < 8 || file.getInt(4) != IDENTIFIER) {
            throw new ModelException("Not a TFLite file");
        }

        try {
            root = offset(0);
            int buffers = field(root, BUFFERS);
            for (int i = 0; i < length(buffers); i++) {
                length(field(element(buffers, i), DATA));
            }
        } catch (IndexOutOfBoundsException error) {
            throw damaged();
        }
    }

    /**
     * Returns the text with a name, or null if there is none.
     *
     * @throws ModelException if the file is damaged
     */
    public String text(String name) throws ModelException {
        try {
            int entries = field(root, METADATA);
            for (int i = 0; i < length(entries); i++) {
                int entry = element(entries, i);
                if (name.equals(string(field(entry, NAME)))) {
                    return text(entry);
                }
            }
        } catch (IndexOutOfBoundsException error) {
            throw damaged();
        }
        return null;
    }

    private String text(int entry) throws ModelException {
        int position = field(entry, BUFFER);
        int index = position == 0 ? 0 : file.getInt(position);
        int buffers = field(root, BUFFERS);
        if (index < 0 || index >= length(buffers)) {
            throw damaged();
        }
        return string(field(element(buffers, index), DATA));
    }

    private static ModelException damaged() {
        return new ModelException("This TFLite file is damaged");
    }

    /** Returns the target of a relative offset, which is unsigned in the format. */
    private int offset(int position) {
        return Math.toIntExact(checked(position + (file.getInt(position) & 0xFFFFFFFFL)));
    }

    private long checked(long position) {
        if (position < 0 || position > file.limit()) {
            throw new IndexOutOfBoundsException();
        }
        return position;
    }

    /** Returns the position of a table's field, or 0 if the field is absent. */
    private int field(int table, int number) {
        int vtable = (int) checked((long) table - file.getInt(table));
        int size = file.getShort(vtable) & 0xFFFF;
        int entry = 4 + 2 * number;
        int relative = entry < size ? file.getShort(vtable + entry) & 0xFFFF : 0;
        return relative == 0 ? 0 : table + relative;
    }

    /** Returns the number of elements, of at least one byte each; 0 if the vector is absent. */
    private int length(int vector) {
        if (vector == 0) {
            return 0;
        }
        int start = offset(vector);
        int length = file.getInt(start);
        checked(start + 4L + (length & 0xFFFFFFFFL));
        return length;
    }

    private int element(int vector, int i) {
        return offset((int) checked(offset(vector) + 4L + 4L * i));
    }

    private byte[] bytes(int vector) {
        int length = length(vector);
        byte[] bytes = new byte[length];
        if (length > 0) {
            ByteBuffer view = file.duplicate();
            view.position(offset(vector) + 4);
            view.get(bytes);
        }
        return bytes;
    }

    private String string(int vector) {
        return new String(bytes(vector), StandardCharsets.UTF_8);
    }
}
