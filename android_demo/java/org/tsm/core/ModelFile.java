package org.tsm.core;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;
import org.tsm.format.Checksum;
import org.tsm.format.Damaged;
import org.tsm.format.Verifier;

/**
 * An online model's file, with what its exporter wrote into it: the spec ({@code ModelSpec}), the
 * initial caches. The spec includes the event rules.
 */
public final class ModelFile {
    private static final String SPEC = "TSM_SPEC";
    private static final String STREAM = "TSM_STREAM";
    private static final String CHECKSUM = "TSM_CRC32";
    private static final String KIND = "kind";
    private static final String DETECTOR = "detector";
    private static final String STREAMING = "rfcn"; // the detectors that need no later frames
    private static final String INTERPOLATION = "bilinear"; // ResizeAxis
    private static final double CROP = 0.875; // unless the spec says otherwise
    private static final int LARGEST_SIZE = 4096; // a larger size comes from a damaged spec
    private static final int MOST_DETECTIONS = 10_000;

    /** The file's bytes, for the interpreter. */
    public final ByteBuffer content;

    /** Class names in the order of the classes; class numbers if the spec has no names. */
    public final List<String> labels;

    /** The size of the model's image, and how a frame gets there. */
    public final InputFrame input;

    /** The number of objects that a detector can find in a frame; 0 for classifiers. */
    public final int maxDetections;

    /** Frames per second of the training clips; NaN if unknown. */
    public final double fps;

    /** {@code float32}, {@code float16}, {@code int8}, ... */
    public final String variant;

    /** When a gesture counts as an event; detectors have none. */
    public final EventRules events;

    /** Names of the classes in which nothing happens; detectors have none. */
    public final Set<String> background;

    private final double[] thresholds; // null unless videos may have several classes
    private final Map<String, Integer> initialCaches;

    /**
     * Reads a file, after checking that an interpreter can run it safely.
     *
     * @param content a direct buffer with the whole file, which must not change afterwards
     * @throws ModelException if this is not an online TSM for RGB frames, exported by this project
     *     and unchanged since then; the message gives the reason
     */
    public ModelFile(ByteBuffer content) throws ModelException {
        this(content, verified(content));
    }

    private ModelFile(ByteBuffer content, ModelMetadata metadata) throws ModelException {
        this(content, metadata.text(SPEC), metadata.text(STREAM));
    }

    /** Reads the texts of a file that has been checked. */
    ModelFile(ByteBuffer content, String specText, String streamText) throws ModelException {
        this.content = content;
        try {
            JSONObject spec = new JSONObject(specText);
            boolean isDetector = isDetector(spec);
            int classes = inRange("num_classes", spec, 1, 1 << 20);
            if (isDetector) {
                checkStreamable(spec);
                input =
                        InputFrame.fitted(
                                inRange("input_height", spec, 1, LARGEST_SIZE),
                                inRange("input_width", spec, 1, LARGEST_SIZE));
                maxDetections = inRange("max_detections", spec, 1, MOST_DETECTIONS);
            } else {
                checkFrames(spec);
                int size = inRange("input_size", spec, 1, LARGEST_SIZE);
                input = InputFrame.cropped(size, (int) (size / crop(spec)));
                maxDetections = 0;
            }
            fps = fps(spec);
            labels = labels(spec, classes);
            thresholds = MultiLabelJson.thresholds(spec, classes);
            events = EventsJson.rules(spec);
            background =
                    EventsJson.background(
                            spec,
                            spec.isNull("labels") ? Collections.<String>emptyList() : labels);

            JSONObject stream = new JSONObject(streamText == null ? "{}" : streamText);
            variant = stream.optString("variant", "float32");
            initialCaches = initialCaches(stream.optJSONObject("start"));
        } catch (StackOverflowError error) { // a JSON text with very many brackets
            throw new ModelException("The file's spec cannot be read");
        } catch (JSONException error) {
            throw new ModelException("The file's spec cannot be read: " + error.getMessage());
        }
    }

    /** Returns whether the model finds boxes, instead of classifying a stream. */
    public boolean isDetector() {
        return maxDetections > 0;
    }

    /**
     * Returns for each class the probability from which on it is present, or null if a video has
     * one class only.
     */
    public double[] thresholds() {
        return thresholds == null ? null : thresholds.clone();
    }

