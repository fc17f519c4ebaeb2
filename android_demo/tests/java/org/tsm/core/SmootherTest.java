package org.tsm.core;

import static org.junit.Assert.assertArrayEquals;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.Test;

/** The smoothing rules, one at a time. */
public class SmootherTest {
    private static final List<String> LABELS = Arrays.asList("a", "b", "c");

    private static int[] shown(SmoothingRules rules, int... predicted) {
        Smoother smoother = new Smoother(LABELS, rules);
        return Arrays.stream(predicted).map(smoother::refine).toArray();
    }

    private static SmoothingRules rules(int refractorySteps) {
        return new SmoothingRules(1, refractorySteps, Set.of(), Map.of());
    }

    @Test
    public void aNewClassStaysForTheRefractorySteps() {
        assertArrayEquals(new int[] {0, 1, 2, 0}, shown(rules(0), 0, 1, 2, 0));
        assertArrayEquals(new int[] {0, 1, 1, 0, 0}, shown(rules(1), 0, 1, 2, 0, 0));
        assertArrayEquals(new int[] {0, 1, 1, 1, 0}, shown(rules(2), 0, 1, 2, 2, 0));
    }

    @Test
    public void someClassesKeepTheLastOrCountAsAnother() {
        SmoothingRules rules = new SmoothingRules(1, 0, Set.of("b"), Map.of("c", "a"));
        assertArrayEquals(new int[] {0, 0, 0}, shown(rules, 0, 1, 2));
    }

    @Test
    public void unknownClassesAreIgnored() {
        Map<String, String> sameAs = Map.of("b", "unknown", "unknown", "c");
        SmoothingRules rules = new SmoothingRules(1, 0, Set.of("unknown"), sameAs);
        assertArrayEquals(new int[] {0, 1, 2}, shown(rules, 0, 1, 2));
    }

    @Test
    public void logitsAreAveragedOverTheSteps() {
        Smoother one = new Smoother(LABELS, new SmoothingRules(1, 0, Set.of(), Map.of()));
        Smoother two = new Smoother(LABELS, new SmoothingRules(2, 0, Set.of(), Map.of()));
        float[][] logits = {{3, 0, 0}, {0, 2, 0}, {0, 0, 1}};
        int[] shownByOne = new int[3];
        int[] shownByTwo = new int[3];
        for (int i = 0; i < 3; i++) {
            shownByOne[i] = one.step(logits[i]);
            shownByTwo[i] = two.step(logits[i]);
        }
        assertArrayEquals(new int[] {0, 1, 2}, shownByOne);
        assertArrayEquals(new int[] {0, 0, 1}, shownByTwo);
    }
}
