package org.tsm.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;

import org.junit.Test;

/** The triangle filter, with weights computed by hand. */
public class ResizeAxisTest {
    private static final float EXACT = 1e-6f;

    @Test
    public void halvingSpansFourPixels() {
        ResizeAxis axis = new ResizeAxis(8, 4, 0, 4);
        assertArrayEquals(new int[] {0, 1, 3, 5}, axis.first);
        assertArrayEquals(new float[] {4 / 8f, 3 / 8f, 1 / 8f}, axis.weights[0], EXACT);
        assertArrayEquals(new float[] {1 / 8f, 3 / 8f, 3 / 8f, 1 / 8f}, axis.weights[1], EXACT);
        assertArrayEquals(new float[] {1 / 8f, 3 / 8f, 4 / 8f}, axis.weights[3], EXACT);
        assertEquals(4, axis.longest);
        assertEquals(8, axis.end());
    }

    @Test
    public void doublingBlendsTwoPixels() {
        ResizeAxis axis = new ResizeAxis(4, 8, 0, 8);
        assertArrayEquals(new int[] {0, 0, 0, 1, 1, 2, 2, 3}, axis.first);
        assertArrayEquals(new float[] {1}, axis.weights[0], EXACT);
        assertArrayEquals(new float[] {0.75f, 0.25f}, axis.weights[1], EXACT);
        assertArrayEquals(new float[] {0.25f, 0.75f}, axis.weights[2], EXACT);
        assertArrayEquals(new float[] {1}, axis.weights[7], EXACT);
    }

    @Test
    public void aCropKeepsTheWeightsOfTheWholeAxis() {
        ResizeAxis whole = new ResizeAxis(19, 7, 0, 7);
        ResizeAxis crop = new ResizeAxis(19, 7, 2, 3);
        for (int i = 0; i < 3; i++) {
            assertEquals(whole.first[2 + i], crop.first[i]);
            assertArrayEquals(whole.weights[2 + i], crop.weights[i], 0);
        }
        assertEquals(crop.first[0], crop.begin());
        assertEquals(crop.first[2] + crop.weights[2].length, crop.end());
    }

    @Test
    public void theSameSizeCopiesPixels() {
        ResizeAxis axis = new ResizeAxis(5, 5, 1, 3);
        assertArrayEquals(new int[] {1, 2, 3}, axis.first);
        assertArrayEquals(new float[] {1}, axis.weights[0], 0);
        assertEquals(1, axis.longest);
    }
}
