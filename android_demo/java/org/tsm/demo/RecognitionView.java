package org.tsm.demo;

import android.content.Context;
import android.util.AttributeSet;
import android.view.LayoutInflater;
import android.view.View;
import android.widget.LinearLayout;
import android.widget.ProgressBar;
import android.widget.TextView;

/** Shows the smoothed class, a bar for each of the best classes, and the speed. */
public final class RecognitionView extends LinearLayout {
    private static final int[] ROWS = {R.id.row1, R.id.row2, R.id.row3};
    private static final int FULL_BAR = 1000;

    private final TextView label;
    private final TextView statistics;

    public RecognitionView(Context context, AttributeSet attributes) {
        super(context, attributes);
        setOrientation(VERTICAL);
        LayoutInflater.from(context).inflate(R.layout.recognition, this);
        label = findViewById(R.id.label);
        statistics = findViewById(R.id.statistics);
        clear();
    }

    void show(Recognition recognition) {
        label.setText(recognition.label);

        for (int rank = 0; rank < ROWS.length; rank++) {
            View row = findViewById(ROWS[rank]);
            boolean used = rank < recognition.names.length;
            row.setVisibility(used ? VISIBLE : INVISIBLE);
            if (used) {
                row.<TextView>findViewById(R.id.name).setText(recognition.names[rank]);
                ProgressBar bar = row.findViewById(R.id.bar);
                bar.setProgress(Math.round(FULL_BAR * recognition.probabilities[rank]));
            }
        }

        statistics.setText(
                getContext()
                        .getString(
                                R.string.statistics,
                                recognition.framesPerSecond,
                                recognition.medianMillis,
                                recognition.p95Millis,
                                recognition.dropped));
    }

    void clear() {
        label.setText("");
        statistics.setText("");
        for (int row : ROWS) {
            findViewById(row).setVisibility(INVISIBLE);
        }
    }
}
