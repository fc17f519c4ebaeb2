package org.tsm.demo;

import android.graphics.RectF;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tsm.core.DetectionLoop;
import org.tsm.core.Detections;

/** The objects in one frame that are shown on the screen, the best first. Immutable. */
final class FoundObjects {
    /** The lowest score of the objects that are shown, as in {@code export.live}. */
    private static final float SHOWN_SCORE = 0.5f;

    /** One object. */
    static final class Item {
        final int classIndex;
        final String label;
        final float score;

        /** Its box in pixels of the upright frame. */
        final RectF box;

        Item(String label, int classIndex, float score, RectF box) {
            this.label = label;
            this.classIndex = classIndex;
            this.score = score;
            this.box = box;
        }
    }

    final List<Item> items;
    final int frameWidth;
    final int frameHeight;

    /** Whether the boxes are those of a mirrored frame. */
    final boolean mirrored;

    final Statistics statistics;

    FoundObjects(
            List<Item> items,
            int frameWidth,
            int frameHeight,
            boolean mirrored,
            Statistics statistics) {
        this.items = items;
        this.frameWidth = frameWidth;
        this.frameHeight = frameHeight;
        this.mirrored = mirrored;
        this.statistics = statistics;
    }

    /** Returns the result for the loop's last frame. */
    static FoundObjects of(DetectionLoop loop, boolean mirrored) {
        Detections found = loop.found();
        List<Item> items = new ArrayList<>();
        for (int i = 0; i < found.count(); i++) {
            if (found.score(i) >= SHOWN_SCORE) {
                items.add(item(found, i, loop.file.labels));
            }
        }
        return new FoundObjects(
                items, loop.frameWidth(), loop.frameHeight(), mirrored, Statistics.of(loop));
    }

    private static Item item(Detections found, int index, List<String> labels) {
        int classIndex = found.classOf(index);
        RectF box =
                new RectF(
                        found.side(index, 0),
                        found.side(index, 1),
                        found.side(index, 2),
                        found.side(index, 3));
        return new Item(labels.get(classIndex), classIndex, found.score(index), box);
    }

    /** Returns how many there are of each class, by label. */
    Map<String, Integer> counts() {
        Map<String, Integer> counts = new LinkedHashMap<>();
        for (Item item : items) {
            Integer before = counts.get(item.label);
            counts.put(item.label, before == null ? 1 : before + 1);
        }
        return counts;
    }
}
