package org.tsm.format;

import static org.tsm.format.OperatorCall.product;

/** What operators need at most. The list of allowed operators has the limits. */
final class Effort {
    private static final long COMPARISONS = 30; // per element, to find the largest ones
    private static final long OVERLAP = 16; // operations that the overlap of two boxes takes

    private long constantBytes;
    private long writtenBytes;
    private long multiplyAdds;

    /** Adds the size of the tensors that are in memory at the same time. */
    void addLive(long bytes) throws Damaged {
        bound("live_bytes", bytes);
    }

    /** Adds the constants that an operator reads. */
    void addConstants(long bytes) throws Damaged {
        constantBytes = bound("constant_bytes", Math.addExact(constantBytes, bytes));
    }

    /** Adds an operator's results. */
    void addWritten(long bytes) throws Damaged {
        writtenBytes = bound("written_bytes", Math.addExact(writtenBytes, bytes));
    }

    /**
     * Adds the multiply-adds and the patches of an operator.
     *
     * @param elementBytes size of an element of its input
     */
    void addWork(OperatorCall call, int elementBytes) throws Damaged {
        multiplyAdds = bound("multiply_adds", Math.addExact(multiplyAdds, multiplyAdds(call)));
        bound("patch_bytes", Math.multiplyExact(patches(call), (long) elementBytes));
    }

    private static long bound(String limit, long value) throws Damaged {
        if (value > AllowedOperators.limit(limit)) {
            throw new Damaged("%d %s, which is too much", value, limit.replace('_', ' '));
        }
        return value;
    }

    /**
     * Returns the multiply-adds of convolutions, matrix products and pools, and the steps that
     * select boxes.
     */
    private static long multiplyAdds(OperatorCall call) {
        long size = product(call.result);
        switch (call.rule) {
            case "conv":
                return Math.multiplyExact(size, product(call.shape(1)) / call.shape(1)[0]);
            case "transpose_conv":
                return Math.multiplyExact(patches(call), call.shape(2)[3]);
            case "depthwise_conv":
                return Math.multiplyExact(size, call.shape(1)[1] * call.shape(1)[2]);
            case "pool":
                return Math.multiplyExact(size, call.option("filter_w") * call.option("filter_h"));
            case "fully_connected":
                return Math.multiplyExact(size, call.shape(1)[1]);
            case "batch_matmul":
                int rank = call.shape(0).length;
                int depth = call.option("adj_x") == 1 ? rank - 2 : rank - 1;
                return Math.multiplyExact(size, call.shape(0)[depth]);
            case "top_k":
                return Math.multiplyExact(product(call.shape(0)), COMPARISONS);
            case "non_max_suppression":
                return Math.multiplyExact(call.shape(0)[0], COMPARISONS + size * OVERLAP);
            default:
                return 0;
        }
    }

    /** Returns the elements of the patches into which a convolution may unfold its input. */
    private static long patches(OperatorCall call) {
        switch (call.rule) {
            case "conv":
                return multiplyAdds(call) / call.result[3];
            case "transpose_conv":
                long pixels = product(call.shape(2)) / call.shape(2)[3];
                return Math.multiplyExact(pixels, product(call.shape(1)) / call.shape(1)[3]);
            default:
                return 0;
        }
    }
}
