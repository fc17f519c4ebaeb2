package org.tsm.demo;

import java.util.List;
import org.tsm.core.EventHistory;
import org.tsm.core.RecognitionLoop;

/** The result for one frame, as shown on the screen. Immutable. */
final class Recognition {
    private static final String SEPARATOR = ", ";

    /**
     * The class of the event in progress, or a background class; null for neither. If a video may
     * have several classes, all that are present.
     */
    final String label;

    /** The most probable classes, best first. */
    final String[] names;

    final double[] probabilities;

    /** All class names. */
    final List<String> labels;

    final EventHistory events;
    final Statistics statistics;

    Recognition(
            String label,
            String[] names,
            double[] probabilities,
            List<String> labels,
            EventHistory events,
            Statistics statistics) {
        this.label = label;
        this.names = names;
        this.probabilities = probabilities;
        this.labels = labels;
        this.events = events;
        this.statistics = statistics;
    }

    /** Returns the result for the loop's last frame. */
    static Recognition of(RecognitionLoop loop) {
        List<String> labels = loop.file.labels;
        String[] names = new String[loop.top.count()];
        double[] probabilities = new double[names.length];
        for (int rank = 0; rank < names.length; rank++) {
            names[rank] = labels.get(loop.top.at(rank));
            probabilities[rank] = loop.top.probability(rank);
        }

        return new Recognition(
                label(labels, loop.shown()),
                names,
                probabilities,
                labels,
                loop.events(),
                Statistics.of(loop));
    }

    private static String label(List<String> labels, int[] shown) {
        if (shown.length == 0) {
            return null;
        }
        StringBuilder names = new StringBuilder(labels.get(shown[0]));
        for (int i = 1; i < shown.length; i++) {
            names.append(SEPARATOR).append(labels.get(shown[i]));
        }
        return names.toString();
    }
}