    /** Returns the value of every element of a cache before the first frame, in its own type. */
    public int initialCache(String cache) {
        Integer value = initialCaches.get(cache);
        return value == null ? 0 : value;
    }

    /** Returns the entries of a file that an interpreter can run safely. */
    static ModelMetadata verified(ByteBuffer content) throws ModelException {
        ModelMetadata metadata = new ModelMetadata(content);
        ByteBuffer checksum = metadata.bytes(CHECKSUM);
        if (metadata.bytes(SPEC) == null || checksum == null) {
            throw new ModelException("This file was not exported by this project: it has no spec");
        }
        if (!Checksum.matches(content, checksum)) {
            throw new ModelException(
                    "This file is damaged, or another tool changed it: its checksum differs");
        }
        try {
            Verifier.check(content);
        } catch (Damaged error) {
            throw new ModelException(
                    "This file is not safe to run. It has " + error.getMessage());
        }
        return metadata;
    }

    /** Returns whether a spec is that of a detector; classifiers have no kind. */
    private static boolean isDetector(JSONObject spec) throws JSONException, ModelException {
        String kind = spec.isNull(KIND) ? null : spec.getString(KIND);
        if (kind != null && !kind.equals(DETECTOR)) {
            throw new ModelException("This app does not know this kind of model: " + kind);
        }
        return kind != null;
    }

    private static void checkStreamable(JSONObject spec) throws JSONException, ModelException {
        String method = spec.getString("method");
        String shift = spec.getString("shift_mode");
        if (!method.equals(STREAMING) || shift.equals("bidirectional")) {
            throw new ModelException(
                    "This detector needs the frames that follow, so it cannot see a stream: its "
                            + (method.equals(STREAMING) ? "shift is " + shift : "method is " + method));
        }
    }

    private static int inRange(String name, JSONObject spec, int smallest, int largest)
            throws JSONException, ModelException {
        return inRange(name, spec.getInt(name), smallest, largest);
    }

    private static int inRange(String name, int value, int smallest, int largest)
            throws ModelException {
        if (value < smallest || value > largest) {
            throw new ModelException("The spec's " + name + " is out of range: " + value);
        }
        return value;
    }

    private static void checkFrames(JSONObject spec) throws JSONException, ModelException {
        String modality = spec.getString("modality");
        if (!modality.equals("rgb")) {
            throw new ModelException("The model needs " + modality + " input, not RGB frames");
        }

        String interpolation =
                spec.isNull("interpolation") ? INTERPOLATION : spec.getString("interpolation");
        if (!interpolation.equals(INTERPOLATION)) {
            throw new ModelException(
                    "The model needs " + interpolation + " interpolation; this app supports only "
                            + INTERPOLATION);
        }
    }

    private static double crop(JSONObject spec) throws JSONException, ModelException {
        double crop = spec.isNull("crop_pct") ? CROP : spec.getDouble("crop_pct");
        if (!(crop > 0 && crop <= 1)) {
            throw new ModelException("The spec's crop_pct is out of range: " + crop);
        }
        return crop;
    }

    private static double fps(JSONObject spec) throws JSONException, ModelException {
        double fps = spec.isNull("fps") ? Double.NaN : spec.getDouble("fps");
        if (fps <= 0 || Double.isInfinite(fps)) {
            throw new ModelException("The spec's fps is not a positive number: " + fps);
        }
        return fps;
    }

    private static List<String> labels(JSONObject spec, int classes)
            throws JSONException, ModelException {
        JSONArray names = spec.isNull("labels") ? null : spec.getJSONArray("labels");
        if (names != null && names.length() != classes) {
            throw new ModelException(
                    "The spec has " + names.length() + " labels for " + classes + " classes");
        }

        List<String> labels = new ArrayList<>();
        for (int i = 0; i < classes; i++) {
            labels.add(names == null ? Integer.toString(i) : names.getString(i));
        }
        return Collections.unmodifiableList(labels);
    }

    private static Map<String, Integer> initialCaches(JSONObject values)
            throws JSONException, ModelException {
        Map<String, Integer> caches = new HashMap<>();
        if (values != null) {
            for (Iterator<String> names = values.keys(); names.hasNext(); ) {
                String name = names.next();
                caches.put(name, inRange(name, values.getInt(name), Byte.MIN_VALUE, 255));
            }
        }
        return caches;
    }
}
