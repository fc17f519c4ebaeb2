package org.tensorflow.lite;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Replaces the phone's interpreter, whose library cannot be loaded here. It has the methods that
 * the app uses, and a test compares them with the real ones. It records all inputs. The outputs are
 * {@link #logits} or {@link #detections}, and each new cache is the old one with 1 added to every
 * byte.
 */
public final class Interpreter implements AutoCloseable {
    public static final Map<String, FakeTensor> INPUTS = new LinkedHashMap<>();
    public static final Map<String, FakeTensor> OUTPUTS = new LinkedHashMap<>();

    /** All interpreters, oldest first. */
    public static final List<Interpreter> MADE = new CopyOnWriteArrayList<>();

    /** The logits of the next frames. */
    public static volatile float[] logits = {};

    /** A detector's outputs for the next frames, by name. */
    public static volatile Map<String, float[]> detections = new HashMap<>();

    /** Thrown by the next {@link #runSignature} call, if not null. */
    public static volatile RuntimeException failure;

    public final ByteBuffer model;
    public final Options options;

    /** The bytes of each input of each frame. */
    public final List<Map<String, byte[]>> frames = new CopyOnWriteArrayList<>();

    public volatile boolean closed;

    /** The real interpreter's options, as fields. */
    public static class Options {
        public int threads;
        public Boolean xnnpack;

        public Options setNumThreads(int count) {
            threads = count;
            return this;
        }

        public Options setUseXNNPACK(boolean use) {
            xnnpack = use;
            return this;
        }
    }

    public Interpreter(ByteBuffer model, Options options) {
        if (!model.isDirect() || model.order() != ByteOrder.nativeOrder()) {
            throw new IllegalArgumentException(
                    "Model ByteBuffer should be a direct ByteBuffer in native order");
        }
        this.model = model;
        this.options = options;
        MADE.add(this);
    }

    /** Describes the tensors of an online float classifier. */
    public static void describe(int size, int classes, int caches) {
        describeInputs(size, size, caches);
        OUTPUTS.put("logits", new FakeTensor(DataType.FLOAT32, 1, classes));
        logits = new float[classes];
    }

    /** Describes the tensors of an online float detector. */
    public static void describeDetector(int height, int width, int most, int caches) {
        describeInputs(height, width, caches);
        OUTPUTS.put("boxes", new FakeTensor(DataType.FLOAT32, 1, most, 4));
        OUTPUTS.put("classes", new FakeTensor(DataType.FLOAT32, 1, most));
        OUTPUTS.put("scores", new FakeTensor(DataType.FLOAT32, 1, most));
        OUTPUTS.put("count", new FakeTensor(DataType.FLOAT32, 1));
    }

    private static void describeInputs(int height, int width, int caches) {
        MADE.clear();
        INPUTS.clear();
        OUTPUTS.clear();
        INPUTS.put("image", new FakeTensor(DataType.FLOAT32, 1, height, width, 3));
        for (int i = 0; i < caches; i++) {
            String name = String.format("shift_%02d", i);
            INPUTS.put(name, new FakeTensor(DataType.FLOAT32, 1, 2, 2, i + 1));
            OUTPUTS.put(name, new FakeTensor(DataType.FLOAT32, 1, 2, 2, i + 1));
        }
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

    public void runSignature(
            Map<String, Object> inputs, Map<String, Object> outputs, String signature) {
        boolean isKnown =
                inputs.keySet().equals(INPUTS.keySet())
                        && OUTPUTS.keySet().containsAll(outputs.keySet());
        if (closed || !isKnown) {
            throw new IllegalArgumentException(
                    "closed " + closed + ": " + inputs.keySet() + " to " + outputs.keySet());
        }
        if (failure != null) {
            throw failure;
        }

        Map<String, byte[]> frame = new HashMap<>();
        for (Map.Entry<String, Object> input : inputs.entrySet()) {
            String name = input.getKey();
            frame.put(name, read((ByteBuffer) input.getValue(), INPUTS.get(name)));
        }
        frames.add(frame);

        for (Map.Entry<String, Object> output : outputs.entrySet()) {
            String name = output.getKey();
            float[] result = name.equals("logits") ? logits : detections.get(name);
            write((ByteBuffer) output.getValue(), OUTPUTS.get(name), frame.get(name), result);
        }
    }

    private static byte[] read(ByteBuffer buffer, FakeTensor tensor) {
        check(buffer, tensor);
        byte[] bytes = new byte[buffer.capacity()];
        ByteBuffer view = buffer.duplicate();
        view.rewind();
        view.get(bytes);
        return bytes;
    }

    /** Moves the position, as the real one does, so that a buffer that is not rewound overflows. */
    private static void write(
            ByteBuffer buffer, FakeTensor tensor, byte[] cache, float[] result) {
        check(buffer, tensor);
        if (cache == null) {
            for (float value : result) {
                buffer.putFloat(value);
            }
            return;
        }
        for (byte value : cache) {
            buffer.put((byte) (value + 1));
        }
    }

    private static void check(ByteBuffer buffer, FakeTensor tensor) {
        boolean fits =
                buffer.isDirect()
                        && buffer.order() == ByteOrder.nativeOrder()
                        && buffer.capacity() == tensor.numBytes();
        if (!fits) {
            throw new IllegalArgumentException(
                    "Cannot copy " + buffer + " to a tensor with " + tensor.numBytes() + " bytes");
        }
    }

    @Override
    public void close() {
        closed = true;
    }
}
