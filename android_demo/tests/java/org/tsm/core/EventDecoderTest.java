package org.tsm.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.Test;

/** The rules of events, one at a time; the cases are those of tests/evaluation/test_events.py. */
public class EventDecoderTest {
    private static final int NONE = EventDecoder.NONE;
    private static final List<String> LABELS = Arrays.asList("left", "right", "nothing");

    private static EventRules rules(double smoothing, double min, double refractory) {
        return new EventRules(smoothing, 0.8, 0.3, min, refractory);
    }

    private static EventDecoder decoder(EventRules rules) {
        return new EventDecoder(LABELS, Set.of("nothing"), rules);
    }

    private static float[] logits(double left, double right) {
        double[] values = {left, right, 1 - left - right};
        float[] logits = new float[3];
        for (int i = 0; i < 3; i++) {
            logits[i] = (float) Math.log(Math.max(values[i], 1e-9));
        }
        return logits;
    }

    private static int[] decode(EventRules rules, double... left) {
        EventDecoder decoder = decoder(rules);
        int[] found = new int[left.length];
        for (int i = 0; i < left.length; i++) {
            // A negative number is the probability of "right".
            found[i] = decoder.step(logits(Math.max(left[i], 0), Math.max(-left[i], 0)), i / 10.0);
        }
        return found;
    }

    @Test
    public void aGestureIsReportedOnce() {
        assertArrayEquals(
                new int[] {NONE, NONE, 0, NONE, NONE, NONE, NONE, NONE},
                decode(rules(0, 0, 0), 0, 0.5, 0.9, 0.95, 0.85, 0.5, 0.9, 0.1));
    }

    @Test
    public void itCanBeReportedAgainAfterItsProbabilityWasLow() {
        assertArrayEquals(new int[] {0, NONE, 0}, decode(rules(0, 0, 0), 0.9, 0.2, 0.9));
        assertArrayEquals(new int[] {0, NONE, NONE}, decode(rules(0, 0, 0), 0.9, 0.31, 0.9));
    }

    @Test
    public void anotherGestureMayFollowAtOnce() {
        assertArrayEquals(
                new int[] {0, NONE, 1, NONE}, decode(rules(0, 0, 0), 0.9, 0.9, -0.9, -1));
    }

    @Test
    public void aGestureHasToLast() {
        assertArrayEquals(
                new int[] {NONE, NONE, NONE, NONE, NONE, 0},
                decode(rules(0, 0.2, 0), 0.9, 0.9, 0.1, 0.9, 0.9, 0.9));
    }

    @Test
    public void nothingIsReportedSoonAfterAnEvent() {
        assertArrayEquals(
                new int[] {0, NONE, NONE, 1},
                decode(rules(0, 0, 0.3), 0.9, -0.9, -0.9, -0.9));
    }

    @Test
    public void theMeanFollowsTime() {
        for (int fps : new int[] {5, 10, 50}) {
            EventDecoder decoder = decoder(rules(1, 0, 0));
            for (int i = 0; i <= fps; i++) {
                decoder.step(logits(i == 0 ? 0 : 1, 0), i / (double) fps);
            }
            assertEquals(1 - Math.exp(-1), decoder.probabilities()[0], 1e-6);
        }
    }

    @Test
    public void aStreamThatStartsAgainIsDecodedFromItsStart() {
        EventDecoder decoder = decoder(rules(5, 0, 0));
        assertEquals(NONE, decoder.step(logits(0, 0), 100));
        assertEquals(0, decoder.step(logits(0.9, 0), 0));
        decoder.reset();
        assertEquals(0, decoder.step(logits(0.9, 0), 50));
    }
}
