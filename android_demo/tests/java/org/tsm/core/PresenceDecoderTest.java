package org.tsm.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import org.junit.Test;

/** The classes that are present; the cases are those of tests/evaluation/test_presence.py. */
public class PresenceDecoderTest {
    private static final double EXACT = 1e-6;

    private static float[] logits(double... probabilities) {
        float[] logits = new float[probabilities.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) Math.log(probabilities[i] / (1 - probabilities[i]));
        }
        return logits;
    }

    @Test
    public void allClassesAtOrAboveTheirThresholdArePresent() {
        PresenceDecoder decoder = new PresenceDecoder(new double[] {0.5, 0.9, 0.2});
        assertArrayEquals(new int[0], decoder.present());
        decoder.step(logits(0.5, 0.89, 0.6), 3);
        assertArrayEquals(new int[] {2, 0}, decoder.present()); // the most probable first
        assertTrue(decoder.hasAppeared(0) && decoder.hasAppeared(2));
        assertFalse(decoder.hasAppeared(1));
        assertArrayEquals(new double[] {0.5, 0.89, 0.6}, decoder.probabilities(), EXACT);
    }

    @Test
    public void aClassAppearsEachTimeThatItsProbabilityRises() {
        PresenceDecoder decoder = new PresenceDecoder(new double[] {0.5, 0.5});
        double[] walk = {0.1, 0.9, 0.9, 0.1, 0.9};
        boolean[] found = new boolean[walk.length];
        for (int i = 0; i < walk.length; i++) {
            decoder.step(logits(walk[i], 0.9), 10 * i);
            found[i] = decoder.hasAppeared(0);
            assertEquals(i == 0, decoder.hasAppeared(1));
        }
        assertArrayEquals(new boolean[] {false, true, false, false, true}, found);
    }

    @Test
    public void theMeanFollowsTime() {
        for (int fps : new int[] {5, 10, 50}) {
            PresenceDecoder decoder = new PresenceDecoder(new double[] {0.5});
            for (int i = 0; i <= fps; i++) {
                decoder.step(logits(i == 0 ? 0.001 : 0.999), 0.2 * i / fps);
            }
            assertEquals(0.999 - 0.998 * Math.exp(-1), decoder.probabilities()[0], EXACT);
        }
    }

    @Test
    public void aStreamThatStartsAgainIsDecodedFromItsStart() {
        PresenceDecoder decoder = new PresenceDecoder(new double[] {0.5});
        decoder.step(logits(0.9), 5);
        decoder.step(new float[] {Float.NaN}, 5.1);
        assertArrayEquals(new int[] {0}, decoder.present());
        assertFalse(decoder.hasAppeared(0));
        decoder.step(logits(0.9), 1);
        assertTrue(decoder.hasAppeared(0));
        decoder.reset();
        assertArrayEquals(new int[0], decoder.present());
        assertEquals(0, decoder.probabilities()[0], 0);
    }
}
