package org.tsm.core;

import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** How the logits of a stream become a stable class. An exported file carries its rules. */
public final class SmoothingRules {
    /** The rules for a file that carries none. */
    public static final SmoothingRules DEFAULT =
            new SmoothingRules(
                    12, 1, Collections.<String>emptySet(), Collections.<String, String>emptyMap());

    /** The number of steps whose logits are averaged; at least 1. */
    public final int averagedSteps;

    /** The number of steps for which a new class stays, whatever comes; 0 for none. */
    public final int refractorySteps;

    /** Classes that are never shown: the last shown class stays instead. */
    public final Set<String> keepLast;

    /** Classes that are shown as another class. */
    public final Map<String, String> sameAs;

    public SmoothingRules(
            int averagedSteps,
            int refractorySteps,
            Set<String> keepLast,
            Map<String, String> sameAs) {
        this.averagedSteps = averagedSteps;
        this.refractorySteps = refractorySteps;
        this.keepLast = Collections.unmodifiableSet(new HashSet<>(keepLast));
        this.sameAs = Collections.unmodifiableMap(new HashMap<>(sameAs));
    }
}
