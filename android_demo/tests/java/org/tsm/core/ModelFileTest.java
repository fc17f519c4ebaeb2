package org.tsm.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.Test;
import org.tsm.format.Checksum;

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

    /** Returns the file with its checksum computed again. */
    private static ByteBuffer sealed(ByteBuffer file) throws ModelException {
        int at = new ModelMetadata(file).bytes("TSM_CRC32").position();
        file.order(ByteOrder.LITTLE_ENDIAN).putInt(at, Checksum.compute(file, at));
        return file;
    }

    /** Returns the file with a text replaced by another of the same length, and sealed. */
    private ByteBuffer with(String old, String replacement) throws ModelException {
        assertEquals(old.length(), replacement.length());
        ByteBuffer file = copy(original, original.capacity());
        int start = find(old);
        assertTrue(old, start > 0);
        for (int i = 0; i < replacement.length(); i++) {
            file.put(start + i, (byte) replacement.charAt(i));
        }
        return sealed(file);
    }

    @Test
    public void readsTheSpec() throws ModelException {
        ModelFile file = new ModelFile(original);
        assertEquals(48, file.input.width);
        assertEquals(54, file.input.shortSide());
        assertEquals(8, file.fps, 0);
        assertEquals(9, file.labels.size());
        assertEquals("Swiping Left", file.labels.get(0));
        assertEquals(0, file.initialCache("shift_00"));
        assertEquals("float32", file.variant);
    }

    @Test
    public void readsTheEventRulesThatPythonWrote() throws ModelException {
        ModelFile gestures = new ModelFile(original);
        assertEquals(0.1, gestures.events.smoothingSeconds, 0);
        assertEquals(0.5, gestures.events.openProbability, 0);
        assertEquals(0.3, gestures.events.closeProbability, 0);
        assertEquals(0.1, gestures.events.minSeconds, 0);
        assertEquals(0.3, gestures.events.refractorySeconds, 0);
        assertEquals(Set.of("No gesture"), gestures.background);

        ByteBuffer withJestersLabels = new Golden("224_float32").bytes("model.tflite");
        ModelFile jester = new ModelFile(withJestersLabels);
        assertEquals(0.35, jester.events.openProbability, 0);
        assertEquals(Set.of("Swiping Down"), jester.background);
    }

    @Test
    public void errorsNameTheReason() throws ModelException {
        assertEquals("Not a TFLite file", error(ByteBuffer.allocateDirect(4)));
        assertEquals("Not a TFLite file", error(ByteBuffer.allocateDirect(1000)));
        assertEquals(
                "This TFLite file is damaged",
                error(copy(original, original.capacity() - 100_000)));
        assertEquals(
                "This file was not exported by this project: it has no spec",
                error(with("TSM_SPEC", "tsm_spec")));
        ByteBuffer changed = copy(original, original.capacity());
        changed.put(find("Swiping Left"), (byte) 's');
        assertEquals(
                "This file is damaged, or another tool changed it: its checksum differs",
                error(changed));
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

    /** Returns a file of pieces, as {@code java_mutants.py} describes them. */
    private static ByteBuffer joined(ByteBuffer source, String pieces) throws IOException {
        byte[] bytes = new byte[source.capacity()];
        source.duplicate().get(bytes);
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        for (String piece : pieces.equals("-") ? new String[0] : pieces.split(",")) {
            int plus = piece.indexOf('+');
            if (plus < 0) {
                file.write(HexFormat.of().parseHex(piece));
            } else {
                int start = Integer.parseInt(piece.substring(1, plus));
                file.write(bytes, start, Integer.parseInt(piece.substring(plus + 1)));
            }
        }
        return ByteBuffer.allocateDirect(file.size()).put(file.toByteArray()).rewind();
    }

    /**
     * The app must reject the same mutations as Python. The real interpreter runs the others, and
     * would end this process if the check missed something.
     */
    @Test
    public void mutationsAreRejectedAsInPythonOrRun() throws IOException {
        Map<String, Integer> counts = new TreeMap<>();
        for (String model : List.of("48_float32", "48_weight_only", "48_int8", "detector")) {
            Golden golden = new Golden(model);
            ByteBuffer[] sources = {golden.bytes("model.tflite"), golden.bytes("repacked")};
            String text = StandardCharsets.UTF_8.decode(golden.bytes("mutants")).toString();
            for (String line : text.split("\n")) {
                String[] parts = line.split(" ");
                ByteBuffer mutant = joined(sources[Integer.parseInt(parts[2])], parts[3]);
                String reason = reasonToReject(mutant);
                String name = parts[0];
                assertEquals(name + ": " + reason, parts[1].equals("safe"), reason == null);
                String result = reason == null ? run(mutant) : "rejected";
                counts.merge(model + " " + result, 1, Integer::sum);
            }
        }
        System.out.println("mutations: " + counts);
        assertTrue(counts.toString(), counts.get("48_float32 ran") > 30);
        assertTrue(counts.toString(), counts.get("48_weight_only ran") > 30);
        assertTrue(counts.toString(), counts.get("48_int8 ran") > 30);
        assertTrue(counts.toString(), counts.get("detector ran") > 30);
    }

    private static String reasonToReject(ByteBuffer file) {
        try {
            ModelFile.verified(file);
            return null;
        } catch (ModelException error) {
            return error.getMessage();
        }
    }

    private static String run(ByteBuffer mutant) {
        try (StreamModel model =
                StreamModel.of(new ModelFile(mutant), new HostModel(mutant))) {
            model.run();
            model.run();
            return "ran";
        } catch (ModelException error) { // a spec that contradicts the tensors
            return "rejected by its spec";
        } catch (IllegalStateException error) { // from the interpreter
            return "interpreter error";
        }
    }
}
