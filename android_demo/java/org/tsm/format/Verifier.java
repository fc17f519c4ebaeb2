package org.tsm.format;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Checks whether a {@code .tflite} file is safe to hand to an interpreter, as {@code
 * export/format/verify.py} does: interpreters trust a file, and read or write wherever it points.
 * Only what the exporter writes is allowed.
 */
public final class Verifier {
    private final Graph graph;
    private final Set<Integer> constants = new HashSet<>();

    private Verifier(Graph graph) {
        this.graph = graph;
    }

    /**
     * Checks a whole file.
     *
     * @throws Damaged if the file is damaged, or contains something that the exporter never writes
     */
    public static void check(ByteBuffer content) throws Damaged {
        try {
            new Verifier(new Graph(content)).check();
        } catch (ArithmeticException error) { // from multiplyExact
            throw new Damaged("sizes that are too large");
        }
    }

    private void check() throws Damaged {
        for (int i = 0; i < graph.tensors.size(); i++) {
            checkTensor(i, graph.tensors.get(i));
            if (graph.tensors.get(i).isConstant()) {
                constants.add(i);
            }
        }
        graph.checkInterface();
        checkOrder();
        checkOperators();
    }

    private static void checkTensor(int number, Graph.Tensor tensor) throws Damaged {
        boolean positive = true;
        for (int side : tensor.shape) {
            positive &= side >= 1;
        }
        if (!positive
                || tensor.shape.length > AllowedOperators.limit("rank")
                || tensor.bytes() > AllowedOperators.limit("live_bytes")) {
            String shape = Arrays.toString(tensor.shape);
            throw new Damaged("a tensor %d of the shape %s", number, shape);
        }

        int stored = tensor.stored.remaining();
        if (stored != 0 && stored != tensor.bytes()) {
            throw new Damaged(
                    "a tensor %d of %d bytes, %d of which are stored",
                    number, tensor.bytes(), stored);
        }
        if (tensor.stored.position() % tensor.type.bytes != 0) {
            throw new Damaged("a tensor %d that is not aligned", number);
        }
        checkScales(number, tensor);
    }

    private static void checkScales(int number, Graph.Tensor tensor) throws Damaged {
        if (tensor.scales.length != tensor.zeroPoints.length) {
            throw new Damaged("a tensor %d without a zero point for each scale", number);
        }
        // A multiplier is a ratio of scales in 32 bits: kernels abort if it is NaN or out of range.
        double smallest = AllowedOperators.limit("smallest_scale");
        double largest = AllowedOperators.limit("largest_scale");
        for (float scale : tensor.scales) {
            if (!(smallest <= scale && scale <= largest)) {
                throw new Damaged("a tensor %d with the scale %s", number, scale);
            }
        }
        for (long zeroPoint : tensor.zeroPoints) {
            if (zeroPoint < tensor.type.smallestZeroPoint
                    || zeroPoint > tensor.type.largestZeroPoint) {
                throw new Damaged("a tensor %d with the zero point %d", number, zeroPoint);
            }
        }
    }

    /**
     * Checks that tensors are written before they are read, and that each is written once.
     * Constants lie in the file, and are never written.
     */
    private void checkOrder() throws Damaged {
        Set<Integer> ready = graph.checked(graph.inputs, "an input");
        for (int constant : constants) {
            if (!ready.add(constant)) {
                throw new Damaged("an input that is a constant");
            }
        }
        if (graph.operators.size() > AllowedOperators.limit("operators")) {
            throw new Damaged("%d operators", graph.operators.size());
        }

        for (Graph.Operator operator : graph.operators) {
            for (int input : operator.inputs) {
                if (input != -1 && !ready.contains(input)) {
                    throw new Damaged("an operator that reads a tensor before it is written");
                }
            }
            Set<Integer> outputs = graph.checked(operator.outputs, "an operator's output");
            for (int output : outputs) {
                if (!ready.add(output)) {
                    throw new Damaged("an operator that overwrites a tensor");
                }
            }
        }
        if (!ready.containsAll(graph.checked(graph.outputs, "an output"))) {
            throw new Damaged("an output that is never written");
        }
    }

    /** Checks each operator, and that the memory and the time of a step are bounded. */
    private void checkOperators() throws Damaged {
        Map<Integer, Integer> lastUse = lastUse();
        Set<Integer> fixed = new HashSet<>(constants);
        Map<Integer, Integer> bounds = new HashMap<>();
        long live = 0;
        for (int input : graph.inputs) {
            live += graph.tensors.get(input).bytes();
        }
        Effort effort = new Effort();

        for (int number = 0; number < graph.operators.size(); number++) {
            Graph.Operator operator = graph.operators.get(number);
            AllowedOperators.Row row = AllowedOperators.row(operator.code);
            if (row == null) {
                throw new Damaged(
                        "an operator of the code %d, which this project never writes",
                        operator.code);
            }
            try {
                new OperatorCheck(operator, row, graph, fixed, bounds).check(effort);
            } catch (Damaged error) {
                throw new Damaged("an operator %s with %s", row.name, error.getMessage());
            }

            for (int output : operator.outputs) {
                live += graph.tensors.get(output).bytes();
            }
            effort.addLive(live);
            live -= released(number, lastUse);
        }
    }

    /** Returns the bytes that no operator reads after this one. */
    private long released(int number, Map<Integer, Integer> lastUse) throws Damaged {
        Graph.Operator operator = graph.operators.get(number);
        Set<Integer> tensors = graph.checked(operator.outputs, "an operator's output");
        for (int input : operator.inputs) {
            if (input >= 0 && !constants.contains(input)) {
                tensors.add(input);
            }
        }

        long bytes = 0;
        for (int tensor : tensors) {
            Integer last = lastUse.get(tensor);
            if (last == null || last <= number) {
                bytes += graph.tensors.get(tensor).bytes();
            }
        }
        return bytes;
    }

    /** Returns the last operator that reads each tensor; inputs and outputs are read after all. */
    private Map<Integer, Integer> lastUse() {
        Map<Integer, Integer> lastUse = new HashMap<>();
        for (int number = 0; number < graph.operators.size(); number++) {
            for (int input : graph.operators.get(number).inputs) {
                lastUse.put(input, number);
            }
        }
        for (int[] kept : new int[][] {graph.inputs, graph.outputs}) {
            for (int tensor : kept) {
                lastUse.put(tensor, graph.operators.size());
            }
        }
        return lastUse;
    }
}
