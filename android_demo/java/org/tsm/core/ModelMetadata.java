package org.tsm.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tsm.format.Damaged;
import org.tsm.format.Table;

/** Reads the named entries that {@code export/format/metadata.py} writes into a file. */
public final class ModelMetadata {
    private static final int IDENTIFIER = 'T' | 'F' << 8 | 'L' << 16 | '3' << 24;
    // Field numbers in TFLite's schema: Model.buffers, Model.metadata, Metadata.name,
    // Metadata.buffer, Buffer.data
    private static final int BUFFERS = 4;
    private static final int METADATA = 6;
    private static final int NAME = 0;
    private static final int BUFFER = 1;
    private static final int DATA = 0;

    private final Map<String, ByteBuffer> entries = new HashMap<>();

    /**
     * Reads all entries.
     *
     * @throws ModelException if this is not a TFLite file, or a damaged one
     */
    public ModelMetadata(ByteBuffer model) throws ModelException {
        ByteBuffer file = model.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        file.clear();
        if (file.limit() < 8 || file.getInt(4) != IDENTIFIER) {
            throw new ModelException("Not a TFLite file");
        }

        try {
            Table root = Table.root(file);
            List<Table> buffers = root.tables(BUFFERS);
            for (Table entry : root.tables(METADATA)) {
                Table buffer = buffers.get(entry.index(BUFFER, buffers.size(), "buffer"));
                entries.put(entry.text(NAME), buffer.bytes(DATA));
            }
        } catch (Damaged error) {
            throw damaged();
        }
    }

    /** Returns an entry, as a view of the file with the entry's position, or null. */
    public ByteBuffer bytes(String name) {
        return entries.get(name);
    }

    /**
     * Returns the text with a name, or null if there is none.
     *
     * @throws ModelException if it is not a text
     */
    public String text(String name) throws ModelException {
        ByteBuffer bytes = entries.get(name);
        try {
            return bytes == null ? null : Table.utf8(bytes.duplicate());
        } catch (Damaged error) {
            throw damaged();
        }
    }

    private static ModelException damaged() {
        return new ModelException("This TFLite file is damaged");
    }
}
