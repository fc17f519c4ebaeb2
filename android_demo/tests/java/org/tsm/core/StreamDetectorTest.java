package org.tsm.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.nio.ByteBuffer;
import java.util.Map;
import org.junit.Test;

/** The app finds the same objects with an exported file as Python's runtime. */
public class StreamDetectorTest {
    private final Golden golden = new Golden("detector");

    private StreamDetector detector() throws ModelException {
        ModelFile file = new ModelFile(golden.bytes("model.tflite"));
        return (StreamDetector) StreamModel.of(file, new HostModel(file.content));
    }

    private static void fill(ImageTensor image, ByteBuffer frames) {
        for (int i = 0; i < image.values; i++) {
            image.set(i, frames.get() & 0xFF);
        }
    }

    /** Each frame of the golden file: its count, and then class, score and box of each object. */
    @Test
    public void findsWhatPythonFinds() throws ModelException {
        ByteBuffer frames = golden.bytes("frames");
        ByteBuffer expected = golden.bytes("detections");
        int total = 0;
        try (StreamDetector detector = detector()) {
            InputFrame input = detector.file.input;
            while (frames.hasRemaining()) {
                fill(detector.image, frames);
                Detections found = detector.step(input.width, input.height);
                assertEquals(expected.getFloat(), found.count(), 0);
                for (int i = 0; i < found.count(); i++) {
                    assertEquals(expected.getFloat(), found.classOf(i), 0);
                    assertEquals(expected.getFloat(), found.score(i), 1e-3);
                    for (int side = 0; side < 4; side++) {
                        assertEquals(expected.getFloat(), found.side(i, side), 0.02);
                    }
                    total++;
                }
            }
        }
        assertTrue(!expected.hasRemaining());
        assertTrue(total + " objects", total > 60);
    }

    @Test
    public void theStateMattersUntilAReset() throws ModelException {
        ByteBuffer frames = golden.bytes("frames");
        try (StreamDetector detector = detector()) {
            fill(detector.image, frames);
            float first = detector.step(64, 64).score(0);
            float second = detector.step(64, 64).score(0);
            assertTrue(Math.abs(first - second) > 1e-4);
            detector.reset();
            assertEquals(first, detector.step(64, 64).score(0), 0);
        }
    }

    @Test
    public void rejectsTensorsThatDoNotFit() throws ModelException {
        ModelFile file = new ModelFile(golden.bytes("model.tflite"));
        try (HostModel model = new HostModel(file.content)) {
            for (String output : new String[] {"boxes", "classes", "scores", "count"}) {
                Map<String, TensorType> outputs = model.outputs();
                TensorType before = outputs.get(output);
                outputs.put(output, new TensorType(before.element, new int[] {1, 7}, 0, 0));
                assertThrows(ModelException.class, () -> StreamModel.of(file, model));
                outputs.put(
                        output,
                        new TensorType(TensorType.Element.INT8, before.shape(), before.scale, 0));
                assertThrows(ModelException.class, () -> StreamModel.of(file, model));
                outputs.remove(output);
                assertThrows(ModelException.class, () -> StreamModel.of(file, model));
                outputs.put(output, before);
            }
        }
    }

    @Test
    public void theBenchmarkMeasuresDetectors() throws ModelException {
        try (StreamDetector detector = detector()) {
            Benchmark.Result result = Benchmark.run("a", detector, "CPU", 1, () -> false);
            assertTrue(0 < result.median && result.median <= result.p95);
        }
    }
}
