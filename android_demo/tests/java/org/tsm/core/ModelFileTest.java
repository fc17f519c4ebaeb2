package org.tsm.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.Test;

/** Files that the app may be given. */
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

    private String refusal(ByteBuffer file) {
        return assertThrows(ModelException.class, () -> new ModelFile(file)).getMessage();
    }

    /** Returns the file with a part of its spec replaced by a text of the same length. */
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
        assertEquals(8, file.fps, 0);
        assertEquals(9, file.labels.size());
        assertEquals("Swiping Left", file.labels.get(0));
        assertEquals(0, file.start("shift_00"));
        assertEquals("float32", file.variant);
    }

    @Test
    public void saysWhatIsWrong() {
        assertEquals("Not a TFLite file", refusal(ByteBuffer.allocateDirect(4)));
        assertEquals("Not a TFLite file", refusal(ByteBuffer.allocateDirect(1000)));
        assertEquals("This TFLite file is damaged", refusal(copy(original, original.capacity() - 100_000)));
        assertEquals("Not exported by this project: no spec inside", refusal(with("TSM_SPEC", "tsm_spec")));
        assertEquals("The model takes fow, not RGB frames", refusal(with("\"rgb\"", "\"fow\"")));
        assertTrue(refusal(with("\"num_classes\": 9", "\"num_classes\": 8")).contains("9 labels for 8 classes"));
        assertTrue(refusal(with("\"input_size\": 48", "\"input_size\": -8")).contains("input_size is out of range: -8"));
        assertTrue(refusal(with("\"fps\": 8.0", "\"fps\": -8.")).contains("fps"));
        assertTrue(refusal(with("\"labels\": [", "\"labels\": 7")).contains("cannot be read"));
    }

    @Test
    public void aThousandMutationsAreRefusedOrRead() throws ModelException {
        Random random = new Random(0);
        int spec = find("{\n  \"backbone\"");
        int refused = 0;
        for (int i = 0; i < 1000; i++) {
            ByteBuffer mutant = copy(original, i % 4 == 0 ? random.nextInt(original.capacity()) : original.capacity());
            boolean inSpec = i % 2 == 0;
            for (int change = 1 + random.nextInt(8); change > 0; change--) {
                int place = inSpec ? spec + random.nextInt(1000) : structure(random);
                if (place < mutant.capacity()) {
                    mutant.put(place, (byte) random.nextInt(inSpec ? 128 : 256));
                }
            }
            refused += isRefused(mutant) ? 1 : 0;
        }
        assertTrue("refused " + refused, refused > 300 && refused < 1000);
    }

    /** Returns a place where the flatbuffer's tables lie: near either end. */
    private int structure(Random random) {
        int place = random.nextInt(2000);
        return random.nextBoolean() ? place : original.capacity() - 1 - place;
    }

    private boolean isRefused(ByteBuffer mutant) throws ModelException {
        ModelFile file;
        try {
            file = new ModelFile(mutant);
        } catch (ModelException error) {
            assertFalse(error.getMessage().isEmpty());
            return true;
        }
        // The tensors are the original's: a spec that says something else must not get through.
        try (HostModel model = new HostModel(original)) {
            new StreamClassifier(file, model).step();
            return false;
        } catch (ModelException error) {
            assertFalse(error.getMessage().isEmpty());
            return true;
        }
    }
}
