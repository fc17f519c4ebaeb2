package org.tsm.core;

/** The events of a stream since it began: their number per class, and the last ones. Immutable. */
public final class EventHistory {
    private static final int KEPT = 4; // of the last events

    private final int[] counts; // per class
    private final int total;
    private final int[] classes; // of the last events, newest first
    private final double[] seconds;

    /** Creates the history of a stream without events. */
    public EventHistory(int numClasses) {
        this(new int[numClasses], 0, new int[0], new double[0]);
    }

    private EventHistory(int[] counts, int total, int[] classes, double[] seconds) {
        this.counts = counts;
        this.total = total;
        this.classes = classes;
        this.seconds = seconds;
    }

    /** Returns this history with one more event. */
    public EventHistory with(int index, double time) {
        int[] newCounts = counts.clone();
        newCounts[index]++;

        int older = Math.min(classes.length, KEPT - 1);
        int[] newClasses = new int[older + 1];
        double[] newSeconds = new double[older + 1];
        newClasses[0] = index;
        newSeconds[0] = time;
        System.arraycopy(classes, 0, newClasses, 1, older);
        System.arraycopy(seconds, 0, newSeconds, 1, older);
        return new EventHistory(newCounts, total + 1, newClasses, newSeconds);
    }

    /** Returns the number of events. */
    public int total() {
        return total;
    }

    /** Returns the number of events of a class. */
    public int count(int index) {
        return counts[index];
    }

    public int numClasses() {
        return counts.length;
    }

    /** Returns how many of the last events are kept. */
    public int kept() {
        return classes.length;
    }

    /** Returns the class of a kept event; 0 is the newest event. */
    public int classOf(int age) {
        return classes[age];
    }

    /** Returns the time of a kept event; 0 is the newest event. */
    public double secondsOf(int age) {
        return seconds[age];
    }
}
