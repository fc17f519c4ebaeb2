package org.tsm.format;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Checks one operator with its row, as {@code export/format/check_operator.py} does. */
final class OperatorCheck {
    private static final int SCALE_BITS = 20;

    private final Graph.Operator operator;
    private final AllowedOperators.Row row;
    private final Graph graph;
    private final Set<Integer> fixed;
    private final Map<Integer, Integer> bounds;

    /**
     * Prepares the check of an operator, whose tensors exist.
     *
     * @param fixed the tensors that count as constants; results of constants are added
     * @param bounds for tensors that hold positions from 0, the number below which they are; those
     *     of the operator's results are added
     */
    OperatorCheck(
            Graph.Operator operator,
            AllowedOperators.Row row,
            Graph graph,
            Set<Integer> fixed,
            Map<Integer, Integer> bounds) {
        this.operator = operator;
        this.row = row;
        this.graph = graph;
        this.fixed = fixed;
        this.bounds = bounds;
    }

    void check(Effort effort) throws Damaged {
        if (operator.version < 1 || operator.version > row.newestVersion) {
            throw new Damaged("the version %d", operator.version);
        }

        Map<String, Double> options = readOptions();
        List<AllowedOperators.Slot> slots = matchTensors();
        Graph.Tensor result = graph.tensors.get(operator.outputs[0]);
        OperatorCall call = call(slots, options, result);
        long[] shape = new OperatorShapes(call).result();
        if (!Arrays.equals(shape, OperatorCall.widened(result.shape))) {
            throw new Damaged(
                    "a result of the shape %s instead of %s",
                    Arrays.toString(result.shape), Arrays.toString(shape));
        }
        if ((row.name.equals("ADD") || row.name.equals("SUB")) && result.scales.length > 0) {
            checkSum(result);
        }
        checkPositions(call);
        addEffort(effort, call);
    }

    private OperatorCall call(
            List<AllowedOperators.Slot> slots, Map<String, Double> options, Graph.Tensor result) {
        List<int[]> shapes = new ArrayList<>();
        Map<Integer, int[]> constants = new HashMap<>();
        for (int input : operator.inputs) {
            if (input >= 0) {
                if (slots.get(Math.min(shapes.size(), slots.size() - 1)).isNumber()) {
                    constants.put(shapes.size(), graph.tensors.get(input).values());
                }
                shapes.add(graph.tensors.get(input).shape);
            }
        }
        List<int[]> others = new ArrayList<>();
        for (int i = 1; i < operator.outputs.length; i++) {
            others.add(graph.tensors.get(operator.outputs[i]).shape);
        }
        return new OperatorCall(
                row.shape, shapes, constants, options, result.shape, row.broadcastRank, others);
    }

    /** Reads the options; each must have a value that the row allows. */
    private Map<String, Double> readOptions() throws Damaged {
        Table table = operator.options;
        if (operator.optionsType != row.optionsType || (table != null) != (row.optionsType != 0)) {
            throw new Damaged("options of the type %d", operator.optionsType);
        }

        Map<String, Double> options = new HashMap<>();
        for (int field = 0; field < row.options.size(); field++) {
            AllowedOperators.Option option = row.options.get(field);
            if (option != null) {
                double value = read(table, field, option);
                if (!option.allows(value)) {
                    throw new Damaged("the %s %s", option.name.replace('_', ' '), value);
                }
                options.put(option.name, value);
            }
        }

        for (int field = 0; table != null && field < table.fields(); field++) {
            boolean known = field < row.options.size() && row.options.get(field) != null;
            if (table.has(field) && !known) {
                throw new Damaged("the option %d", field);
            }
        }
        return options;
    }

    private static double read(Table table, int field, AllowedOperators.Option option)
            throws Damaged {
        if (!table.has(field)) {
            return option.otherwise;
        }
        switch (option.type) {
            case "int8":
                return table.int8(field, 0);
            case "bool":
                return table.uint8(field);
            case "int32":
                return table.int32(field, 0);
            case "float32":
                return table.float32(field, 0);
            default:
                throw new IllegalStateException(option.type);
        }
    }

