package org.tsm.core;

import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Reads from a spec whether videos may have several classes, as strictly as Python does. */
final class MultiLabelJson {
    private static final double DEFAULT_THRESHOLD = 0.5; // as in tsm_tf/spec.py

    private MultiLabelJson() {}

    /**
     * Returns the threshold of each class, or null for a model with one class per video.
     *
     * @throws ModelException if a field is of another type or out of range, or does not go together
     *     with another one
     */
    static double[] thresholds(JSONObject spec, int classes) throws JSONException, ModelException {
        Object multiLabel = spec.has("multi_label") ? spec.get("multi_label") : Boolean.FALSE;
        if (!(multiLabel instanceof Boolean)) {
            throw new ModelException(
                    "The spec's multi_label is neither true nor false: " + multiLabel);
        }
        if (!(Boolean) multiLabel) {
            checkAbsent(spec, "thresholds", "a model with one class per video");
            return null;
        }

        checkAbsent(spec, "background", "a model with several classes per video");
        checkAbsent(spec, "events", "a model with several classes per video");
        return numbers(spec, classes);
    }

    private static void checkAbsent(JSONObject spec, String name, String model)
            throws ModelException {
        if (!spec.isNull(name)) {
            throw new ModelException("The spec has " + name + ", which do not belong to " + model);
        }
    }

    private static double[] numbers(JSONObject spec, int classes)
            throws JSONException, ModelException {
        JSONArray values = spec.isNull("thresholds") ? null : spec.getJSONArray("thresholds");
        if (values != null && values.length() != classes) {
            throw new ModelException(
                    "The spec has " + values.length() + " thresholds for " + classes + " classes");
        }

        double[] thresholds = new double[classes];
        for (int i = 0; i < classes; i++) {
            Object value = values == null ? (Object) DEFAULT_THRESHOLD : values.get(i);
            double number = value instanceof Number ? ((Number) value).doubleValue() : Double.NaN;
            if (!(number >= 0 && number <= 1)) {
                throw new ModelException("The spec's thresholds are out of range: " + value);
            }
            thresholds[i] = number;
        }
        return thresholds;
    }
}
