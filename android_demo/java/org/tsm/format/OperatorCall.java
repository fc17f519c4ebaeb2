package org.tsm.format;

import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** An operator as the rule for its result sees it: shapes, constants and options. */
final class OperatorCall {
    private static final int IMAGE_RANK = 4;

    final String rule;
    private final List<int[]> shapes;
    private final Map<Integer, int[]> constants;
    private final Map<String, Double> options;
    final int[] result;
    final int broadcastRank;
    final List<int[]> others;

    /**
     * Describes an operator.
     *
     * @param rule the name of its rule in the list of allowed operators
     * @param shapes shapes of the inputs that are present
     * @param constants values of the integer constants among them, by position
     * @param options values of the options
     * @param result the shape that the file gives to the output
     * @param broadcastRank most dimensions of inputs that are broadcast
     * @param others the shapes that the file gives to further outputs
     */
    OperatorCall(
            String rule,
            List<int[]> shapes,
            Map<Integer, int[]> constants,
            Map<String, Double> options,
            int[] result,
            int broadcastRank,
            List<int[]> others) {
        this.rule = rule;
        this.shapes = shapes;
        this.constants = constants;
        this.options = options;
        this.result = result;
        this.broadcastRank = broadcastRank;
        this.others = others;
    }

    boolean has(String option) {
        return options.containsKey(option);
    }

    /** Returns the number of inputs that are present. */
    int inputs() {
        return shapes.size();
    }

    /** Returns the shape of an input, which must have four dimensions. */
    long[] image(int position) throws Damaged {
        require(shape(position).length == IMAGE_RANK, "an image without 4 dimensions");
        return shape(position);
    }

    /** Checks the shape of an input that may be absent. */
    void checkBias(int position, long units) throws Damaged {
        boolean fits =
                shapes.size() <= position || Arrays.equals(shape(position), new long[] {units});
        require(fits, "a bias of another size");
    }

    /** Returns a copy of the shape of an input. */
    long[] shape(int position) {
        return widened(shapes.get(position));
    }

    /** Returns a copy of the shape of an output after the first. */
    long[] other(int position) {
        return widened(others.get(position));
    }

    /** Returns the values of an input that is an integer constant. */
    int[] values(int position) {
        return constants.get(position);
    }

    long option(String name) {
        return options.get(name).longValue();
    }

    /** Throws an error unless a condition holds. */
    static void require(boolean condition, String what) throws Damaged {
        if (!condition) {
            throw new Damaged(what);
        }
    }

    static long[] widened(int[] shape) {
        long[] result = new long[shape.length];
        for (int i = 0; i < shape.length; i++) {
            result[i] = shape[i];
        }
        return result;
    }

    static long product(int[] shape) {
        return product(widened(shape));
    }

    static long product(long[] shape) {
        long product = 1;
        for (long side : shape) {
            product = Math.multiplyExact(product, side);
        }
        return product;
    }
}
