package org.tsm.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * An online model with the state of one stream; the counterpart of {@code StreamRunner} in {@code
 * export/runtime}. For each frame, fill {@link #image} and call {@link #run}. Not thread-safe.
 *
 * <p>Each cache has two buffers, which swap roles after every frame, so that nothing is copied or
 * allocated.
 */
public abstract class StreamModel implements AutoCloseable {
    private static final String IMAGE = "image";

    public final ModelFile file;
    public final ImageTensor image;
    private final FrameModel model;
    private Map<String, ByteBuffer> inputs = new LinkedHashMap<>();
    private Map<String, ByteBuffer> outputs = new LinkedHashMap<>();
    private Map<String, ByteBuffer> nextInputs = new LinkedHashMap<>();
    private Map<String, ByteBuffer> nextOutputs = new LinkedHashMap<>();

    /**
     * Takes ownership of an interpreter: {@link #close} closes it.
     *
     * @param results the names and shapes of the outputs that are no caches
     * @throws ModelException if its tensors are not those of an online model
     */
    StreamModel(ModelFile file, FrameModel model, Map<String, int[]> results)
            throws ModelException {
        this.file = file;
        this.model = model;
        Map<String, TensorType> caches = checkedCaches(file, model, results);

        image = new ImageTensor(model.inputs().get(IMAGE), file.input);
        for (Map<String, ByteBuffer> map : Arrays.asList(inputs, nextInputs)) {
            map.put(IMAGE, image.bytes);
        }
        for (String result : results.keySet()) {
            ByteBuffer bytes = direct(model.outputs().get(result));
            outputs.put(result, bytes);
            nextOutputs.put(result, bytes);
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
     * Returns the model of a file, of either kind.
     *
     * @throws ModelException if the interpreter's tensors are not those of an online model
     */
    public static StreamModel of(ModelFile file, FrameModel model) throws ModelException {
        return file.isDetector() ? new StreamDetector(file, model)
                : new StreamClassifier(file, model);
    }

    /** Computes the frame in {@link #image} as the next one of the stream. */
    public void run() {
        model.run(inputs, outputs);

        Map<String, ByteBuffer> swap = inputs;
        inputs = nextInputs;
        nextInputs = swap;
        swap = outputs;
        outputs = nextOutputs;
        nextOutputs = swap;
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

    /** Returns the buffer of a result, which is always the same. */
    ByteBuffer result(String name) {
        return outputs.get(name);
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

    /** Returns the caches' types by name, after checking all tensors. */
    private static Map<String, TensorType> checkedCaches(
            ModelFile file, FrameModel model, Map<String, int[]> results) throws ModelException {
        Map<String, TensorType> caches = new LinkedHashMap<>(model.inputs());
        Map<String, TensorType> newCaches = new LinkedHashMap<>(model.outputs());
        TensorType image = caches.remove(IMAGE);
        boolean complete = newCaches.keySet().containsAll(results.keySet());
        newCaches.keySet().removeAll(results.keySet());
        if (image == null || !complete || !caches.keySet().equals(newCaches.keySet())) {
            throw new ModelException("This is not an online model; export it with --online");
        }

        if (image.shape().length != 4 || image.shape()[0] != 1) {
            throw new ModelException(
                    "The model does not take one frame at a time; export it with --online, "
                            + "without --streams and --frames_per_step");
        }
        checkShape(IMAGE, image, 1, file.input.height, file.input.width, ImageTensor.CHANNELS);
        for (Map.Entry<String, int[]> result : results.entrySet()) {
            String name = result.getKey();
            checkShape(name, model.outputs().get(name), result.getValue());
        }
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
