package org.tsm.format;

import static org.tsm.format.OperatorCall.require;
import static org.tsm.format.OperatorCall.widened;

import java.util.Arrays;

/** The rules of {@link OperatorShapes} for convolutions and pools. */
final class WindowShapes {
    private final OperatorCall call;

    WindowShapes(OperatorCall call) {
        this.call = call;
    }

    long[] conv() throws Damaged {
        long[] source = call.image(0);
        long[] filters = call.image(1);
        long groups = source[3] / filters[3];
        boolean fits = source[3] == groups * filters[3];
        require(fits && groups > 0 && filters[0] % groups == 0, "filters of another depth");
        call.checkBias(2, filters[0]);
        return new long[] {
            source[0],
            windows(source[1], filters[1], "h"),
            windows(source[2], filters[2], "w"),
            filters[0],
        };
    }

    long[] depthwiseConv() throws Damaged {
        long[] source = call.image(0);
        long[] filters = call.image(1);
        boolean fits = filters[3] == source[3] * call.option("depth_multiplier");
        require(filters[0] == 1 && fits, "filters of another depth");
        call.checkBias(2, filters[3]);
        return new long[] {
            source[0],
            windows(source[1], filters[1], "h"),
            windows(source[2], filters[2], "w"),
            filters[3],
        };
    }

    long[] transposeConv() throws Damaged {
        require(Arrays.equals(call.shape(0), new long[] {4}), "a wrong shape of its output");
        long[] shape = widened(call.values(0));
        for (long side : shape) {
            require(side >= 1, "a wrong shape of its output");
        }
        long[] filters = call.image(1);
        long[] source = call.image(2);
        require(filters[3] == source[3] && shape[0] == source[0], "filters of another depth");
        require(shape[3] == filters[0], "another number of filters than channels");
        require(windows(shape[1], filters[1], "h") == source[1], "another height");
        require(windows(shape[2], filters[2], "w") == source[2], "another width");
        call.checkBias(3, filters[0]);
        return shape;
    }

    long[] pool() throws Damaged {
        long[] source = call.image(0);
        return new long[] {
            source[0],
            windows(source[1], call.option("filter_h"), "h"),
            windows(source[2], call.option("filter_w"), "w"),
            source[3],
        };
    }

    /** Returns the number of windows along the height ({@code h}) or width ({@code w}). */
    private long windows(long size, long kernel, String side) {
        long stride = call.option("stride_" + side);
        if (call.option("padding") == 0) { // SAME
            return Math.floorDiv(size + stride - 1, stride);
        }
        String dilation = "dilation_" + side;
        long reach = (kernel - 1) * (call.has(dilation) ? call.option(dilation) : 1);
        return Math.floorDiv(size - reach - 1, stride) + 1;
    }
}
