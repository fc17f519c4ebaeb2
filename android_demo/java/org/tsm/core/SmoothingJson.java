package org.tsm.core;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Reads the smoothing rules from a file's metadata. */
final class SmoothingJson {
    private static final int LARGEST_STEPS = 1000;

    private SmoothingJson() {}

    /**
     * Returns the rules in {@code TSM_STREAM}, or the default rules if it has none.
     *
     * @throws ModelException if a number is out of range, or a class is not in the labels
     */
    static SmoothingRules read(JSONObject stream, List<String> labels)
            throws JSONException, ModelException {
        SmoothingRules rules = SmoothingRules.DEFAULT;
        if (stream.isNull("smoothing")) {
            return rules;
        }

        JSONObject values = stream.getJSONObject("smoothing");
        return new SmoothingRules(
                steps(values, "averaged_steps", rules.averagedSteps, 1),
                steps(values, "refractory_steps", rules.refractorySteps, 0),
                keepLast(values, labels),
                sameAs(values, labels));
    }

    private static int steps(JSONObject values, String name, int absent, int smallest)
            throws JSONException, ModelException {
        int steps = values.isNull(name) ? absent : values.getInt(name);
        if (steps < smallest || steps > LARGEST_STEPS) {
            throw new ModelException("The file's " + name + " is out of range: " + steps);
        }
        return steps;
    }

    private static Set<String> keepLast(JSONObject values, List<String> labels)
            throws JSONException, ModelException {
        Set<String> classes = new HashSet<>();
        if (!values.isNull("keep_last")) {
            JSONArray names = values.getJSONArray("keep_last");
            for (int i = 0; i < names.length(); i++) {
                classes.add(known(names.getString(i), labels));
            }
        }
        return classes;
    }

    private static Map<String, String> sameAs(JSONObject values, List<String> labels)
            throws JSONException, ModelException {
        Map<String, String> classes = new HashMap<>();
        if (!values.isNull("same_as")) {
            JSONObject pairs = values.getJSONObject("same_as");
            for (Iterator<String> names = pairs.keys(); names.hasNext(); ) {
                String name = names.next();
                classes.put(known(name, labels), known(pairs.getString(name), labels));
            }
        }
        return classes;
    }

    private static String known(String name, List<String> labels) throws ModelException {
        if (!labels.contains(name)) {
            throw new ModelException("The file's smoothing names an unknown class: " + name);
        }
        return name;
    }
}
