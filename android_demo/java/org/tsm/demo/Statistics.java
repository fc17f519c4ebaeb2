package org.tsm.demo;

import org.tsm.core.FrameLoop;

/** How fast a loop is. Immutable. */
final class Statistics {
    final double framesPerSecond;
    final double medianMillis;
    final double p95Millis;
    final long dropped;

    Statistics(double framesPerSecond, double medianMillis, double p95Millis, long dropped) {
        this.framesPerSecond = framesPerSecond;
        this.medianMillis = medianMillis;
        this.p95Millis = p95Millis;
        this.dropped = dropped;
    }

    static Statistics of(FrameLoop loop) {
        return new Statistics(
                loop.framesPerSecond(), loop.medianMillis(), loop.p95Millis(), loop.dropped());
    }
}
