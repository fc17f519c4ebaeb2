package org.tsm.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.TreeSet;
import org.json.JSONException;
import org.json.JSONObject;
import org.junit.Test;

/** What the app reads from a file's spec. */
public class ModelFileMetadataTest {
    private static final String SPEC =
            "{\"modality\": \"rgb\", \"num_classes\": 3, \"input_size\": 224, \"fps\": 12.5,"
                    + " \"labels\": [\"left\", \"No gesture\", \"other\"]%s}";

    private static ModelFile read(String inSpec, String stream) throws ModelException {
        String spec = String.format(SPEC, inSpec);
        return new ModelFile(ByteBuffer.allocate(0), spec, stream);
    }

    private static String error(String inSpec, String stream) {
        return assertThrows(ModelException.class, () -> read(inSpec, stream)).getMessage();
    }

    /** Returns the rules and the background of a spec, or null if it is refused. */
    private static String events(String spec) {
        try {
            ModelFile file = new ModelFile(ByteBuffer.allocate(0), spec, null);
            EventRules rules = file.events;
            double[] numbers = {
                rules.smoothingSeconds,
                rules.openProbability,
                rules.closeProbability,
                rules.minSeconds,
                rules.refractorySeconds
            };
            return Arrays.toString(numbers)
                    + new TreeSet<>(file.background)
                    + Arrays.toString(file.thresholds());
        } catch (ModelException error) {
            return null;
        }
    }

