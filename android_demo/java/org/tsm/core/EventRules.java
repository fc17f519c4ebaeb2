package org.tsm.core;

/** When a gesture in a stream counts as an event; see {@code tsm_tf/event_rules.py}. */
public final class EventRules {
    /** The rules for a file that carries none. */
    public static final EventRules DEFAULT = new EventRules(0.2, 0.8, 0.3, 0.1, 0.3);

    /** Time constant of the running mean of the probabilities; 0 for none. */
    public final double smoothingSeconds;

    /** An event needs a mean probability of at least this. */
    public final double openProbability;

    /** The event is over once its mean probability is below this. */
    public final double closeProbability;

    /** How long the probability must stay high before the event is reported. */
    public final double minSeconds;

    /** For this long after an event, no other one is reported. */
    public final double refractorySeconds;

    public EventRules(
            double smoothingSeconds,
            double openProbability,
            double closeProbability,
            double minSeconds,
            double refractorySeconds) {
        this.smoothingSeconds = smoothingSeconds;
        this.openProbability = openProbability;
        this.closeProbability = closeProbability;
        this.minSeconds = minSeconds;
        this.refractorySeconds = refractorySeconds;
    }
}
