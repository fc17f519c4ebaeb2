package org.tsm.demo;

import org.tsm.core.FrameLoop;

/** What one frame brought, for the screen. Immutable. */
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

    Recognition(FrameLoop loop) {
        label = loop.file.labels.get(loop.shown());
        names = new String[loop.top.count()];
        probabilities = new float[names.length];
        for (int rank = 0; rank < names.length; rank++) {
            names[rank] = loop.file.labels.get(loop.top.at(rank));
            probabilities[rank] = loop.top.probability(rank);
        }
        framesPerSecond = loop.framesPerSecond();
        medianMillis = loop.medianMillis();
        p95Millis = loop.p95Millis();
        dropped = loop.dropped();
    }
}
