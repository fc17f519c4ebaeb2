package org.tsm.format;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/** The only graph of a file, with its signature, as {@code export/format/reader.py} reads it. */
final class Graph {
    private static final int VERSION = 3; // of the schema

    /** A tensor; a constant's bytes are in the file. */
    static final class Tensor {
        final int[] shape;
        final ElementType type;
        final ByteBuffer stored; // empty if the tensor is computed
        final float[] scales;
        final long[] zeroPoints;
        final int axis;

        Tensor(Table tensor, List<Table> buffers) throws Damaged {
            AllowedOperators.known("tensor", tensor);
            tensor.text(3);
            shape = tensor.ints(0);
            type = ElementType.of(tensor.uint8(1));
            stored = buffers.get(tensor.index(2, buffers.size(), "buffer")).bytes(0);

            Table quantization = tensor.table(4);
            scales = quantization == null ? new float[0] : quantization.floats(2);
            zeroPoints = quantization == null ? new long[0] : quantization.longs(3);
            axis = quantization == null ? 0 : quantization.int32(6, 0);
            if (quantization != null) {
                AllowedOperators.known("quantization", quantization);
            }
        }

        boolean isConstant() {
            return stored.hasRemaining();
        }

        /** Returns the size in memory. */
        long bytes() {
            return Math.multiplyExact(OperatorCall.product(shape), (long) type.bytes);
        }

        /** Returns the values of an int32 constant. */
        int[] values() {
            int[] values = new int[stored.remaining() / 4];
            for (int i = 0; i < values.length; i++) {
                values[i] = stored.getInt(stored.position() + 4 * i);
            }
            return values;
        }
    }

    /** An operator; inputs and outputs are tensor numbers, or -1 if an optional one is absent. */
    static final class Operator {
        final int code;
        final int version;
        final int[] inputs;
        final int[] outputs;
        final Table options; // null if there are none
        final int optionsType;

        Operator(Table operator, List<Table> codes) throws Damaged {
            AllowedOperators.known("operator", operator);
            Table kind = codes.get(operator.index(0, codes.size(), "operator code"));
            // Codes above 127 are in a newer field; the old field of one byte then holds 127.
            code = Math.max(kind.int8(0, 0), kind.int32(3, 0));
            version = kind.int32(2, 1);
            inputs = operator.ints(1);
            outputs = operator.ints(2);
            options = operator.table(4);
            optionsType = operator.uint8(3);
            if (operator.bytes(5).hasRemaining()) {
                throw new Damaged("an operator with custom options");
            }
        }
    }

    final List<Tensor> tensors = new ArrayList<>();
    final List<Operator> operators = new ArrayList<>();
    final int[] inputs;
    final int[] outputs;
    final Map<String, Integer> inputNames;
    final Map<String, Integer> outputNames;

    Graph(ByteBuffer content) throws Damaged {
        Table model = AllowedOperators.known("model", Table.root(content));
        List<Table> graphs = model.tables(2);
        List<Table> signatures = model.tables(7);
        int version = model.int32(0, 0);
        if (version != VERSION || graphs.size() != 1 || signatures.size() != 1) {
            throw new Damaged(
                    "schema version %d with %d graphs and %d signatures, not %d with one each",
                    version, graphs.size(), signatures.size(), VERSION);
        }

        model.text(3);
        List<Table> codes = operatorCodes(model);
        List<Table> buffers = buffers(model);
        Table graph = AllowedOperators.known("subgraph", graphs.get(0));
        graph.text(4); // interpreters read the name, so it must be valid
        for (Table tensor : graph.tables(0)) {
            tensors.add(new Tensor(tensor, buffers));
        }
        for (Table operator : graph.tables(3)) {
            operators.add(new Operator(operator, codes));
        }
        inputs = graph.ints(1);
        outputs = graph.ints(2);

        Table signature = AllowedOperators.known("signature", signatures.get(0));
        signature.text(2);
        inputNames = names(signature, 0);
        outputNames = names(signature, 1);
    }

    private static List<Table> operatorCodes(Table model) throws Damaged {
        List<Table> codes = model.tables(1);
        for (Table code : codes) {
            AllowedOperators.known("operator_code", code);
            if (!code.text(1).isEmpty()) {
                throw new Damaged("an operator with a custom code, which this app never runs");
            }
        }
        return codes;
    }

    /** Visits every buffer and its end: interpreters would read past the end of a short file. */
    private static List<Table> buffers(Table model) throws Damaged {
        List<Table> buffers = model.tables(4);
        for (Table buffer : buffers) {
            AllowedOperators.known("buffer", buffer).bytes(0);
        }
        for (Table entry : model.tables(6)) {
            AllowedOperators.known("metadata", entry).text(0);
            entry.index(1, buffers.size(), "buffer");
        }
        if (buffers.isEmpty() || buffers.get(0).bytes(0).hasRemaining()) {
            throw new Damaged("no empty first buffer, to which computed tensors refer");
        }
        return buffers;
    }

    private Map<String, Integer> names(Table signature, int field) throws Damaged {
        Map<String, Integer> names = new HashMap<>();
        for (Table entry : signature.tables(field)) {
            AllowedOperators.known("signature_entry", entry);
            names.put(entry.text(0), entry.index(1, tensors.size(), "the tensor of a signature"));
        }
        return names;
    }

    /** Returns numbers as a set, after checking that they are numbers of tensors. */
    HashSet<Integer> checked(int[] numbers, String what) throws Damaged {
        HashSet<Integer> set = new HashSet<>();
        for (int number : numbers) {
            if (number < 0 || number >= tensors.size()) {
                throw new Damaged("%s that is tensor %d of %d", what, number, tensors.size());
            }
            set.add(number);
        }
        return set;
    }

    /** Checks that the signature names the inputs and outputs, and that caches match. */
    void checkInterface() throws Damaged {
        HashSet<Integer> from = checked(inputs, "an input");
        HashSet<Integer> to = checked(outputs, "an output");
        // An output may occur twice: two caches may hold the same tensor.
        if (from.size() != inputs.length) {
            throw new Damaged("an input that occurs twice");
        }
        if (!from.equals(new HashSet<>(inputNames.values()))
                || !to.equals(new HashSet<>(outputNames.values()))) {
            throw new Damaged("a signature with other tensors than the graph's");
        }

        for (Map.Entry<String, Integer> input : inputNames.entrySet()) {
            Integer output = outputNames.get(input.getKey());
            if (output != null) {
                Tensor before = tensors.get(input.getValue());
                Tensor after = tensors.get(output);
                if (before.type != after.type || !Arrays.equals(before.shape, after.shape)) {
                    throw new Damaged("a cache %s that changes its shape", input.getKey());
                }
            }
        }
    }
}
