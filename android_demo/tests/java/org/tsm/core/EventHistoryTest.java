package org.tsm.core;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;

import java.util.stream.IntStream;
import org.junit.Test;

/** The counts and the last events of a stream. */
public class EventHistoryTest {
    private static EventHistory history(int... classes) {
        EventHistory history = new EventHistory(3);
        for (int i = 0; i < classes.length; i++) {
            history = history.with(classes[i], i + 0.5);
        }
        return history;
    }

    @Test
    public void countsPerClassAndInTotal() {
        EventHistory history = history(2, 0, 2, 2, 0, 2);
        assertEquals(6, history.total());
        int[] counts = IntStream.range(0, history.numClasses()).map(history::count).toArray();
        assertArrayEquals(new int[] {2, 0, 4}, counts);
    }

    @Test
    public void keepsTheLastEventsNewestFirst() {
        assertEquals(0, history().kept());
        assertEquals(2, history(0, 1).kept());

        EventHistory history = history(2, 0, 1, 0, 1, 2);
        assertEquals(4, history.kept());
        int[] classes = IntStream.range(0, 4).map(history::classOf).toArray();
        assertArrayEquals(new int[] {2, 1, 0, 1}, classes);
        assertEquals(5.5, history.secondsOf(0), 0);
        assertEquals(2.5, history.secondsOf(3), 0);
    }

    @Test
    public void anOlderHistoryStaysAsItWas() {
        EventHistory before = history(1);
        before.with(0, 9);
        assertEquals(1, before.total());
        assertEquals(0, before.count(0));
        assertEquals(1, before.classOf(0));
    }
}