    private static String expected(JSONObject json) throws JSONException {
        if (json.isNull("rules")) {
            return null;
        }
        double[] numbers = new double[5];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = json.getJSONArray("rules").getDouble(i);
        }
        TreeSet<String> background = new TreeSet<>();
        for (int i = 0; i < json.getJSONArray("background").length(); i++) {
            background.add(json.getJSONArray("background").getString(i));
        }
        double[] thresholds = json.isNull("thresholds") ? null : new double[3];
        for (int i = 0; thresholds != null && i < thresholds.length; i++) {
            thresholds[i] = json.getJSONArray("thresholds").getDouble(i);
        }
        return Arrays.toString(numbers) + background + Arrays.toString(thresholds);
    }

    @Test
    public void readsEventsAsPythonDoes() throws JSONException {
        ByteBuffer content = new Golden("rules").bytes("specs");
        Set<String> results = new HashSet<>();
        int refused = 0;
        int count = 0;
        for (String line : StandardCharsets.UTF_8.decode(content).toString().split("\n")) {
            JSONObject json = new JSONObject(line);
            String expected = expected(json);
            assertEquals(line, expected, events(json.getString("spec")));
            results.add(expected);
            refused += expected == null ? 1 : 0;
            count++;
        }
        assertEquals(188, count);
        assertTrue(refused + " refused", 80 < refused && refused < 160);
        assertTrue(results.toString(), results.size() > 20);
    }

    @Test
    public void wrongEventsAreErrors() {
        assertEquals(
                "The spec's min_seconds is out of range: 61",
                error(", \"events\": {\"min_seconds\": 61}", "{}"));
        assertEquals(
                "The spec's close_probability is above its open_probability: 0.9 > 0.8",
                error(", \"events\": {\"close_probability\": 0.9}", "{}"));
        assertEquals(
                "The spec's events have an unknown rule: threshold",
                error(", \"events\": {\"threshold\": 0.5}", "{}"));
        assertEquals(
                "The spec's background has an unknown class: right",
                error(", \"background\": [\"right\"]", "{}"));
        assertTrue(error(", \"events\": 12", "{}").contains("cannot be read"));
        String deep = "[".repeat(100_000);
        assertTrue(error(", \"events\": " + deep, "{}").contains("cannot be read"));
        assertTrue(error(", \"background\": " + deep, "{}").contains("cannot be read"));
    }

    @Test
    public void readsThresholds() throws ModelException {
        assertArrayEquals(null, read("", "{}").thresholds(), 0);
        assertArrayEquals(
                new double[] {0.5, 0.5, 0.5},
                read(", \"multi_label\": true", "{}").thresholds(),
                0);
        String thresholds = ", \"multi_label\": true, \"thresholds\": [0.25, 1, %s]";
        assertArrayEquals(
                new double[] {0.25, 1, 0},
                read(String.format(thresholds, "0"), "{}").thresholds(),
                0);
        assertEquals(
                "The spec's thresholds are out of range: 1.5",
                error(String.format(thresholds, "1.5"), "{}"));
        assertEquals(
                "The spec has 1 thresholds for 3 classes",
                error(", \"multi_label\": true, \"thresholds\": [0.5]", "{}"));
        assertEquals(
                "The spec has events, which do not belong to a model with several classes per video",
                error(", \"multi_label\": true, \"events\": {}", "{}"));
    }

    @Test
    public void readsInterpolationAndCrop() throws ModelException {
        assertEquals(256, read("", "{}").input.shortSide());
        assertEquals(256, read(", \"interpolation\": \"bilinear\"", "{}").input.shortSide());
        assertEquals(256, read(", \"crop_pct\": null, \"interpolation\": null", "{}").input.shortSide());
        assertEquals(248, read(", \"crop_pct\": 0.9", "{}").input.shortSide());
        assertEquals(224, read(", \"crop_pct\": 1", "{}").input.shortSide());
    }

    private static final String DETECTOR =
            "{\"kind\": \"detector\", \"num_classes\": 2, \"labels\": [\"ring\", \"cross\"],"
                    + " \"method\": \"rfcn\", \"shift_mode\": \"unidirectional\","
                    + " \"input_height\": 96, \"input_width\": 128, \"max_detections\": 10,"
                    + " \"fps\": null}";

    private static ModelFile detector(String old, String replacement) throws ModelException {
        assertTrue(old, DETECTOR.contains(old));
        String spec = DETECTOR.replace(old, replacement);
        return new ModelFile(ByteBuffer.allocate(0), spec, "{\"variant\": \"float16\"}");
    }

    @Test
    public void readsDetectors() throws ModelException {
        ModelFile file = detector("null", "8.0");
        assertTrue(file.isDetector());
        assertEquals(96, file.input.height);
        assertEquals(128, file.input.width);
        assertEquals(10, file.maxDetections);
        assertEquals(Arrays.asList("ring", "cross"), file.labels);
        assertEquals(8, file.fps, 0);
        assertEquals("float16", file.variant);
        assertFalse(read("", "{}").isDetector());
    }

    @Test
    public void detectorsThatCannotStreamAreErrors() {
        String start = "This detector needs the frames that follow, so it cannot see a stream: its ";
        String[][] changes = {
            {"rfcn", "fgfa", start + "method is fgfa"},
            {"unidirectional", "bidirectional", start + "shift is bidirectional"},
            {"detector", "segmenter", "This app does not know this kind of model: segmenter"},
            {"10", "0", "The spec's max_detections is out of range: 0"},
            {"128", "9999", "The spec's input_width is out of range: 9999"},
            {"_classes\": 2", "_classes\": 3", "The spec has 2 labels for 3 classes"},
        };
        for (String[] change : changes) {
            ModelException error =
                    assertThrows(ModelException.class, () -> detector(change[0], change[1]));
            assertTrue(error.getMessage(), error.getMessage().startsWith(change[2]));
        }
    }

    @Test
    public void unknownInterpolationAndCropAreErrors() {
        assertEquals(
                "The model needs bicubic interpolation; this app supports only bilinear",
                error(", \"interpolation\": \"bicubic\"", "{}"));
        assertEquals(
                "The spec's crop_pct is out of range: 1.5", error(", \"crop_pct\": 1.5", "{}"));
        assertEquals(
                "The spec's crop_pct is out of range: 0.0", error(", \"crop_pct\": 0", "{}"));
        assertTrue(error(", \"crop_pct\": \"half\"", "{}").contains("cannot be read"));
    }
}
