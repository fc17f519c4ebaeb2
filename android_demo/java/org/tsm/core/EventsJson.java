package org.tsm.core;

import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Reads the event rules and the background classes from a spec, as strictly as Python does. */
final class EventsJson {
    /** The background classes of a spec that names none, as in {@code tsm_tf/spec.py}. */
    private static final List<String> DEFAULT_BACKGROUND =
            Arrays.asList("No gesture", "Doing other things");

    private static final Set<String> RULES =
            new HashSet<>(
                    Arrays.asList(
                            "smoothing_seconds",
                            "open_probability",
                            "close_probability",
                            "min_seconds",
                            "refractory_seconds"));
    private static final double LARGEST_SECONDS = 60;

    private EventsJson() {}

    /**
     * Returns the event rules of a spec, or the default rules if it has none.
     *
     * @throws ModelException if a rule is unknown, not a number, or out of range
     */
    static EventRules rules(JSONObject spec) throws JSONException, ModelException {
        EventRules rules = EventRules.DEFAULT;
        if (spec.isNull("events")) {
            return rules;
        }

        JSONObject values = spec.getJSONObject("events");
        for (Iterator<String> names = values.keys(); names.hasNext(); ) {
            String name = names.next();
            if (!RULES.contains(name)) {
                throw new ModelException("The spec's events have an unknown rule: " + name);
            }
        }

        double open = number(values, "open_probability", rules.openProbability, 1);
        double close = number(values, "close_probability", rules.closeProbability, 1);
        if (close > open) {
            throw new ModelException(
                    "The spec's close_probability is above its open_probability: "
                            + close
                            + " > "
                            + open);
        }
        return new EventRules(
                number(values, "smoothing_seconds", rules.smoothingSeconds, LARGEST_SECONDS),
                open,
                close,
                number(values, "min_seconds", rules.minSeconds, LARGEST_SECONDS),
                number(values, "refractory_seconds", rules.refractorySeconds, LARGEST_SECONDS));
    }

    private static double number(JSONObject values, String name, double absent, double largest)
            throws JSONException, ModelException {
        if (!values.has(name)) {
            return absent;
        }
        Object value = values.get(name); // getDouble would also take text
        double number = value instanceof Number ? ((Number) value).doubleValue() : Double.NaN;
        if (!(number >= 0 && number <= largest)) {
            throw new ModelException("The spec's " + name + " is out of range: " + value);
        }
        return number;
    }

    /**
     * Returns the names of the classes in which nothing happens.
     *
     * @param labels the spec's class names; empty if it has none
     * @throws ModelException if a background class is not among the labels
     */
    static Set<String> background(JSONObject spec, List<String> labels)
            throws JSONException, ModelException {
        Set<String> background = new HashSet<>();
        if (spec.isNull("background")) {
            background.addAll(DEFAULT_BACKGROUND);
            background.retainAll(labels);
            return Collections.unmodifiableSet(background);
        }

        Set<String> known = new HashSet<>(labels);
        JSONArray names = spec.getJSONArray("background");
        for (int i = 0; i < names.length(); i++) {
            Object name = names.get(i);
            if (!(name instanceof String) || !known.contains(name)) {
                throw new ModelException("The spec's background has an unknown class: " + name);
            }
            background.add((String) name);
        }
        return Collections.unmodifiableSet(background);
    }
}
