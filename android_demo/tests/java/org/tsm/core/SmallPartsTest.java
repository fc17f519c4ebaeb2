package org.tsm.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.Test;

/** Statistics, ranking, quantization, the frame clock and the benchmark. */
public class SmallPartsTest {
    private static final double EXACT = 1e-9;

    @Test
    public void percentilesAreOfTheLastDurations() {
        Latencies latencies = new Latencies(20);
        assertTrue(Double.isNaN(latencies.percentileMillis(0.5)));
        latencies.add(1_000_000_000);
        for (int i = 20; i > 0; i--) {
            latencies.add(i * 1_000_000L);
        }
        assertEquals(10, latencies.percentileMillis(0.5), EXACT);
        assertEquals(19, latencies.percentileMillis(0.95), EXACT);
        assertEquals(10.5, latencies.meanMillis(), EXACT);
        assertEquals(21, latencies.count());
    }

    @Test
    public void topClassesAreRanked() {
        TopClasses top = new TopClasses(3);
        top.update(new double[] {0.1, 0.3, 0.05, 0.3, 0.25});
        assertArrayEquals(new int[] {1, 3, 4}, new int[] {top.at(0), top.at(1), top.at(2)});
        assertEquals(0.3, top.probability(0), 0);
        assertEquals(0.25, top.probability(2), 0);
    }

    @Test
    public void integersKeepTheirRealValues() {
        TensorType type = new TensorType(TensorType.Element.INT8, new int[] {1, 2, 2, 3}, 1, -128);
        ImageTensor image = new ImageTensor(type, InputFrame.fitted(2, 2));
        image.set(0, 0);
        image.set(1, 255);
        image.set(11, 130);
        assertEquals(-128, image.bytes.get(0));
        assertEquals(127, image.bytes.get(1));
        assertEquals(2, image.bytes.get(11));

        type = new TensorType(TensorType.Element.UINT8, new int[] {1, 2, 2, 3}, 1, 0);
        image = new ImageTensor(type, InputFrame.fitted(2, 2));
        image.set(5, 200);
        assertEquals(200, image.bytes.get(5) & 0xFF);
    }

    /** Returns the frames that a clock for 10 frames per second takes, of times in milliseconds. */
    private static List<Integer> taken(FrameClock clock, long... millis) {
        List<Integer> taken = new ArrayList<>();
        for (int i = 0; i < millis.length; i++) {
            if (clock.take(millis[i] * 1_000_000)) {
                taken.add(i);
            }
        }
        return taken;
    }

    @Test
    public void theClockContinuesAfterTheCamerasClockRestarts() {
        long start = 5_000_000;
        for (long restart : new long[] {0, -start, start - 2000, start + 100_000_000}) {
            FrameClock clock = new FrameClock(10);
            assertEquals(List.of(0, 2), taken(clock, start, start + 50, start + 100));
            List<Integer> next = taken(clock, restart, restart + 100, restart + 150, restart + 200);
            assertEquals("restart at " + restart, List.of(1, 3), next);
            assertEquals(0, clock.dropped());
            assertEquals(300_000_000, clock.elapsed());
        }
    }

    @Test
    public void theClockKeepsItsTimeAtASmallStepBack() {
        FrameClock clock = new FrameClock(10);
        assertEquals(List.of(0, 1, 4), taken(clock, 0, 100, 60, 199, 200));
        assertEquals(0, clock.dropped());
        assertEquals(List.of(0), taken(clock, 500)); // 300 and 400 had no frame
        assertEquals(2, clock.dropped());
        clock.reset();
        assertEquals(List.of(0, 1), taken(clock, 7, 107));
    }

    @Test
    public void theClockTakesTimesAtTheLimits() {
        for (long nanos : new long[] {Long.MIN_VALUE, Long.MAX_VALUE}) {
            FrameClock clock = new FrameClock(10);
            assertTrue(clock.take(0));
            assertFalse(clock.take(nanos));
            assertFalse(clock.take(0));
            assertTrue(clock.take(100_000_000));
        }
    }

    @Test
    public void benchmarkCountsAndStops() throws ModelException {
        try (StreamClassifier classifier = new Golden("48_float32").classifier()) {
            Benchmark.Result result = Benchmark.run("a \"b\"", classifier, "CPU", 1, () -> false);
            assertEquals(Benchmark.FRAMES, result.frames);
            assertTrue(0 < result.median && result.median <= result.p95);
            String csv = result.csv();
            String numbers = "[\\d.]+,[\\d.]+,[\\d.]+";
            assertTrue(csv, csv.matches("\"a \"\"b\"\"\",float32,CPU,1,200," + numbers));
            assertEquals(Benchmark.Result.HEADER.split(",").length, csv.split(",").length);

            AtomicInteger frames = new AtomicInteger();
            Benchmark.Cancellation afterThree = () -> frames.incrementAndGet() > 3;
            assertNull(Benchmark.run("a", classifier, "CPU", 1, afterThree));
        }
    }
}
