package org.tensorflow.lite;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Stands in the place of the phone's interpreter, whose library this machine cannot load, with those of its methods that
 * the app uses (a test holds them to the real ones). Records what it is given, buffer by buffer; the logits are {@link
 * #logits}, and the new caches are the old ones with 1 added to each byte.
 */
public final class Interpreter implements AutoCloseable {
    public static final Map<String, FakeTensor> INPUTS = new LinkedHashMap<>();
    public static final Map<String, FakeTensor> OUTPUTS = new LinkedHashMap<>();

    /** Every interpreter that was made. */
    public static final List<Interpreter> MADE = new CopyOnWriteArrayList<>();

    /** What the next frames give. */
    public static volatile float[] logits = {};

    /** Thrown by the next {@link #runSignature}, if not null. */
    public static volatile RuntimeException failure;

    public final ByteBuffer model;
    public final Options options;

    /** The bytes of each input of each frame. */
    public final List<Map<String, byte[]>> frames = new CopyOnWriteArrayList<>();

    public volatile boolean closed;

    /** As the real one's. */
    public static class Options {
        public int threads;
        public Boolean xnnpack;
        public final List<Delegate> delegates = new ArrayList<>();

        public Options setNumThreads(int count) {
            threads = count;
            return this;
        }

        public Options setUseXNNPACK(boolean use) {
            xnnpack = use;
            return this;
        }

        public Options addDelegate(Delegate delegate) {
            delegates.add(delegate);
            return this;
        }
    }

    public Interpreter(ByteBuffer model, Options options) {
        if (!model.isDirect() || model.order() != ByteOrder.nativeOrder()) {
            throw new IllegalArgumentException("Model ByteBuffer should be a direct ByteBuffer in native order");
        }
        this.model = model;
        this.options = options;
        MADE.add(this);
    }

    /** Describes the tensors of an online model of floats. */
    public static void describe(int size, int classes, int caches) {
        MADE.clear();
        INPUTS.clear();
        OUTPUTS.clear();
        INPUTS.put("image", new FakeTensor(DataType.FLOAT32, 1, size, size, 3));
        OUTPUTS.put("logits", new FakeTensor(DataType.FLOAT32, 1, classes));
        for (int i = 0; i < caches; i++) {
            String name = String.format("shift_%02d", i);
            INPUTS.put(name, new FakeTensor(DataType.FLOAT32, 1, 2, 2, i + 1));
            OUTPUTS.put(name, new FakeTensor(DataType.FLOAT32, 1, 2, 2, i + 1));
        }
        logits = new float[classes];
        failure = null;
    }

    public String[] getSignatureKeys() {
        return new String[] {"serving_default"};
    }

    public String[] getSignatureInputs(String signature) {
        return INPUTS.keySet().toArray(new String[0]);
    }

    public String[] getSignatureOutputs(String signature) {
        return OUTPUTS.keySet().toArray(new String[0]);
    }

    public Tensor getInputTensorFromSignature(String name, String signature) {
        return INPUTS.get(name);
    }

    public Tensor getOutputTensorFromSignature(String name, String signature) {
        return OUTPUTS.get(name);
    }

    public void runSignature(Map<String, Object> inputs, Map<String, Object> outputs, String signature) {
        if (closed || !inputs.keySet().equals(INPUTS.keySet()) || !OUTPUTS.keySet().containsAll(outputs.keySet())) {
            throw new IllegalArgumentException("closed " + closed + ": " + inputs.keySet() + " to " + outputs.keySet());
        }
        if (failure != null) {
            throw failure;
        }
        Map<String, byte[]> frame = new HashMap<>();
        inputs.forEach((name, buffer) -> frame.put(name, read((ByteBuffer) buffer, INPUTS.get(name))));
        frames.add(frame);
        outputs.forEach((name, buffer) -> write((ByteBuffer) buffer, OUTPUTS.get(name), frame.get(name)));
    }

    private static byte[] read(ByteBuffer buffer, FakeTensor tensor) {
        check(buffer, tensor);
        byte[] bytes = new byte[buffer.capacity()];
        ByteBuffer view = buffer.duplicate();
        view.rewind();
        view.get(bytes);
        return bytes;
    }

    /** Puts, as the real one does: the position moves, and a buffer that was not rewound overflows. */
    private static void write(ByteBuffer buffer, FakeTensor tensor, byte[] cache) {
        check(buffer, tensor);
        if (cache == null) {
            for (float logit : logits) {
                buffer.putFloat(logit);
            }
            return;
        }
        for (byte value : cache) {
            buffer.put((byte) (value + 1));
        }
    }

    private static void check(ByteBuffer buffer, FakeTensor tensor) {
        if (!buffer.isDirect() || buffer.order() != ByteOrder.nativeOrder() || buffer.capacity() != tensor.numBytes()) {
            throw new IllegalArgumentException("Cannot copy " + buffer + " to a tensor with " + tensor.numBytes() + " bytes");
        }
    }

    @Override
    public void close() {
        closed = true;
    }
}
