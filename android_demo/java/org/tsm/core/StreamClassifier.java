package org.tsm.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * An online TSM with the state of one stream; the counterpart of {@code StreamRunner} in {@code
 * export/runtime}. For each frame, fill {@link #image} and call {@link #step}. Not thread-safe.
 *
 * <p>Each cache has two buffers, which swap roles after every frame, so that nothing is copied or
 * allocated.
 */
public final class StreamClassifier implements AutoCloseable {
    private static final String IMAGE = "image";
    private static final String LOGITS = "logits";

    public final ModelFile file;
    public final ImageTensor image;
    private final FrameModel model;
    private final TensorType logitsType;
    private final ByteBuffer logitsBytes;
    private final float[] logits;
    private Map<String, ByteBuffer> inputs = new LinkedHashMap<>();
    private Map<String, ByteBuffer> outputs = new LinkedHashMap<>();
    private Map<String, ByteBuffer> nextInputs = new LinkedHashMap<>();
    private Map<String, ByteBuffer> nextOutputs = new LinkedHashMap<>();

    /**
     * Takes ownership of an interpreter: {@link #close} closes it.
     *
     * @throws ModelException if its tensors are not those of an online TSM
     */
    public StreamClassifier(ModelFile file, FrameModel model) throws ModelException {
        this.file = file;
        this.model = model;
        Map<String, TensorType> caches = checkedCaches(file, model);

        image = new ImageTensor(model.inputs().get(IMAGE), file.inputSize);
        logitsType = model.outputs().get(LOGITS);
        logitsBytes = direct(logitsType);
        logits = new float[file.labels.size()];

        for (Map<String, ByteBuffer> map : Arrays.asList(inputs, nextInputs)) {
            map.put(IMAGE, image.bytes);
        }
        for (Map<String, ByteBuffer> map : Arrays.asList(outputs, nextOutputs)) {
            map.put(LOGITS, logitsBytes);
        }

        for (Map.Entry<String, TensorType> cache : caches.entrySet()) {
            ByteBuffer one = direct(cache.getValue());
            ByteBuffer other = direct(cache.getValue());
            inputs.put(cache.getKey(), one);
            outputs.put(cache.getKey(), other);
            nextInputs.put(cache.getKey(), other);
            nextOutputs.put(cache.getKey(), one);
        }
        reset();
    }

    /**
     * Computes the frame in {@link #image} as the next one of the stream.
     *
     * @return one logit per class; the next call overwrites this array
     */
    public float[] step() {
        model.run(inputs, outputs);

        Map<String, ByteBuffer> swap = inputs;
        inputs = nextInputs;
        nextInputs = swap;
        swap = outputs;
        outputs = nextOutputs;
        nextOutputs = swap;

        for (int i = 0; i < logits.length; i++) {
            logits[i] = logit(i);
        }
        return logits;
    }

    /** Forgets the stream: the next frame is a first frame. */
    public void reset() {
        for (Map.Entry<String, ByteBuffer> input : inputs.entrySet()) {
            if (input.getKey().equals(IMAGE)) {
                continue;
            }
            ByteBuffer cache = input.getValue();
            // Floats start at 0, which is all zero bytes.
            byte start = (byte) file.initialCache(input.getKey());
            for (int i = 0; i < cache.capacity(); i++) {
                cache.put(i, start);
            }
        }
    }

    /** Returns a cache that the next frame reads; for tests. */
    ByteBuffer cache(String name) {
        return inputs.get(name).asReadOnlyBuffer().order(ByteOrder.nativeOrder());
    }

    /** Returns the names of the caches; for tests. */
    Set<String> cacheNames() {
        Set<String> names = new HashSet<>(inputs.keySet());
        names.remove(IMAGE);
        return names;
    }

    @Override
    public void close() {
        model.close();
    }

    private float logit(int i) {
        switch (logitsType.element) {
            case FLOAT32:
                return logitsBytes.getFloat(4 * i);
            case INT8:
                return logitsType.scale * (logitsBytes.get(i) - logitsType.zeroPoint);
            default:
                return logitsType.scale * ((logitsBytes.get(i) & 0xFF) - logitsType.zeroPoint);
        }
    }

    /** Returns the caches' types by name, after checking all tensors. */
    private static Map<String, TensorType> checkedCaches(ModelFile file, FrameModel model)
            throws ModelException {
        Map<String, TensorType> caches = new LinkedHashMap<>(model.inputs());
        Map<String, TensorType> newCaches = new LinkedHashMap<>(model.outputs());
        TensorType image = caches.remove(IMAGE);
        TensorType logits = newCaches.remove(LOGITS);
        if (image == null || logits == null || !caches.keySet().equals(newCaches.keySet())) {
            throw new ModelException("This is not an online model; export it with --online");
        }

        if (image.shape().length != 4 || image.shape()[0] != 1) {
            throw new ModelException(
                    "The model does not take one frame at a time; export it with --online, "
                            + "without --streams and --frames_per_step");
        }
        int size = file.inputSize;
        checkShape(IMAGE, image, 1, size, size, ImageTensor.CHANNELS);
        checkShape(LOGITS, logits, 1, file.labels.size());
        for (Map.Entry<String, TensorType> cache : caches.entrySet()) {
            String name = cache.getKey();
            checkCache(name, cache.getValue(), newCaches.get(name), file.initialCache(name));
        }
        return caches;
    }

    private static void checkShape(String name, TensorType tensor, int... expected)
            throws ModelException {
        if (!Arrays.equals(tensor.shape(), expected)) {
            throw new ModelException(
                    "The tensor "
                            + name
                            + " must have the shape "
                            + Arrays.toString(expected)
                            + "; it has "
                            + Arrays.toString(tensor.shape()));
        }
    }

    private static void checkCache(String name, TensorType input, TensorType output, int initial)
            throws ModelException {
        boolean sameType =
                output.element == input.element
                        && output.scale == input.scale
                        && output.zeroPoint == input.zeroPoint;
        if (!sameType || !Arrays.equals(output.shape(), input.shape())) {
            throw new ModelException("The cache " + name + " cannot be fed back into its input");
        }
        if (input.element == TensorType.Element.FLOAT32 && initial != 0) {
            throw new ModelException(
                    "The float cache " + name + " must start at 0; it starts at " + initial);
        }
    }

    private static ByteBuffer direct(TensorType type) {
        return ByteBuffer.allocateDirect(type.bytes()).order(ByteOrder.nativeOrder());
    }
}
