package org.tsm.format;

import static org.tsm.format.OperatorCall.product;
import static org.tsm.format.OperatorCall.require;
import static org.tsm.format.OperatorCall.widened;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The shape of an operator's result, computed from its inputs, options and constants, as {@code
 * export/format/shapes.py} does. Kernels assume most of these rules without checking them.
 */
final class OperatorShapes {
    private static final int SLOPES_RANK = 4;

    private final OperatorCall call;

    OperatorShapes(OperatorCall call) {
        this.call = call;
    }

    /** Returns the shape that the result must have. */
    long[] result() throws Damaged {
        switch (call.rule) {
            case "same":
                return call.shape(0);
            case "broadcast":
                return broadcast();
            case "prelu":
                return prelu();
            case "conv":
                return new WindowShapes(call).conv();
            case "depthwise_conv":
                return new WindowShapes(call).depthwiseConv();
            case "transpose_conv":
                return new WindowShapes(call).transposeConv();
            case "pool":
                return new WindowShapes(call).pool();
            case "fully_connected":
                return fullyConnected();
            case "batch_matmul":
                return batchMatmul();
            case "gather":
                return gather();
            case "top_k":
                return topK();
            case "non_max_suppression":
                return nonMaxSuppression();
            case "unpack":
                return unpack();
            case "concatenation":
                return concatenation();
            case "reduce":
                return reduce();
            case "reverse":
                require(Arrays.equals(call.shape(1), new long[] {1}), "more than one axis");
                axes();
                return call.shape(0);
            case "transpose":
                return transpose();
            case "pad":
                return pad();
            case "tile":
                return tile();
            case "slice":
                return slice();
            case "strided_slice":
                return stridedSlice();
            case "reshape":
                return reshape();
            case "resize_bilinear":
                return resizeBilinear();
            default:
                throw new IllegalStateException(call.rule);
        }
    }

    private long[] broadcast() throws Damaged {
        long[] first = call.shape(0);
        long[] second = call.shape(1);
        boolean simple =
                Arrays.equals(first, second) || product(first) == 1 || product(second) == 1;
        int rank = Math.max(first.length, second.length);
        require(simple || rank <= call.broadcastRank, "shapes that differ in many dimensions");
        return broadcast(first, second);
    }

    private static long[] broadcast(long[] first, long[] second) throws Damaged {
        long[] result = new long[Math.max(first.length, second.length)];
        for (int i = 1; i <= result.length; i++) {
            long one = i <= first.length ? first[first.length - i] : 1;
            long other = i <= second.length ? second[second.length - i] : 1;
            require(one == other || one == 1 || other == 1, "inputs whose shapes differ");
            result[result.length - i] = Math.max(one, other);
        }
        return result;
    }

    private long[] prelu() throws Damaged {
        long[] source = call.shape(0);
        boolean fits = Arrays.equals(broadcast(source, call.shape(1)), source);
        require(source.length <= SLOPES_RANK && fits, "too many slopes");
        return source;
    }

    private long[] fullyConnected() throws Damaged {
        long[] source = call.shape(0);
        long[] weights = call.shape(1);
        require(weights.length == 2 && source.length > 0, "weights that are not a matrix");
        call.checkBias(2, weights[0]);
        if (call.option("keep_num_dims") == 1) {
            require(source[source.length - 1] == weights[1], "weights of another depth");
            source[source.length - 1] = weights[0];
            return source;
        }
        require(product(source) % weights[1] == 0, "weights of another depth");
        return new long[] {product(source) / weights[1], weights[0]};
    }

    private long[] batchMatmul() throws Damaged {
        long[] left = call.shape(0);
        long[] right = call.shape(1);
        int rank = left.length;
        require(rank >= 2 && right.length == rank, "matrices with other dimensions");
        int turned = (int) call.option("adj_x");
        int otherTurned = (int) call.option("adj_y");
        boolean fits = left[rank - 1 - turned] == right[rank - 2 + otherTurned];
        for (int i = 0; i < rank - 2; i++) {
            fits &= left[i] == right[i];
        }
        require(fits, "matrices that do not fit");

        long[] result = left.clone();
        result[rank - 2] = left[rank - 2 + turned];
        result[rank - 1] = right[rank - 1 - otherTurned];
        return result;
    }