    /** Compares the tensors with the row's patterns; returns those of the inputs. */
    private List<AllowedOperators.Slot> matchTensors() throws Damaged {
        for (AllowedOperators.Signature pattern : row.tensors) {
            if (fits(pattern.inputs, operator.inputs) && fits(pattern.outputs, operator.outputs)) {
                boolean constant = true;
                for (int input : operator.inputs) {
                    constant &= fixed.contains(input);
                }
                if (constant && !row.name.equals("DEQUANTIZE")) {
                    throw new Damaged("constants only");
                }
                if (constant) { // weights
                    fixed.add(operator.outputs[0]);
                }
                return pattern.inputs;
            }
        }
        throw new Damaged("tensors of other types, constants or scales than this project writes");
    }

    private boolean fits(List<AllowedOperators.Slot> slots, int[] tensors) {
        boolean repeated = slots.get(0).repeated;
        int count = repeated ? Math.max(tensors.length, 1) : slots.size();
        if (tensors.length > count) {
            return false;
        }
        for (int i = 0; i < count; i++) {
            AllowedOperators.Slot slot = slots.get(repeated ? 0 : i);
            int tensor = i < tensors.length ? tensors[i] : -1;
            if (tensor < 0 ? !slot.optional : !hasForm(tensor, slot)) {
                return false;
            }
        }
        return true;
    }

    private boolean hasForm(int number, AllowedOperators.Slot slot) {
        Graph.Tensor tensor = graph.tensors.get(number);
        if (tensor.type != slot.type || (slot.constant && !fixed.contains(number))) {
            return false;
        }
        if (slot.stars < 2) {
            return tensor.scales.length == slot.stars && tensor.axis == 0;
        }
        int axis = tensor.axis;
        boolean isChannelAxis = tensor.shape.length > 1 ? row.channelAxes.contains(axis) : axis == 0;
        boolean perChannel =
                isChannelAxis
                        && axis < tensor.shape.length
                        && tensor.shape[axis] == tensor.scales.length;
        for (long zeroPoint : tensor.zeroPoints) {
            perChannel &= zeroPoint == 0;
        }
        return perChannel;
    }

    /** Kernels for 8 bits compute with 20 more bits, and abort the process if it is not enough. */
    private void checkSum(Graph.Tensor result) throws Damaged {
        for (int input : operator.inputs) {
            double scale = graph.tensors.get(input).scales[0];
            if (2 * scale >= (1 << SCALE_BITS) * (double) result.scales[0]) {
                throw new Damaged("a result whose scale is too small");
            }
        }
    }

    /**
     * Checks that positions that an operator reads at lie inside its input. Not every runtime checks
     * them. Only these operators make integers, and none computes with them.
     */
    private void checkPositions(OperatorCall call) throws Damaged {
        switch (row.shape) {
            case "gather":
                Integer bound = bounds.get(operator.inputs[1]);
                if (bound == null || bound > call.shape(0)[0]) {
                    throw new Damaged("positions that may be outside its input");
                }
                break;
            case "top_k":
                int[] source = graph.tensors.get(operator.inputs[0]).shape;
                bounds.put(operator.outputs[1], source[source.length - 1]);
                break;
            case "non_max_suppression":
                bounds.put(operator.outputs[0], (int) call.shape(0)[0]);
                break;
            default:
        }
    }

    private void addEffort(Effort effort, OperatorCall call) throws Damaged {
        int source = operator.inputs[row.shape.equals("transpose_conv") ? 2 : 0];
        effort.addWork(call, graph.tensors.get(source).type.bytes);

        Set<Integer> inputs = new HashSet<>();
        for (int input : operator.inputs) {
            if (fixed.contains(input) && inputs.add(input)) {
                effort.addConstants(graph.tensors.get(input).bytes());
            }
        }
        for (int output : operator.outputs) {
            effort.addWritten(graph.tensors.get(output).bytes());
        }
    }
}
