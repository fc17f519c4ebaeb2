package org.tsm.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.Test;

/** The app's code around the interpreter allocates nothing and takes little time. */
public class AllocationTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final long FRAME_NANOS = 125_000_000;

    private static YuvFrame frame(int width, int height) {
        YuvFrame frame = new YuvFrame();
        frame.width = width;
        frame.height = height;
        Random random = new Random(0);
        load(frame.y, random, width, height);
        load(frame.u, random, width / 2, height / 2);
        load(frame.v, random, width / 2, height / 2);
        return frame;
    }

    private static void load(YuvFrame.Plane plane, Random random, int width, int height) {
        byte[] bytes = new byte[width * height];
        random.nextBytes(bytes);
        plane.load(ByteBuffer.wrap(bytes), width, 1);
    }

    @Test
    public void tenThousandFramesAllocateNothing() throws ModelException {
        YuvFrame frame = frame(160, 120);
        try (FrameLoop loop = FrameLoop.of(new Golden("48_float32").classifier())) {
            long thread = Thread.currentThread().getId();
            long allocated = 0;
            for (int i = 0; i < 12_000; i++) {
                if (i == 2_000) {
                    allocated = THREADS.getThreadAllocatedBytes(thread);
                }
                if (loop.wants(i * FRAME_NANOS)) {
                    loop.process(frame, 90, true);
                }
            }
            // The counter itself allocates a little.
            assertEquals(0, THREADS.getThreadAllocatedBytes(thread) - allocated, 1000);
            assertEquals(8, loop.framesPerSecond(), 1e-6);
            assertEquals(0, loop.dropped());
        }
    }

    @Test
    public void framesOfADetectorAllocateNothing() throws ModelException {
        YuvFrame frame = frame(160, 120);
        ModelFile file = new ModelFile(new Golden("detector").bytes("model.tflite"));
        try (FrameLoop loop = FrameLoop.of(StreamModel.of(file, new HostModel(file.content)))) {
            long thread = Thread.currentThread().getId();
            long allocated = 0;
            for (int i = 0; i < 300; i++) {
                if (i == 100) {
                    allocated = THREADS.getThreadAllocatedBytes(thread);
                }
                if (loop.wants(i * 2 * FRAME_NANOS)) {
                    loop.process(frame, 90, true);
                }
            }
            assertEquals(0, THREADS.getThreadAllocatedBytes(thread) - allocated, 1000);
        }
    }

    @Test
    public void overheadIsSmall() throws ModelException {
        ModelFile file = new ModelFile(new Golden("224_float32").bytes("model.tflite"));
        HostModel model = new HostModel(file.content);
        Latencies overheads = new Latencies(100);
        Latencies runs = new Latencies(100);
        Latencies conversions = new Latencies(100);
        EventDecoder decoder = new EventDecoder(file.labels, file.background, file.events);
        TopClasses top = new TopClasses(3);
        YuvConverter converter = new YuvConverter(file.input);
        YuvFrame frame = frame(640, 480);

        try (StreamClassifier classifier = new StreamClassifier(file, model)) {
            for (int i = 0; i < 130; i++) {
                long start = System.nanoTime();
                converter.convert(frame, 90, false, classifier.image);
                long converted = System.nanoTime();
                decoder.step(classifier.step(), i / 8.0);
                top.update(decoder.probabilities());
                overheads.add(System.nanoTime() - converted - model.nanos);
                runs.add(model.nanos);
                conversions.add(converted - start);
            }
        }

        double run = runs.percentileMillis(0.5);
        System.out.printf(
                "224 pixels, width 0.35: run %.3f ms, Java around it %.4f ms,"
                        + " conversion of 640x480 YUV %.3f ms%n",
                run, overheads.percentileMillis(0.5), conversions.percentileMillis(0.5));
        assertTrue(overheads.percentileMillis(0.5) < 0.05 * run);
    }
}
