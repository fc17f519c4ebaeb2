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
    private static final String INTERPOLATION = "bilinear"; // ResizeAxis
    private static final double CROP = 0.875; // unless the spec says otherwise
    private static final int LARGEST_SIZE = 2048; // a larger size comes from a damaged spec

    /** The file's bytes, for the interpreter. */
    public final ByteBuffer content;

    /** Class names in the order of the logits; class numbers if the spec has no names. */
    public final List<String> labels;

    /** Height and width of a frame in pixels. */
    public final int inputSize;

    /** Length in pixels to which a frame's shorter side is resized before the centre crop. */
    public final int shortSide;

    /** Frames per second of the training clips; NaN if unknown. */
    public final double fps;

    /** {@code float32}, {@code float16}, {@code int8}, ... */
    public final String variant;

    /** When a gesture counts as an event. */
    public final EventRules events;

    /** Names of the classes in which nothing happens. */
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
            checkFrames(spec);
            int classes = inRange("num_classes", spec.getInt("num_classes"), 1, 1 << 20);
            inputSize = inRange("input_size", spec.getInt("input_size"), 1, LARGEST_SIZE);
            shortSide = (int) (inputSize / crop(spec));
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
