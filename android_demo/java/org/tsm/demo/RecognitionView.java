package org.tsm.demo;

import android.content.Context;
import android.text.TextUtils;
import android.text.format.DateUtils;
import android.util.AttributeSet;
import android.view.LayoutInflater;
import android.view.View;
import android.widget.LinearLayout;
import android.widget.ProgressBar;
import android.widget.TextView;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.tsm.core.EventHistory;

/**
 * Shows the event in progress, a bar for each of the best classes, the last events, and the speed;
 * for a detector, how many objects there are of each class, and the speed.
 */
public final class RecognitionView extends LinearLayout {
    private static final int[] ROWS = {R.id.row1, R.id.row2, R.id.row3};
    private static final int FULL_BAR = 1000;
    private static final String SEPARATOR = " · ";

    private final TextView label;
    private final TextView lastEvents;
    private final TextView counts;
    private final TextView statistics;
    private EventHistory shownEvents;

    public RecognitionView(Context context, AttributeSet attributes) {
        super(context, attributes);
        setOrientation(VERTICAL);
        LayoutInflater.from(context).inflate(R.layout.recognition, this);
        label = findViewById(R.id.label);
        lastEvents = findViewById(R.id.last_events);
        counts = findViewById(R.id.counts);
        statistics = findViewById(R.id.statistics);
        clear();
    }

    void show(Recognition recognition) {
        label.setText(
                recognition.label == null
                        ? getContext().getString(R.string.no_event)
                        : recognition.label);

        for (int rank = 0; rank < ROWS.length; rank++) {
            View row = findViewById(ROWS[rank]);
            boolean used = rank < recognition.names.length;
            row.setVisibility(used ? VISIBLE : INVISIBLE);
            if (used) {
                row.<TextView>findViewById(R.id.name).setText(recognition.names[rank]);
                ProgressBar bar = row.findViewById(R.id.bar);
                bar.setProgress((int) Math.round(FULL_BAR * recognition.probabilities[rank]));
            }
        }

        if (recognition.events != shownEvents) { // only after an event
            show(recognition.events, recognition.labels);
        }
        show(recognition.statistics);
    }

    void show(FoundObjects found) {
        List<String> numbers = new ArrayList<>();
        for (Map.Entry<String, Integer> count : found.counts().entrySet()) {
            numbers.add(
                    getContext().getString(R.string.count, count.getKey(), count.getValue()));
        }
        label.setText(
                numbers.isEmpty()
                        ? getContext().getString(R.string.no_event)
                        : TextUtils.join(SEPARATOR, numbers));
        hide(GONE);
        show(found.statistics);
    }

    private void show(Statistics speed) {
        statistics.setText(
                getContext()
                        .getString(
                                R.string.statistics,
                                speed.framesPerSecond,
                                speed.medianMillis,
                                speed.p95Millis,
                                speed.dropped));
    }

    /** Hides what only classifiers have. */
    private void hide(int visibility) {
        for (int row : ROWS) {
            findViewById(row).setVisibility(visibility);
        }
        int texts = visibility == GONE ? GONE : VISIBLE;
        lastEvents.setVisibility(texts);
        counts.setVisibility(texts);
    }

    private void show(EventHistory events, List<String> labels) {
        shownEvents = events;

        List<String> last = new ArrayList<>();
        for (int age = 0; age < events.kept(); age++) {
            String time = DateUtils.formatElapsedTime((long) events.secondsOf(age));
            String name = labels.get(events.classOf(age));
            last.add(getContext().getString(R.string.event, time, name));
        }
        lastEvents.setText(TextUtils.join(SEPARATOR, last));

        List<String> numbers = new ArrayList<>();
        numbers.add(getContext().getString(R.string.total, events.total()));
        for (int i = 0; i < events.numClasses(); i++) {
            if (events.count(i) > 0) {
                numbers.add(
                        getContext().getString(R.string.count, labels.get(i), events.count(i)));
            }
        }
        counts.setText(TextUtils.join(SEPARATOR, numbers));
    }

    void clear() {
        shownEvents = null;
        label.setText("");
        lastEvents.setText("");
        counts.setText("");
        statistics.setText("");
        hide(INVISIBLE);
    }
}
