package org.tsm.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * An online TSM and the state of one stream: {@code StreamRunner} of {@code export/runtime.py} for Java.
 *
 * <p>Each cache has two buffers that change roles after every frame, so that nothing is copied or allocated: fill {@link
 * #image}, call {@link #step}. One thread's at a time.
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
     * Takes over an interpreter, which {@link #close} closes.
     *
     * @throws ModelException its tensors are not an online TSM's
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
     * Takes the frame in {@link #image} as the stream's next.
     *
     * @return the logits of the stream up to this frame, by class; the same array every time
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
            byte start = (byte) file.start(input.getKey()); // of a float it is 0, whose bytes are zeros
            for (int i = 0; i < cache.capacity(); i++) {
                cache.put(i, start);
            }
        }
    }

    /** Returns a cache that the next frame will read; for tests. */
    ByteBuffer cache(String name) {
        return inputs.get(name).asReadOnlyBuffer().order(ByteOrder.nativeOrder());
    }

    /** Returns the caches' names; for tests. */
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

    private static Map<String, TensorType> checkedCaches(ModelFile file, FrameModel model) throws ModelException {
        Map<String, TensorType> caches = new LinkedHashMap<>(model.inputs());
        Map<String, TensorType> newCaches = new LinkedHashMap<>(model.outputs());
        TensorType image = caches.remove(IMAGE);
        TensorType logits = newCaches.remove(LOGITS);
        if (image == null || logits == null || !caches.keySet().equals(newCaches.keySet())) {
            throw new ModelException("Not an online model (export it with --online)");
        }
        int size = file.inputSize;
        if (!Arrays.equals(image.shape(), new int[] {1, size, size, ImageTensor.CHANNELS})) {
            throw new ModelException("The image input is " + Arrays.toString(image.shape()) + ", not of size " + size);
        }
        if (!Arrays.equals(logits.shape(), new int[] {1, file.labels.size()})) {
            throw new ModelException("The logits are not one per class: " + Arrays.toString(logits.shape()));
        }
        for (Map.Entry<String, TensorType> cache : caches.entrySet()) {
            TensorType from = newCaches.get(cache.getKey());
            TensorType to = cache.getValue();
            boolean same = from.element == to.element && from.scale == to.scale && from.zeroPoint == to.zeroPoint;
            if (!same || !Arrays.equals(from.shape(), to.shape())) {
                throw new ModelException("The cache " + cache.getKey() + " does not fit its own input");
            }
            if (to.element == TensorType.Element.FLOAT32 && file.start(cache.getKey()) != 0) {
                throw new ModelException("The cache " + cache.getKey() + " of floats does not begin with zeros");
            }
        }
        return caches;
    }

    private static ByteBuffer direct(TensorType type) {
        return ByteBuffer.allocateDirect(type.bytes()).order(ByteOrder.nativeOrder());
    }
}
