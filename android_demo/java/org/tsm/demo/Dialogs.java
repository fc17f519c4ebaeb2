package org.tsm.demo;

import android.app.Activity;
import android.app.AlertDialog;
import android.content.SharedPreferences;
import android.view.View;
import android.widget.CheckBox;
import android.widget.RadioButton;
import android.widget.RadioGroup;
import java.util.ArrayList;
import java.util.List;

/** The app's dialogs. */
final class Dialogs {
    /** Receives changed settings. */
    interface Change {
        void to(Settings settings);
    }

    private static final String ONBOARDED = "onboarded";
    private static final int[] THREADS = {1, 2, 4};
    private static final int[] THREAD_BUTTONS = {R.id.threads1, R.id.threads2, R.id.threads4};

    private Dialogs() {}

    /** Lets the user choose one of the app's models, or pick a file. */
    static void model(Activity activity, Settings settings, Change change, Runnable pickFile) {
        List<String> models = Models.assets(activity);
        List<String> names = new ArrayList<>();
        for (String model : models) {
            names.add(Models.name(model));
        }
        names.add(activity.getString(R.string.pick_file));
        int checked = models.indexOf(Models.chosen(activity, settings));

        new AlertDialog.Builder(activity)
                .setTitle(R.string.model)
                .setSingleChoiceItems(
                        names.toArray(new String[0]),
                        checked < 0 ? models.size() : checked,
                        (dialog, which) -> {
                            dialog.dismiss();
                            if (which == models.size()) {
                                pickFile.run();
                            } else {
                                change.to(settings.withModel(models.get(which)));
                            }
                        })
                .show();
    }

    /** Lets the user choose threads and mirroring. */
    static void options(Activity activity, Settings settings, Change change) {
        View view = activity.getLayoutInflater().inflate(R.layout.options, null);
        RadioGroup threads = view.findViewById(R.id.threads);
        CheckBox mirror = view.findViewById(R.id.mirror);
        for (int i = 0; i < THREADS.length; i++) {
            RadioButton button = view.findViewById(THREAD_BUTTONS[i]);
            button.setChecked(THREADS[i] == settings.threads);
        }
        mirror.setChecked(settings.mirror);

        new AlertDialog.Builder(activity)
                .setTitle(R.string.options)
                .setView(view)
                .setNegativeButton(android.R.string.cancel, null)
                .setPositiveButton(
                        android.R.string.ok,
                        (dialog, which) ->
                                change.to(
                                        settings.withThreads(chosen(threads))
                                                .withMirror(mirror.isChecked())))
                .show();
    }

    /** Explains the app when it is started for the first time. */
    static void onboardOnce(Activity activity, SharedPreferences preferences) {
        if (!preferences.getBoolean(ONBOARDED, false)) {
            preferences.edit().putBoolean(ONBOARDED, true).apply();
            about(activity);
        }
    }

    static void about(Activity activity) {
        new AlertDialog.Builder(activity)
                .setTitle(R.string.app_name)
                .setMessage(R.string.about_text)
                .setPositiveButton(android.R.string.ok, null)
                .show();
    }

    private static int chosen(RadioGroup threads) {
        for (int i = 0; i < THREADS.length; i++) {
            if (threads.getCheckedRadioButtonId() == THREAD_BUTTONS[i]) {
                return THREADS[i];
            }
        }
        return THREADS[0];
    }
}