    private long[] concatenation() throws Damaged {
        long[] result = call.shape(0);
        int axis = axis(call.option("axis"), result.length);
        for (int source = 1; source < call.inputs(); source++) {
            long[] next = call.shape(source);
            require(next.length == result.length, "inputs with other dimensions");
            for (int i = 0; i < next.length; i++) {
                require(i == axis || next[i] == result[i], "inputs whose shapes differ");
            }
            result[axis] += next[axis];
        }
        return result;
    }

    private static int axis(long axis, int rank) throws Damaged {
        require(-rank <= axis && axis < rank, "an axis outside its input");
        return (int) (axis < 0 ? axis + rank : axis);
    }

    private Set<Integer> axes() throws Damaged {
        int[] values = call.values(1);
        Set<Integer> axes = new HashSet<>();
        for (int value : values) {
            axes.add(axis(value, call.shape(0).length));
        }
        require(values.length > 0 && axes.size() == values.length, "axes that are not distinct");
        return axes;
    }

    private long[] reduce() throws Damaged {
        require(call.shape(1).length <= 1, "axes that are not a list");
        Set<Integer> axes = axes();
        boolean keep = call.option("keep_dims") == 1;
        List<Long> result = new ArrayList<>();
        for (int i = 0; i < call.shape(0).length; i++) {
            if (!axes.contains(i)) {
                result.add(call.shape(0)[i]);
            } else if (keep) {
                result.add(1L);
            }
        }

        long[] shape = new long[result.size()];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = result.get(i);
        }
        return shape;
    }

    private long[] transpose() throws Damaged {
        long[] source = call.shape(0);
        require(Arrays.equals(call.shape(1), new long[] {source.length}), "another number of axes");
        int[] axes = call.values(1);
        int[] sorted = axes.clone();
        Arrays.sort(sorted);
        for (int i = 0; i < sorted.length; i++) {
            require(sorted[i] == i, "axes that are no permutation");
        }

        long[] result = new long[axes.length];
        for (int i = 0; i < axes.length; i++) {
            result[i] = source[axes[i]];
        }
        return result;
    }

    private long[] pad() throws Damaged {
        long[] result = call.shape(0);
        require(Arrays.equals(call.shape(1), new long[] {result.length, 2}), "other paddings");
        int[] paddings = call.values(1);
        for (int i = 0; i < paddings.length; i++) {
            require(paddings[i] >= 0, "a negative padding");
            result[i / 2] += paddings[i];
        }
        return result;
    }

    private long[] tile() throws Damaged {
        long[] result = call.shape(0);
        int[] repetitions = perDimension(1);
        for (int i = 0; i < result.length; i++) {
            require(repetitions[i] >= 1, "a number of repetitions below 1");
            result[i] *= repetitions[i];
        }
        return result;
    }

    /** Returns the values of a constant with one value per dimension. */
    private int[] perDimension(int position) throws Damaged {
        long[] expected = {call.shape(0).length};
        require(Arrays.equals(call.shape(position), expected), "another number of dimensions");
        return call.values(position);
    }

    private long[] slice() throws Damaged {
        long[] result = call.shape(0);
        int[] starts = perDimension(1);
        int[] sizes = perDimension(2);
        for (int i = 0; i < result.length; i++) {
            long size = sizes[i] == -1 ? result[i] - starts[i] : sizes[i];
            boolean inside = starts[i] >= 0 && size > 0 && starts[i] + size <= result[i];
            require(inside, "a part outside its input");
            result[i] = size;
        }
        return result;
    }

    private long[] stridedSlice() throws Damaged {
        long[] result = call.shape(0);
        int[] begins = perDimension(1);
        int[] ends = perDimension(2);
        int[] strides = perDimension(3);
        int kept = 0;
        for (int i = 0; i < result.length; i++) {
            long masks = call.option("begin_mask") | call.option("end_mask");
            if ((call.option("shrink_axis_mask") >> i & 1) == 1) {
                // one position, without the dimension
                boolean inside = begins[i] >= 0 && begins[i] < result[i] && strides[i] == 1;
                boolean single = ends[i] == begins[i] + 1 && (masks >> i & 1) == 0;
                require(inside && single, "a position outside its input");
                continue;
            }
            boolean fromStart = (call.option("begin_mask") >> i & 1) == 1;
            boolean toEnd = (call.option("end_mask") >> i & 1) == 1;
            long begin = fromStart ? 0 : position(begins[i], result[i]);
            long end = toEnd ? result[i] : position(ends[i], result[i]);
            require(strides[i] >= 1, "a stride below 1");
            result[kept++] = Math.max(0, Math.floorDiv(end - begin - 1, (long) strides[i]) + 1);
        }
        return Arrays.copyOf(result, kept);
    }

    /** Returns a position that may count from the end, as in Python. */
    private static long position(long at, long length) {
        return Math.max(0, Math.min(length, at < 0 ? at + length : at));
    }

    private long[] reshape() throws Damaged {
        int[] wanted = call.values(1);
        boolean fits = call.shape(1).length == 1 && wanted.length == call.result.length;
        int open = 0;
        for (int i = 0; fits && i < wanted.length; i++) {
            open += wanted[i] == -1 ? 1 : 0;
            fits = wanted[i] == -1 || wanted[i] == call.result[i];
        }
        require(fits && open <= 1, "another shape");
        require(product(call.shape(0)) == product(call.result), "another size than its input");
        return widened(call.result);
    }

    private long[] gather() throws Damaged {
        long[] source = call.shape(0);
        long[] indices = call.shape(1);
        require(source.length > 0, "a source without dimensions");
        long[] result = Arrays.copyOf(indices, indices.length + source.length - 1);
        System.arraycopy(source, 1, result, indices.length, source.length - 1);
        return result;
    }

    private long[] topK() throws Damaged {
        long[] result = call.shape(0);
        boolean single = result.length > 0 && call.shape(1).length == 0;
        require(single, "more than one number of values");
        int count = call.values(1)[0];
        // With as many as there are, kernels sort in a way that a NaN leads outside the input.
        require(count >= 1 && count < result[result.length - 1], "a wrong number of values");
        result[result.length - 1] = count;
        boolean fits = call.others.size() == 1 && Arrays.equals(call.other(0), result);
        require(fits, "positions of another shape than the values");
        return result;
    }

    private long[] nonMaxSuppression() throws Damaged {
        long[] boxes = call.shape(0);
        long[] scores = call.shape(1);
        boolean fits = scores.length == 1 && Arrays.equals(boxes, new long[] {scores[0], 4});
        require(fits, "boxes that do not fit the scores");
        require(call.inputs() == 5, "other settings");
        for (int setting = 2; setting < 5; setting++) {
            require(call.shape(setting).length == 0, "settings that are not single");
        }
        require(call.others.size() == 1 && call.other(0).length == 0, "a count that is not single");
        require(call.values(2)[0] >= 1, "no boxes to select");
        return new long[] {call.values(2)[0]};
    }

    private long[] unpack() throws Damaged {
        long[] source = call.shape(0);
        int axis = axis(call.option("axis"), source.length);
        long[] result = new long[source.length - 1];
        System.arraycopy(source, 0, result, 0, axis);
        System.arraycopy(source, axis + 1, result, axis, result.length - axis);
        int count = 1 + call.others.size();
        require(source[axis] == count && call.option("num") == count, "a wrong number of parts");
        for (int i = 0; i < call.others.size(); i++) {
            require(Arrays.equals(call.other(i), result), "parts whose shapes differ");
        }
        return result;
    }

    private long[] resizeBilinear() throws Damaged {
        long[] source = call.image(0);
        require(Arrays.equals(call.shape(1), new long[] {2}), "another number of sizes");
        int[] sizes = call.values(1);
        return new long[] {source[0], sizes[0], sizes[1], source[3]};
    }
}
