package org.tsm.demo;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.tensorflow.lite.DataType;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.Tensor;
import org.tsm.core.FrameModel;
import org.tsm.core.ModelException;
import org.tsm.core.TensorType;

/** Runs a model with the phone's TensorFlow Lite interpreter. */
final class TfLiteModel implements FrameModel {
    private static final String SIGNATURE = "serving_default";

    private final Interpreter interpreter;
    private final Map<String, TensorType> inputs = new LinkedHashMap<>();
    private final Map<String, TensorType> outputs = new LinkedHashMap<>();

    /**
     * Loads a model.
     *
     * @param content a direct buffer with the whole file, which the interpreter keeps using
     * @throws ModelException if the interpreter rejects the file, or if the phone cannot load its
     *     library
     */
    TfLiteModel(ByteBuffer content, int threads) throws ModelException {
        interpreter = interpreter(content, threads);
        boolean complete = false;
        try {
            describeTensors();
            complete = true;
        } finally {
            if (!complete) {
                close();
            }
        }
    }

    private void describeTensors() throws ModelException {
        if (!Arrays.asList(interpreter.getSignatureKeys()).contains(SIGNATURE)) {
            throw new ModelException("The model has no signature " + SIGNATURE);
        }
        for (String name : interpreter.getSignatureInputs(SIGNATURE)) {
            Tensor tensor = interpreter.getInputTensorFromSignature(name, SIGNATURE);
            inputs.put(name, type(name, tensor));
        }
        for (String name : interpreter.getSignatureOutputs(SIGNATURE)) {
            Tensor tensor = interpreter.getOutputTensorFromSignature(name, SIGNATURE);
            outputs.put(name, type(name, tensor));
        }
    }

    private static Interpreter interpreter(ByteBuffer content, int threads) throws ModelException {
        Interpreter.Options options = new Interpreter.Options();
        options.setNumThreads(threads);
        options.setUseXNNPACK(true);
        try {
            return new Interpreter(content, options);
        } catch (RuntimeException | LinkageError error) {
            throw new ModelException("TensorFlow Lite rejects the model: " + error.getMessage());
        }
    }

    private static TensorType type(String name, Tensor tensor) throws ModelException {
        Tensor.QuantizationParams quantization = tensor.quantizationParams();
        return new TensorType(
                element(name, tensor.dataType()),
                tensor.shape(),
                quantization.getScale(),
                quantization.getZeroPoint());
    }

    private static TensorType.Element element(String name, DataType type) throws ModelException {
        switch (type) {
            case FLOAT32:
                return TensorType.Element.FLOAT32;
            case UINT8:
                return TensorType.Element.UINT8;
            case INT8:
                return TensorType.Element.INT8;
            default:
                throw new ModelException(
                        "The tensor " + name + " has an unsupported type: " + type);
        }
    }

    @Override
    public Map<String, TensorType> inputs() {
        return inputs;
    }

    @Override
    public Map<String, TensorType> outputs() {
        return outputs;
    }

    @Override
    @SuppressWarnings("unchecked") // the interpreter only reads the maps
    public void run(Map<String, ByteBuffer> from, Map<String, ByteBuffer> to) {
        interpreter.runSignature(
                (Map<String, Object>) (Map<String, ?>) from,
                (Map<String, Object>) (Map<String, ?>) to,
                SIGNATURE);
        for (ByteBuffer output : to.values()) {
            output.rewind(); // the interpreter leaves the position at the end
        }
    }

    @Override
    public void close() {
        interpreter.close();
    }
}
