package org.tsm.format;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * What a file may contain: the list {@code export/format/allowed_operators.json}, which Python
 * reads as well. {@code export/format/allowed.py} describes it.
 */
final class AllowedOperators {
    private static final int CUSTOM = 32; // only an Edge TPU has such an operator
    private static final Pattern SLOT = Pattern.compile("(=?)(\\w+?)(\\**)(\\?|\\.\\.\\.)?");
    private static final AllowedOperators LIST = new AllowedOperators();

    /** What an input or output may be. */
    static final class Slot {
        final ElementType type;
        final boolean constant;
        final int stars; // 0: without scales, 1: one scale, 2: one scale per channel
        final boolean optional;
        final boolean repeated;

        Slot(String text) {
            Matcher parts = SLOT.matcher(text);
            if (!parts.matches()) {
                throw new IllegalStateException(text);
            }
            constant = !parts.group(1).isEmpty();
            type = ElementType.valueOf(parts.group(2).toUpperCase(Locale.ROOT));
            stars = parts.group(3).length();
            optional = "?".equals(parts.group(4));
            repeated = "...".equals(parts.group(4));
        }

        /** Returns whether kernels use the values as sizes, axes or positions. */
        boolean isNumber() {
            return constant && type == ElementType.INT32 && stars == 0;
        }
    }

    /** The types that an operator's inputs and outputs may have together. */
    static final class Signature {
        final List<Slot> inputs;
        final List<Slot> outputs;

        Signature(String text) {
            String[] sides = text.split(" -> ");
            inputs = slots(sides[0]);
            outputs = slots(sides[1]);
        }

        private static List<Slot> slots(String side) {
            List<Slot> slots = new ArrayList<>();
            for (String item : side.split(", ")) {
                slots.add(new Slot(item));
            }
            return slots;
        }
    }

    /** A field of an operator's options: its type, default and values. */
    static final class Option {
        final String name;
        final String type;
        final double otherwise;
        private final List<Double> values = new ArrayList<>();
        private double smallest = 1;
        private double largest; // less than the smallest: no range

        Option(JSONArray option) throws JSONException {
            name = option.getString(0);
            type = option.getString(1);
            otherwise = option.getDouble(2);
            JSONObject range = option.optJSONObject(3);
            if (range != null) {
                smallest = range.getDouble("from");
                largest = range.getDouble("to");
                return;
            }
            JSONArray list = option.getJSONArray(3);
            for (int i = 0; i < list.length(); i++) {
                values.add(list.getDouble(i));
            }
        }

        boolean allows(double value) {
            return values.contains(value) || (smallest <= value && value <= largest);
        }
    }

    /** What the list says about one operator. */
    static final class Row {
        final String name;
        final int newestVersion;
        final int optionsType;
        final List<Option> options = new ArrayList<>(); // null: may not be present
        final List<Signature> tensors = new ArrayList<>();
        final String shape;
        final List<Integer> channelAxes = new ArrayList<>();
        final int broadcastRank;

        Row(String name, JSONObject row) throws JSONException {
            this.name = name;
            newestVersion = row.getInt("newest_version");
            optionsType = row.getInt("options_type");
            shape = row.getString("shape");
            broadcastRank = row.optInt("broadcast_rank", 4);

            JSONArray fields = row.getJSONArray("options");
            for (int i = 0; i < fields.length(); i++) {
                options.add(fields.isNull(i) ? null : new Option(fields.getJSONArray(i)));
            }
            JSONArray axes = row.optJSONArray("channel_axes");
            for (int i = 0; axes != null && i < axes.length(); i++) {
                channelAxes.add(axes.getInt(i));
            }
            JSONArray texts = row.getJSONArray("tensors");
            for (int i = 0; i < texts.length(); i++) {
                tensors.add(new Signature(texts.getString(i)));
            }
        }
    }

    private final Map<String, Double> limits = new HashMap<>();
    private final Map<String, List<Boolean>> fields = new HashMap<>();
    private final Map<Integer, Row> rows = new HashMap<>();

    private AllowedOperators() {
        try {
            JSONObject list = new JSONObject(AllowedOperatorsJson.TEXT);
            readLimits(list.getJSONObject("limits"));
            readFields(list.getJSONObject("fields"));
            readOperators(list.getJSONObject("operators"));
        } catch (JSONException error) {
            throw new IllegalStateException("the app's own list of operators", error);
        }
    }

    private void readLimits(JSONObject values) throws JSONException {
        for (Iterator<String> names = values.keys(); names.hasNext(); ) {
            String name = names.next();
            limits.put(name, values.getDouble(name));
        }
    }

    private void readFields(JSONObject tables) throws JSONException {
        for (Iterator<String> names = tables.keys(); names.hasNext(); ) {
            String name = names.next();
            JSONArray list = tables.getJSONArray(name);
            List<Boolean> allowed = new ArrayList<>();
            for (int i = 0; i < list.length(); i++) {
                allowed.add(!list.isNull(i));
            }
            fields.put(name, Collections.unmodifiableList(allowed));
        }
    }

    private void readOperators(JSONObject operators) throws JSONException {
        for (Iterator<String> names = operators.keys(); names.hasNext(); ) {
            String name = names.next();
            JSONObject row = operators.getJSONObject(name);
            if (row.getInt("code") != CUSTOM) {
                rows.put(row.getInt("code"), new Row(name, row));
            }
        }
    }

    static double limit(String name) {
        return LIST.limits.get(name);
    }

    /** Returns what the list says about an operator, or null if it does not have its code. */
    static Row row(int code) {
        return LIST.rows.get(code);
    }

    /** Checks that a table of the file has only fields that its kind may have. */
    static Table known(String kind, Table table) throws Damaged {
        List<Boolean> allowed = LIST.fields.get(kind);
        for (int field = 0; field < table.fields(); field++) {
            if (table.has(field) && !(field < allowed.size() && allowed.get(field))) {
                throw new Damaged("field %d of a %s, which this project never writes", field, kind);
            }
        }
        return table;
    }
}
