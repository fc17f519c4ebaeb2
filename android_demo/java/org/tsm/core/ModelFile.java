package org.tsm.core;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** An online model's file and what its exporter wrote into it: the spec ({@code ModelSpec}) and how a stream begins. */
public final class ModelFile {
    private static final String SPEC = "TSM_SPEC";
    private static final String STREAM = "TSM_STREAM";
    private static final int LARGEST_SIZE = 2048; // a frame of more pixels is no camera's, but a damaged spec's

    /** The file's bytes, for the interpreter. */
    public final ByteBuffer content;

    /** Class names in the order of the logits; their numbers where the spec has none. */
    public final List<String> labels;

    /** Height and width of a frame in pixels. */
    public final int inputSize;

    /** Frames per second that the model was trained on; NaN if unknown. */
    public final double fps;

    /** {@code float32}, {@code float16}, {@code int8}, ... */
    public final String variant;

    private final Map<String, Integer> start;

    /**
     * Reads a file.
     *
     * @param content a direct buffer with the whole file
     * @throws ModelException not an online TSM for RGB frames that this project exported, with the reason
     */
    public ModelFile(ByteBuffer content) throws ModelException {
        this.content = content;
        ModelMetadata metadata = new ModelMetadata(content);
        String specText = metadata.text(SPEC);
        if (specText == null) {
            throw new ModelException("Not exported by this project: no spec inside");
        }
        String streamText = metadata.text(STREAM);
        try {
            JSONObject spec = new JSONObject(specText);
            if (!spec.getString("modality").equals("rgb")) {
                throw new ModelException("The model takes " + spec.getString("modality") + ", not RGB frames");
            }
            int classes = inRange("num_classes", spec.getInt("num_classes"), 1, 1 << 20);
            inputSize = inRange("input_size", spec.getInt("input_size"), 1, LARGEST_SIZE);
            fps = spec.isNull("fps") ? Double.NaN : spec.getDouble("fps");
            if (fps <= 0 || Double.isInfinite(fps)) {
                throw new ModelException("The spec's fps is not positive: " + fps);
            }
            labels = labels(spec, classes);
            JSONObject stream = new JSONObject(streamText == null ? "{}" : streamText);
            variant = stream.optString("variant", "float32");
            start = start(stream.optJSONObject("start"));
        } catch (JSONException error) {
            throw new ModelException("The spec inside cannot be read: " + error.getMessage());
        }
    }

    /** Returns what every element of a cache is before the first frame, in the cache's own type. */
    public int start(String cache) {
        Integer value = start.get(cache);
        return value == null ? 0 : value;
    }

    private static int inRange(String name, int value, int smallest, int largest) throws ModelException {
        if (value < smallest || value > largest) {
            throw new ModelException("The spec's " + name + " is out of range: " + value);
        }
        return value;
    }

    private static List<String> labels(JSONObject spec, int classes) throws JSONException, ModelException {
        JSONArray names = spec.isNull("labels") ? null : spec.getJSONArray("labels");
        if (names != null && names.length() != classes) {
            throw new ModelException("The spec has " + names.length() + " labels for " + classes + " classes");
        }
        List<String> labels = new ArrayList<>();
        for (int i = 0; i < classes; i++) {
            labels.add(names == null ? Integer.toString(i) : names.getString(i));
        }
        return Collections.unmodifiableList(labels);
    }

    private static Map<String, Integer> start(JSONObject values) throws JSONException, ModelException {
        Map<String, Integer> start = new HashMap<>();
        if (values != null) {
            for (Iterator<String> names = values.keys(); names.hasNext(); ) {
                String name = names.next();
                start.put(name, inRange(name, values.getInt(name), Byte.MIN_VALUE, 255));
            }
        }
        return start;
    }
}
