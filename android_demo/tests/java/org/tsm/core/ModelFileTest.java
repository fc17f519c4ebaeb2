package org.tsm.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Random;
import org.junit.Test;

/** Whole exported files, valid and damaged. */
public class ModelFileTest {
    private final ByteBuffer original = new Golden("48_float32").bytes("model.tflite");

    private static ByteBuffer copy(ByteBuffer source, int length) {
        ByteBuffer part = source.duplicate();
        part.limit(length);
        return ByteBuffer.allocateDirect(length).put(part).rewind();
    }

    private int find(String text) {
        byte[] bytes = new byte[original.capacity()];
        original.duplicate().get(bytes);
        return new String(bytes, StandardCharsets.ISO_8859_1).indexOf(text);
    }

    private String error(ByteBuffer file) {
        return assertThrows(ModelException.class, () -> new ModelFile(file)).getMessage();
    }

    /** Returns the file with a text replaced by another of the same length. */
    private ByteBuffer with(String old, String replacement) {
        assertEquals(old.length(), replacement.length());
        ByteBuffer file = copy(original, original.capacity());
        int start = find(old);
        assertTrue(old, start > 0);
        for (int i = 0; i < replacement.length(); i++) {
            file.put(start + i, (byte) replacement.charAt(i));
        }
        return file;
    }

    @Test
    public void readsTheSpec() throws ModelException {
        ModelFile file = new ModelFile(original);
        assertEquals(48, file.inputSize);
        assertEquals(54, file.shortSide);
        assertEquals(8, file.fps, 0);
        assertEquals(9, file.labels.size());
        assertEquals("Swiping Left", file.labels.get(0));
        assertEquals(0, file.initialCache("shift_00"));
        assertEquals("float32", file.variant);
    }

    @Test
    public void readsTheSmoothingRulesThatPythonWrote() throws ModelException {
        SmoothingRules gestures = new ModelFile(original).smoothing;
        assertEquals(12, gestures.averagedSteps);
        assertEquals(1, gestures.refractorySteps);
        assertTrue(gestures.keepLast.isEmpty() && gestures.sameAs.isEmpty());

        ByteBuffer withJestersLabels = new Golden("224_float32").bytes("model.tflite");
        SmoothingRules jester = new ModelFile(withJestersLabels).smoothing;
        assertEquals(5, jester.keepLast.size());
        assertTrue(jester.keepLast.contains("Rolling Hand Forward"));
        assertEquals(Map.of("Doing other things", "No gesture"), jester.sameAs);
    }

    @Test
    public void errorsNameTheReason() {
        assertEquals("Not a TFLite file", error(ByteBuffer.allocateDirect(4)));
        assertEquals("Not a TFLite file", error(ByteBuffer.allocateDirect(1000)));
        assertEquals(
                "This TFLite file is damaged",
                error(copy(original, original.capacity() - 100_000)));
        assertEquals(
                "This file was not exported by this project: it has no spec",
                error(with("TSM_SPEC", "tsm_spec")));
        assertEquals(
                "The model needs fow input, not RGB frames", error(with("\"rgb\"", "\"fow\"")));
        assertEquals(
                "The spec has 9 labels for 8 classes",
                error(with("\"num_classes\": 9", "\"num_classes\": 8")));
        assertEquals(
                "The spec's input_size is out of range: -8",
                error(with("\"input_size\": 48", "\"input_size\": -8")));
        assertEquals(
                "The spec's fps is not a positive number: -8.0",
                error(with("\"fps\": 8.0", "\"fps\": -8.")));
        assertTrue(error(with("\"labels\": [", "\"labels\": 7")).contains("cannot be read"));
    }

    @Test
    public void aThousandMutationsAreRejectedOrRead() throws ModelException {
        Random random = new Random(0);
        int spec = find("{\n  \"backbone\"");
        int rejected = 0;
        for (int i = 0; i < 1000; i++) {
            int size = original.capacity();
            ByteBuffer mutant = copy(original, i % 4 == 0 ? random.nextInt(size) : size);
            boolean inSpec = i % 2 == 0;
            for (int change = 1 + random.nextInt(8); change > 0; change--) {
                int place = inSpec ? spec + random.nextInt(1000) : structure(random);
                if (place < mutant.capacity()) {
                    mutant.put(place, (byte) random.nextInt(inSpec ? 128 : 256));
                }
            }
            rejected += isRejected(mutant) ? 1 : 0;
        }
        assertTrue("rejected " + rejected, rejected > 300 && rejected < 1000);
    }

    /** Returns a place near either end of the file, where the flatbuffer's tables are. */
    private int structure(Random random) {
        int place = random.nextInt(2000);
        return random.nextBoolean() ? place : original.capacity() - 1 - place;
    }

    private boolean isRejected(ByteBuffer mutant) throws ModelException {
        ModelFile file;
        try {
            file = new ModelFile(mutant);
        } catch (ModelException error) {
            assertFalse(error.getMessage().isEmpty());
            return true;
        }
        // The tensors are those of the original: a spec that contradicts them must be rejected.
        try (HostModel model = new HostModel(original)) {
            new StreamClassifier(file, model).step();
            return false;
        } catch (ModelException error) {
            assertFalse(error.getMessage().isEmpty());
            return true;
        }
    }
}
