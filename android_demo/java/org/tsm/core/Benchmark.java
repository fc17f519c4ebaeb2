package org.tsm.core;

import java.util.Locale;
import java.util.Random;

/** Times an online model as the paper's Table 8 does: frame after frame, batch 1, after a warm-up. */
public final class Benchmark {
    public static final int FRAMES = 200;
    private static final int WARM_UP = 20;

    /** One row of the table. */
    public static final class Result {
        /** The first line of a CSV file of results. */
        public static final String HEADER = "model,variant,delegate,threads,frames,mean_ms,median_ms,p95_ms";

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

        /** Returns the result as a line of CSV, without its end. */
        public String csv() {
            String name = '"' + model.replace("\"", "\"\"") + '"';
            return String.format(
                    Locale.ROOT, "%s,%s,%s,%d,%d,%.3f,%.3f,%.3f", name, variant, delegate, threads, frames, mean, median, p95);
        }
    }

    private Benchmark() {}

    /**
     * Times whole steps on random frames; what a camera adds is not in it.
     *
     * @param cancelled asked before every frame
     * @return the result, or null if it was cancelled
     */
    public static Result run(
            String model, StreamClassifier classifier, String delegate, int threads, Cancellation cancelled) {
        Random random = new Random(0);
        ImageTensor image = classifier.image;
        for (int i = 0; i < image.size * image.size * ImageTensor.CHANNELS; i++) {
            image.set(i, random.nextInt(256));
        }
        Latencies latencies = new Latencies(FRAMES);
        classifier.reset();
        for (int frame = -WARM_UP; frame < FRAMES; frame++) {
            if (cancelled.isCancelled()) {
                return null;
            }
            long begun = System.nanoTime();
            classifier.step();
            if (frame >= 0) {
                latencies.add(System.nanoTime() - begun);
            }
        }
        return new Result(model, classifier.file.variant, delegate, threads, latencies);
    }

    /** Whether somebody still wants the result. */
    public interface Cancellation {
        boolean isCancelled();
    }
}
