package org.tsm.demo;

import org.tsm.core.FrameLoop;

/** The result for one frame, as shown on the screen. Immutable. */
final class Recognition {
    /** The smoothed class. */
    final String label;

    /** The most probable classes of this frame, best first. */
    final String[] names;

    final float[] probabilities;
    final double framesPerSecond;
    final double medianMillis;
    final double p95Millis;
    final long dropped;

    Recognition(
            String label,
            String[] names,
            float[] probabilities,
            double framesPerSecond,
            double medianMillis,
            double p95Millis,
            long dropped) {
        this.label = label;
        this.names = names;
        this.probabilities = probabilities;
        this.framesPerSecond = framesPerSecond;
        this.medianMillis = medianMillis;
        this.p95Millis = p95Millis;
        this.dropped = dropped;
    }

    /** Returns the result for the loop's last frame. */
    static Recognition of(FrameLoop loop) {
        String[] names = new String[loop.top.count()];
        float[] probabilities = new float[names.length];
        for (int rank = 0; rank < names.length; rank++) {
            names[rank] = loop.file.labels.get(loop.top.at(rank));
            probabilities[rank] = loop.top.probability(rank);
        }

        return new Recognition(
                loop.file.labels.get(loop.shown()),
                names,
                probabilities,
                loop.framesPerSecond(),
                loop.medianMillis(),
                loop.p95Millis(),
                loop.dropped());
    }
}
