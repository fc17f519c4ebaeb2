package org.tsm.core;

import java.util.Locale;
import java.util.Random;

/**
 * Measures an online model's latency as in Table 8 of the paper: one frame after the other, batch
 * 1, after a warm-up.
 */
public final class Benchmark {
    public static final int FRAMES = 200;
    private static final int WARM_UP = 20;

    /** One row of the table. */
    public static final class Result {
        /** The header of a CSV file with results. */
        public static final String HEADER =
                "model,variant,delegate,threads,frames,mean_ms,median_ms,p95_ms";

        public final String model;
        public final String variant;
        public final String delegate;
        public final int threads;
        public final int frames;
        public final double mean;
        public final double median;
        public final double p95;

        Result(String model, String variant, String delegate, int threads, Latencies latencies) {
            this.model = model;
            this.variant = variant;
            this.delegate = delegate;
            this.threads = threads;
            frames = (int) latencies.count();
            mean = latencies.meanMillis();
            median = latencies.percentileMillis(0.5);
            p95 = latencies.percentileMillis(0.95);
        }

        /** Returns the result as one CSV line, without a line break. */
        public String csv() {
            String name = '"' + model.replace("\"", "\"\"") + '"';
            return String.format(
                    Locale.ROOT,
                    "%s,%s,%s,%d,%d,%.3f,%.3f,%.3f",
                    name,
                    variant,
                    delegate,
                    threads,
                    frames,
                    mean,
                    median,
                    p95);
        }
    }

    /** Tells a benchmark to stop. */
    public interface Cancellation {
        boolean isCancelled();
    }

    private Benchmark() {}

    /**
     * Measures the model's steps on random frames. Camera and conversion are not included.
     *
     * @param cancelled called before every frame
     * @return the result, or null if the benchmark was cancelled
     */
    public static Result run(
            String model,
            StreamModel stream,
            String delegate,
            int threads,
            Cancellation cancelled) {
        fillRandomly(stream.image);
        stream.reset();

        Latencies latencies = new Latencies(FRAMES);
        for (int frame = -WARM_UP; frame < FRAMES; frame++) {
            if (cancelled.isCancelled()) {
                return null;
            }
            long start = System.nanoTime();
            stream.run();
            if (frame >= 0) {
                latencies.add(System.nanoTime() - start);
            }
        }
        return new Result(model, stream.file.variant, delegate, threads, latencies);
    }

    private static void fillRandomly(ImageTensor image) {
        Random random = new Random(0);
        for (int i = 0; i < image.values; i++) {
            image.set(i, random.nextInt(256));
        }
    }
}
