package org.tsm.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.AlertDialog;
import android.content.Intent;
import android.net.Uri;
import android.widget.CheckBox;
import android.widget.RadioButton;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import org.junit.Test;
import org.robolectric.shadows.ShadowAlertDialog;
import org.tensorflow.lite.Interpreter;

/** Models, files and options that the user chooses. */
public class ModelChoiceTest extends LiveScreenTestCase {
    @Test
    public void aBrokenModelIsAMessageAndAnotherOneWorks() {
        permit();
        start();
        awaitModel();
        choose(1);
        awaitMessage(R.string.model_error, "Not a TFLite file");
        choose(0);
        showPreview();
        awaitModel();
        recognise(2, 2);
        await("a label", () -> text(R.id.label).equals("Swiping Up"));
        assertEquals(MODEL, savedSettings().model);
    }

    private void choose(int entry) {
        activity.findViewById(R.id.model).performClick();
        AlertDialog dialog = (AlertDialog) ShadowAlertDialog.getLatestDialog();
        shadowOf(dialog).clickOnItem(entry);
        idle();
    }

    @Test
    public void aPickedFileIsLoadedThroughItsUri() {
        permit();
        start();
        awaitModel();
        choose(2);
        Intent asked = shadowOf(activity).getNextStartedActivityForResult().intent;
        assertEquals(Intent.ACTION_OPEN_DOCUMENT, asked.getAction());
        Uri uri = Uri.parse("content://documents/mine.tflite");
        InputStream content = new ByteArrayInputStream(new byte[5000]);
        shadowOf(activity.getContentResolver()).registerInputStream(uri, content);
        activity.onActivityResult(2, MainActivity.RESULT_OK, new Intent().setData(uri));
        awaitMessage(R.string.model_error, "Not a TFLite file");
    }

    @Test
    public void optionsReachTheInterpreter() {
        permit();
        start();
        awaitModel();
        assertEquals(2, interpreter().options.threads);
        assertEquals(true, interpreter().options.xnnpack);

        activity.findViewById(R.id.options).performClick();
        AlertDialog dialog = (AlertDialog) ShadowAlertDialog.getLatestDialog();
        dialog.<RadioButton>findViewById(R.id.threads4).setChecked(true);
        dialog.<CheckBox>findViewById(R.id.mirror).setChecked(true);

        Interpreter before = interpreter();
        dialog.getButton(AlertDialog.BUTTON_POSITIVE).performClick();
        await("another interpreter", () -> interpreter() != before);
        assertEquals(4, interpreter().options.threads);
        assertEquals(true, interpreter().options.xnnpack);
        assertTrue(before.closed);
        assertTrue(savedSettings().mirror);
    }

    /** Earlier versions offered NNAPI, which newer phones no longer have. */
    @Test
    public void anAcceleratorThatAnEarlierVersionSavedIsIgnored() {
        preferences().edit().putString("accelerator", "NNAPI").putInt("threads", 4).apply();
        permit();
        start();
        awaitModel();
        assertEquals(4, interpreter().options.threads);
        assertEquals(true, interpreter().options.xnnpack);
    }

    @Test
    public void failuresOfTheInterpreterAreMessages() {
        permit();
        start();
        awaitModel();
        Interpreter first = interpreter();
        Interpreter.failure = new IllegalArgumentException("a delegate's fault");
        ShadowReader.last.deliver(new FakeImage(0, 0));
        awaitMessage(R.string.model_error, "a delegate's fault");
        assertTrue(first.closed);
    }
}
