package org.tsm.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.Map;
import java.util.TreeSet;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.junit.runners.Parameterized;

/** The app's loop gives the same results on exported files as Python's runtime. */
@RunWith(Parameterized.class)
public class StreamClassifierTest {
    @Parameterized.Parameters(name = "{0}")
    public static Iterable<String> names() {
        return Golden.classifiers();
    }

    @Parameterized.Parameter public String name;

    private static void fill(ImageTensor image, ByteBuffer frames, int number) {
        int values = image.values;
        for (int i = 0; i < values; i++) {
            image.set(i, frames.get(number * values + i) & 0xFF);
        }
    }

    @Test
    public void streamsAsPythonDoes() throws ModelException {
        Golden golden = new Golden(name);
        ByteBuffer frames = golden.bytes("frames");
        ByteBuffer logits = golden.bytes("logits");
        IntBuffer events = golden.bytes("events").asIntBuffer();
        try (StreamClassifier classifier = golden.classifier()) {
            ModelFile file = classifier.file;
            boolean isInteger = file.variant.equals("int8");
            EventDecoder decoder = new EventDecoder(file.labels, file.background, file.events);
            float[] first = null;
            for (int frame = 0; frame < events.capacity(); frame++) {
                fill(classifier.image, frames, frame);
                float[] step = classifier.step();
                first = first == null ? step.clone() : first;
                for (float logit : step) {
                    float expected = logits.getFloat();
                    double relative = 1e-4 * Math.max(1, Math.abs(expected));
                    assertEquals(expected, logit, isInteger ? 0.1 : relative);
                }
                int begun = decoder.step(step, frame / file.fps);
                assertEquals("frame " + frame, events.get(frame), begun);
            }
            assertCaches(golden.bytes("caches"), classifier, isInteger);

            classifier.reset();
            fill(classifier.image, frames, 0);
            assertArrayEquals(first, classifier.step(), 0);
        }
    }

    private static void assertCaches(
            ByteBuffer expected, StreamClassifier classifier, boolean isInteger) {
        for (String cache : new TreeSet<>(classifier.cacheNames())) {
            ByteBuffer actual = classifier.cache(cache);
            while (actual.hasRemaining()) {
                if (isInteger) {
                    assertEquals(cache, expected.get(), actual.get(), 1);
                } else {
                    assertEquals(cache, expected.getFloat(), actual.getFloat(), 1e-3);
                }
            }
        }
        assertTrue(!expected.hasRemaining());
    }

    @Test
    public void theStateMatters() throws ModelException {
        Golden golden = new Golden(name);
        try (StreamClassifier classifier = golden.classifier()) {
            ByteBuffer frames = golden.bytes("frames");
            fill(classifier.image, frames, 0);
            float[] first = classifier.step().clone();
            fill(classifier.image, frames, 30);
            classifier.step();
            fill(classifier.image, frames, 0);
            assertTrue(Math.abs(first[0] - classifier.step()[0]) > 1e-3);
        }
    }

    @Test
    public void rejectsTensorsThatDoNotFit() throws ModelException {
        ModelFile file = new ModelFile(new Golden(name).bytes("model.tflite"));
        try (HostModel model = new HostModel(file.content)) {
            for (String tensor : new String[] {"image", "shift_03", "logits"}) {
                boolean isOutput = tensor.equals("logits");
                Map<String, TensorType> changed = isOutput ? model.outputs() : model.inputs();
                TensorType before = changed.get(tensor);
                int[] shape = {1, 7};
                changed.put(
                        tensor,
                        new TensorType(before.element, shape, before.scale, before.zeroPoint));
                assertThrows(ModelException.class, () -> new StreamClassifier(file, model));
                changed.remove(tensor);
                assertThrows(ModelException.class, () -> new StreamClassifier(file, model));
                changed.put(tensor, before);
            }
        }
    }

    /** A clip file without a batch axis looks like a file for several streams. */
    @Test
    public void rejectsSeveralFramesPerStep() throws ModelException {
        ModelFile file = new ModelFile(new Golden(name).bytes("model.tflite"));
        try (HostModel model = new HostModel(file.content)) {
            TensorType before = model.inputs().get("image");
            int size = file.input.width;
            for (int[] shape : new int[][] {{8, size, size, 3}, {1, 8, size, size, 3}}) {
                model.inputs()
                        .put(
                                "image",
                                new TensorType(
                                        before.element, shape, before.scale, before.zeroPoint));
                ModelException error =
                        assertThrows(
                                ModelException.class, () -> new StreamClassifier(file, model));
                assertTrue(error.getMessage().contains("one frame at a time"));
            }
        }
    }
}
