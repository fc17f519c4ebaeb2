package org.tsm.core;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
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
     * @throws ModelException if a number is out of range
     */
    static SmoothingRules read(JSONObject stream) throws JSONException, ModelException {
        SmoothingRules rules = SmoothingRules.DEFAULT;
        if (stream.isNull("smoothing")) {
            return rules;
        }

        JSONObject values = stream.getJSONObject("smoothing");
        return new SmoothingRules(
                steps(values, "averaged_steps", rules.averagedSteps, 1),
                steps(values, "refractory_steps", rules.refractorySteps, 0),
                keepLast(values),
                sameAs(values));
    }

    private static int steps(JSONObject values, String name, int absent, int smallest)
            throws JSONException, ModelException {
        int steps = values.isNull(name) ? absent : values.getInt(name);
        if (steps < smallest || steps > LARGEST_STEPS) {
            throw new ModelException("The file's " + name + " is out of range: " + steps);
        }
        return steps;
    }

    private static Set<String> keepLast(JSONObject values) throws JSONException {
        Set<String> classes = new HashSet<>();
        if (!values.isNull("keep_last")) {
            JSONArray names = values.getJSONArray("keep_last");
            for (int i = 0; i < names.length(); i++) {
                classes.add(names.getString(i));
            }
        }
        return classes;
    }

    private static Map<String, String> sameAs(JSONObject values) throws JSONException {
        Map<String, String> classes = new HashMap<>();
        if (!values.isNull("same_as")) {
            JSONObject pairs = values.getJSONObject("same_as");
            for (Iterator<String> names = pairs.keys(); names.hasNext(); ) {
                String name = names.next();
                classes.put(name, pairs.getString(name));
            }
        }
        return classes;
    }
}
