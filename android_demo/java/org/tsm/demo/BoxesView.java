package org.tsm.demo;

import android.content.Context;
import android.graphics.Canvas;
import android.graphics.Color;
import android.graphics.Paint;
import android.graphics.RectF;
import android.graphics.Typeface;
import android.util.AttributeSet;
import android.view.View;

/** Draws boxes with names over a preview that fills a view of the same size. */
public final class BoxesView extends View {
    // The colours of Matplotlib's palette tab10, as in live video on a computer.
    private static final int[] COLORS = {
        0xFF1F77B4, 0xFFFF7F0E, 0xFF2CA02C, 0xFFD62728, 0xFF9467BD,
        0xFF8C564B, 0xFFE377C2, 0xFF7F7F7F, 0xFFBCBD22, 0xFF17BECF
    };
    private static final float LINE = 2; // in dp
    private static final float TEXT = 14;
    private static final float MARGIN = 3;

    private final Paint line = new Paint(Paint.ANTI_ALIAS_FLAG);
    private final Paint bar = new Paint();
    private final Paint text = new Paint(Paint.ANTI_ALIAS_FLAG);
    private final RectF box = new RectF();
    private final float density;
    private FoundObjects found; // null for none
    private boolean previewMirrored;

    public BoxesView(Context context, AttributeSet attributes) {
        super(context, attributes);
        density = getResources().getDisplayMetrics().density;
        line.setStyle(Paint.Style.STROKE);
        line.setStrokeWidth(LINE * density);
        text.setColor(Color.WHITE);
        text.setTextSize(TEXT * density);
        text.setTypeface(Typeface.DEFAULT_BOLD);
    }

    /**
     * Shows the objects of a frame.
     *
     * @param previewMirrored whether the preview shows left and right swapped
     */
    void show(FoundObjects objects, boolean previewMirrored) {
        found = objects;
        this.previewMirrored = previewMirrored;
        invalidate();
    }

    void clear() {
        found = null;
        invalidate();
    }

    @Override
    protected void onDraw(Canvas canvas) {
        if (found == null) {
            return;
        }
        for (int i = found.items.size() - 1; i >= 0; i--) { // the best one is in front
            FoundObjects.Item item = found.items.get(i);
            place(item, box);
            int color = COLORS[item.classIndex % COLORS.length];
            line.setColor(color);
            canvas.drawRect(box.left, box.top, box.right, box.bottom, line);
            bar.setColor(color);
            name(canvas, getContext().getString(R.string.found, item.label, percent(item)));
        }
    }

    private static int percent(FoundObjects.Item item) {
        return Math.round(100 * item.score);
    }

    /** Computes where an object's box is in this view. */
    private void place(FoundObjects.Item item, RectF target) {
        float width = found.frameWidth;
        float height = found.frameHeight;
        float scale = Math.max(getWidth() / width, getHeight() / height);
        boolean swap = found.mirrored != previewMirrored;
        float left = swap ? width - item.box.right : item.box.left;
        float right = swap ? width - item.box.left : item.box.right;
        target.set(left * scale, item.box.top * scale, right * scale, item.box.bottom * scale);
        target.offset((getWidth() - width * scale) / 2, (getHeight() - height * scale) / 2);
    }

    /** Draws a name above the box, or in it at the upper border. */
    private void name(Canvas canvas, String name) {
        float margin = MARGIN * density;
        float width = text.measureText(name) + 2 * margin;
        float height = text.descent() - text.ascent() + margin;
        float x = Math.max(0, Math.min(box.left, getWidth() - width));
        float y = box.top >= height ? box.top - height : Math.max(0, box.top);
        canvas.drawRect(x, y, x + width, y + height, bar);
        canvas.drawText(name, x + margin, y + margin / 2 - text.ascent(), text);
    }
}
