package org.tsm.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * One table of a flatbuffer, as {@code export/format/flatbuffer.py} reads it. Fields are addressed
 * by their number in the schema. Every access is bounds-checked.
 */
public final class Table {
    private static final int LARGEST_VECTOR = 100_000; // of tables
    private static final int HEADER = 4; // bytes of a vtable before its entries, or of a length
    private static final int LARGEST_COPIES = 8; // of the file

    /** The whole file, and how many more bytes of vectors may be copied from it. */
    private static final class Source {
        final ByteBuffer bytes;
        long budget;

        Source(ByteBuffer bytes) {
            this.bytes = bytes;
            budget = (long) LARGEST_COPIES * bytes.limit();
        }
    }

    private final Source source;
    private final ByteBuffer file;
    private final int position;
    private final int vtable;
    private final int fields;

    private Table(Source source, long position) throws Damaged {
        this.source = source;
        file = source.bytes;
        this.position = inside(position, 4, 4);
        vtable = inside((long) this.position - file.getInt(this.position), HEADER, 2);

        int size = file.getShort(vtable) & 0xFFFF;
        int length = file.getShort(vtable + 2) & 0xFFFF;
        if (size < HEADER || size % 2 != 0) {
            throw new Damaged("a table without an end");
        }
        inside(vtable, size, 1);
        inside(position, length, 1);

        fields = (size - HEADER) / 2;
        for (int field = 0; field < fields; field++) {
            if (offset(field) >= Math.max(length, 1)) {
                throw new Damaged("a field outside its table");
            }
        }
    }

    /** Returns the root table of a whole file. */
    public static Table root(ByteBuffer content) throws Damaged {
        ByteBuffer file = content.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        file.clear();
        if (file.limit() < 4) {
            throw new Damaged("something behind the end of the file");
        }
        return new Table(new Source(file), file.getInt(0) & 0xFFFFFFFFL);
    }

    /** Returns the number of fields that the table could have; some may be absent. */
    int fields() {
        return fields;
    }

    /** Returns whether a field is present. */
    boolean has(int field) {
        return field < fields && offset(field) != 0;
    }

    int int8(int field, int otherwise) throws Damaged {
        return has(field) ? file.get(at(field, 1)) : otherwise;
    }

    int uint8(int field) throws Damaged {
        return has(field) ? file.get(at(field, 1)) & 0xFF : 0;
    }

    int int32(int field, int otherwise) throws Damaged {
        return has(field) ? file.getInt(at(field, 4)) : otherwise;
    }

    float float32(int field, float otherwise) throws Damaged {
        return has(field) ? file.getFloat(at(field, 4)) : otherwise;
    }

    /** Returns an unsigned number that must be less than a limit; 0 if it is absent. */
    public int index(int field, int limit, String what) throws Damaged {
        long index = has(field) ? file.getInt(at(field, 4)) & 0xFFFFFFFFL : 0;
        if (index >= limit) {
            throw new Damaged("%s %d of %d", what, index, limit);
        }
        return (int) index;
    }

    /** Returns a table, or null if it is absent. */
    Table table(int field) throws Damaged {
        return has(field) ? new Table(source, target(at(field, 4))) : null;
    }

    /** Returns a vector of tables; empty if it is absent. */
    public List<Table> tables(int field) throws Damaged {
        int count = copied(field, 4);
        if (count > LARGEST_VECTOR) {
            throw new Damaged("a vector of %d tables", count);
        }

        List<Table> tables = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            tables.add(new Table(source, target(start(field) + 4 * i)));
        }
        return tables;
    }

    int[] ints(int field) throws Damaged {
        int[] values = new int[copied(field, 4)];
        for (int i = 0; i < values.length; i++) {
            values[i] = file.getInt(start(field) + 4 * i);
        }
        return values;
    }

    float[] floats(int field) throws Damaged {
        float[] values = new float[copied(field, 4)];
        for (int i = 0; i < values.length; i++) {
            values[i] = file.getFloat(start(field) + 4 * i);
        }
        return values;
    }

    long[] longs(int field) throws Damaged {
        long[] values = new long[copied(field, 8)];
        for (int i = 0; i < values.length; i++) {
            values[i] = file.getLong(start(field) + 8 * i);
        }
        return values;
    }

    /**
     * Returns a vector of bytes as a view of the file, whose position is that in the file; empty if
     * it is absent.
     */
    public ByteBuffer bytes(int field) throws Damaged {
        ByteBuffer view = file.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        int length = length(field, 1);
        int start = length == 0 ? 0 : start(field);
        view.limit(start + length);
        view.position(start);
        return view;
    }

    /** Returns a text; empty if it is absent. */
    public String text(int field) throws Damaged {
        if (!has(field)) {
            return "";
        }
        int end = start(field) + copied(field, 1);
        if (file.get(inside(end, 1, 1)) != 0) { // C code looks for this zero
            throw new Damaged("a text without an end");
        }
        return utf8(bytes(field));
    }

    /** Decodes a view of a text. */
    public static String utf8(ByteBuffer bytes) throws Damaged {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException error) {
            throw new Damaged("a text that is not UTF-8");
        }
    }

    /**
     * Returns the number of elements of a vector that is about to be copied. Many tables may share
     * a vector, so that a small file could take hours to read.
     */
    private int copied(int field, int size) throws Damaged {
        int count = length(field, size);
        source.budget -= (long) count * size;
        if (source.budget < 0) {
            throw new Damaged("vectors that overlap");
        }
        return count;
    }

    /** Returns the number of elements of a vector; 0 if it is absent. */
    private int length(int field, int size) throws Damaged {
        if (!has(field)) {
            return 0;
        }
        int start = start(field);
        long count = file.getInt(start - HEADER) & 0xFFFFFFFFL;
        inside(start, count * size, size);
        return (int) count;
    }

    /** Returns the position of a vector's first element. */
    private int start(int field) throws Damaged {
        return inside(target(at(field, 4)), HEADER, 4) + HEADER;
    }

    /** Returns the target of a relative offset, which is unsigned in the format. */
    private long target(int at) {
        return at + (file.getInt(at) & 0xFFFFFFFFL);
    }

    private int at(int field, int size) throws Damaged {
        return inside((long) position + offset(field), size, size);
    }

    private int offset(int field) {
        return file.getShort(vtable + HEADER + 2 * field) & 0xFFFF;
    }

    private int inside(long start, long size, int alignment) throws Damaged {
        if (start < 0 || start + size > file.limit()) {
            throw new Damaged("something outside the file");
        }
        if (start % alignment != 0) { // some processors cannot read it, and no writer produces it
            throw new Damaged("something that is not aligned");
        }
        return (int) start;
    }
}
