package org.tsm.core;

import java.nio.ByteBuffer;
import java.util.Collections;

/** An online TSM that classifies a stream. */
public final class StreamClassifier extends StreamModel {
    private static final String LOGITS = "logits";

    private final TensorType logitsType;
    private final ByteBuffer logitsBytes;
    private final float[] logits;

    /**
     * Takes ownership of an interpreter: {@link #close} closes it.
     *
     * @throws ModelException if its tensors are not those of an online TSM
     */
    public StreamClassifier(ModelFile file, FrameModel model) throws ModelException {
        super(file, model, Collections.singletonMap(LOGITS, new int[] {1, file.labels.size()}));
        logitsType = model.outputs().get(LOGITS);
        logitsBytes = result(LOGITS);
        logits = new float[file.labels.size()];
    }

    /**
     * Computes the frame in {@link #image} as the next one of the stream.
     *
     * @return one logit per class; the next call overwrites this array
     */
    public float[] step() {
        run();
        for (int i = 0; i < logits.length; i++) {
            logits[i] = logit(i);
        }
        return logits;
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
}
