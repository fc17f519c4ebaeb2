package org.tsm.demo;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.tensorflow.lite.DataType;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.Tensor;
import org.tensorflow.lite.nnapi.NnApiDelegate;
import org.tsm.core.FrameModel;
import org.tsm.core.ModelException;
import org.tsm.core.TensorType;

/** The phone's interpreter. */
final class TfLiteModel implements FrameModel {
    private static final String SIGNATURE = "serving_default";

    private final Interpreter interpreter;
    private final NnApiDelegate nnapi; // null on the CPU
    private final Map<String, TensorType> inputs = new LinkedHashMap<>();
    private final Map<String, TensorType> outputs = new LinkedHashMap<>();

    /**
     * Loads a model.
     *
     * @param content a direct buffer with the whole file; stays in use
     * @throws ModelException a file or a setting that the interpreter refuses, or a phone without its library
     */
    TfLiteModel(ByteBuffer content, int threads, Settings.Accelerator accelerator) throws ModelException {
        try {
            nnapi = accelerator == Settings.Accelerator.NNAPI ? new NnApiDelegate() : null;
        } catch (RuntimeException | LinkageError error) {
            throw new ModelException("NNAPI is not to be had here: " + error.getMessage());
        }
        interpreter = interpreter(content, threads);
        boolean whole = false;
        try {
            if (!Arrays.asList(interpreter.getSignatureKeys()).contains(SIGNATURE)) {
                throw new ModelException("The model has no signature " + SIGNATURE);
            }
            for (String name : interpreter.getSignatureInputs(SIGNATURE)) {
                inputs.put(name, type(name, interpreter.getInputTensorFromSignature(name, SIGNATURE)));
            }
            for (String name : interpreter.getSignatureOutputs(SIGNATURE)) {
                outputs.put(name, type(name, interpreter.getOutputTensorFromSignature(name, SIGNATURE)));
            }
            whole = true;
        } finally {
            if (!whole) {
                close();
            }
        }
    }

    private Interpreter interpreter(ByteBuffer content, int threads) throws ModelException {
        Interpreter.Options options = new Interpreter.Options();
        options.setNumThreads(threads);
        if (nnapi == null) {
            options.setUseXNNPACK(true);
        } else {
            options.addDelegate(nnapi);
        }
        try {
            return new Interpreter(content, options);
        } catch (RuntimeException | LinkageError error) {
            if (nnapi != null) {
                nnapi.close();
            }
            throw new ModelException("TensorFlow Lite refuses the model: " + error.getMessage());
        }
    }

    private static TensorType type(String name, Tensor tensor) throws ModelException {
        Tensor.QuantizationParams quantization = tensor.quantizationParams();
        int[] shape = tensor.shape();
        return new TensorType(
                element(name, tensor.dataType()), shape, quantization.getScale(), quantization.getZeroPoint());
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
                throw new ModelException("The tensor " + name + " is of an unknown type: " + type);
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
        interpreter.runSignature((Map<String, Object>) (Map<String, ?>) from, (Map<String, Object>) (Map<String, ?>) to, SIGNATURE);
        for (ByteBuffer output : to.values()) {
            output.rewind(); // the interpreter puts, and leaves the position at the end
        }
    }

    @Override
    public void close() {
        interpreter.close();
        if (nnapi != null) {
            nnapi.close();
        }
    }
}
