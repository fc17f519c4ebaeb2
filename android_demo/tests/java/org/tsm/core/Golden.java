package org.tsm.core;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** Python's results, such as a stream: a folder in the archive of {@code golden.py}. */
public final class Golden {
    private static final String PATH = System.getProperty("golden");

    private final String name;

    public Golden(String name) {
        this.name = name;
    }

    /** Returns the names of the folders with classifiers. */
    static List<String> classifiers() {
        try (ZipFile archive = new ZipFile(PATH)) {
            return archive.stream()
                    .filter(entry -> entry.getName().endsWith("/model.tflite"))
                    .map(entry -> entry.getName().split("/")[0])
                    .filter(name -> !name.equals("detector"))
                    .toList();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** Returns the bytes of a part in a direct buffer. */
    public ByteBuffer bytes(String part) {
        try (ZipFile archive = new ZipFile(PATH)) {
            ZipEntry entry = archive.getEntry(name + "/" + part);
            byte[] bytes = archive.getInputStream(entry).readAllBytes();
            ByteBuffer buffer = ByteBuffer.allocateDirect(bytes.length);
            return buffer.order(ByteOrder.LITTLE_ENDIAN).put(bytes).rewind();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    StreamClassifier classifier() throws ModelException {
        ModelFile file = new ModelFile(bytes("model.tflite"));
        return new StreamClassifier(file, new HostModel(file.content));
    }
}
