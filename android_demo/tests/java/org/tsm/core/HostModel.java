package org.tsm.core;

import static org.bytedeco.tensorflowlite.global.tensorflowlite.*;

import java.nio.ByteBuffer;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.tensorflowlite.TfLiteInterpreter;
import org.bytedeco.tensorflowlite.TfLiteInterpreterOptions;
import org.bytedeco.tensorflowlite.TfLiteModel;
import org.bytedeco.tensorflowlite.TfLiteSignatureRunner;
import org.bytedeco.tensorflowlite.TfLiteTensor;

/**
 * TFLite's C API on this machine, which replaces the phone's interpreter. Allocates nothing after
 * the first two frames.
 */
final class HostModel implements FrameModel {
    private static final TensorType.Element[] ELEMENTS = new TensorType.Element[16];

    static {
        ELEMENTS[kTfLiteFloat32] = TensorType.Element.FLOAT32;
        ELEMENTS[kTfLiteUInt8] = TensorType.Element.UINT8;
        ELEMENTS[kTfLiteInt8] = TensorType.Element.INT8;
    }

    private final BytePointer content;
    private final TfLiteModel model;
    private final TfLiteInterpreterOptions options = TfLiteInterpreterOptionsCreate();
    private final TfLiteInterpreter interpreter;
    private final TfLiteSignatureRunner runner;
    private final Map<String, TensorType> inputs = new LinkedHashMap<>();
    private final Map<String, TensorType> outputs = new LinkedHashMap<>();
    private final String[] inputNames;
    private final String[] outputNames;
    private final Pointer[] inputData;
    private final Pointer[] outputData;
    private final Map<ByteBuffer, BytePointer> pointers = new IdentityHashMap<>();

    /** The interpreter's own time for the last frame. */
    long nanos;

    HostModel(ByteBuffer file) {
        content = new BytePointer(file);
        model = created(TfLiteModelCreate(content, file.capacity()));
        TfLiteInterpreterOptionsSetNumThreads(options, 1);
        interpreter = created(TfLiteInterpreterCreate(model, options));
        runner = created(TfLiteInterpreterGetSignatureRunner(interpreter, "serving_default"));
        check(TfLiteSignatureRunnerAllocateTensors(runner));

        inputNames = new String[(int) TfLiteSignatureRunnerGetInputCount(runner)];
        inputData = new Pointer[inputNames.length];
        for (int i = 0; i < inputNames.length; i++) {
            inputNames[i] = TfLiteSignatureRunnerGetInputName(runner, i).getString();
            TfLiteTensor tensor = TfLiteSignatureRunnerGetInputTensor(runner, inputNames[i]);
            inputs.put(inputNames[i], type(tensor));
            inputData[i] = TfLiteTensorData(tensor);
        }

        outputNames = new String[(int) TfLiteSignatureRunnerGetOutputCount(runner)];
        outputData = new Pointer[outputNames.length];
        for (int i = 0; i < outputNames.length; i++) {
            outputNames[i] = TfLiteSignatureRunnerGetOutputName(runner, i).getString();
            TfLiteTensor tensor = TfLiteSignatureRunnerGetOutputTensor(runner, outputNames[i]);
            outputs.put(outputNames[i], type(tensor));
            outputData[i] = TfLiteTensorData(tensor);
        }
    }

    private static TensorType type(TfLiteTensor tensor) {
        int[] shape = new int[TfLiteTensorNumDims(tensor)];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = TfLiteTensorDim(tensor, i);
        }
        var quantization = TfLiteTensorQuantizationParams(tensor);
        return new TensorType(
                ELEMENTS[TfLiteTensorType(tensor)],
                shape,
                quantization.scale(),
                quantization.zero_point());
    }

    private static <T> T created(T object) {
        if (object == null) {
            throw new IllegalStateException("TFLite rejects the model");
        }
        return object;
    }

    private static void check(int status) {
        if (status != kTfLiteOk) {
            throw new IllegalStateException("TFLite returned status " + status);
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
    public void run(Map<String, ByteBuffer> from, Map<String, ByteBuffer> to) {
        long start = System.nanoTime();
        for (int i = 0; i < inputNames.length; i++) {
            ByteBuffer buffer = from.get(inputNames[i]);
            Pointer.memcpy(inputData[i], pointer(buffer), buffer.capacity());
        }
        check(TfLiteSignatureRunnerInvoke(runner));
        for (int i = 0; i < outputNames.length; i++) {
            ByteBuffer buffer = to.get(outputNames[i]);
            Pointer.memcpy(pointer(buffer), outputData[i], buffer.capacity());
        }
        nanos = System.nanoTime() - start;
    }

    private BytePointer pointer(ByteBuffer buffer) {
        BytePointer pointer = pointers.get(buffer);
        if (pointer == null) {
            pointer = new BytePointer(buffer);
            pointers.put(buffer, pointer);
        }
        return pointer;
    }

    @Override
    public void close() {
        TfLiteSignatureRunnerDelete(runner);
        TfLiteInterpreterDelete(interpreter);
        TfLiteInterpreterOptionsDelete(options);
        TfLiteModelDelete(model);
    }
}
