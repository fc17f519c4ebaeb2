package org.tsm.demo;

import android.content.SharedPreferences;

/** The user's settings, which survive rotation and restarts. Immutable. */
final class Settings {
    /** The hardware that runs the model. */
    enum Accelerator {
        CPU,
        NNAPI
    }

    private static final String MODEL = "model";
    private static final String THREADS = "threads";
    private static final String ACCELERATOR = "accelerator";
    private static final String FRONT = "front";
    private static final String MIRROR = "mirror";
    private static final int DEFAULT_THREADS = 2;

    /** The name of an asset or the URI of a document; null for the first asset. */
    final String model;

    final int threads;
    final Accelerator accelerator;
    final boolean front;

    /** Whether to swap left and right in the model's frames. */
    final boolean mirror;

    Settings(String model, int threads, Accelerator accelerator, boolean front, boolean mirror) {
        this.model = model;
        this.threads = threads;
        this.accelerator = accelerator;
        this.front = front;
        this.mirror = mirror;
    }

    static Settings load(SharedPreferences preferences) {
        String accelerator = preferences.getString(ACCELERATOR, Accelerator.CPU.name());
        return new Settings(
                preferences.getString(MODEL, null),
                preferences.getInt(THREADS, DEFAULT_THREADS),
                Accelerator.valueOf(accelerator),
                preferences.getBoolean(FRONT, true),
                preferences.getBoolean(MIRROR, false));
    }

    void save(SharedPreferences preferences) {
        preferences
                .edit()
                .putString(MODEL, model)
                .putInt(THREADS, threads)
                .putString(ACCELERATOR, accelerator.name())
                .putBoolean(FRONT, front)
                .putBoolean(MIRROR, mirror)
                .apply();
    }

    Settings withModel(String chosen) {
        return new Settings(chosen, threads, accelerator, front, mirror);
    }

    Settings withThreads(int chosen) {
        return new Settings(model, chosen, accelerator, front, mirror);
    }

    Settings withAccelerator(Accelerator chosen) {
        return new Settings(model, threads, chosen, front, mirror);
    }

    Settings withFront(boolean chosen) {
        return new Settings(model, threads, accelerator, chosen, mirror);
    }

    Settings withMirror(boolean chosen) {
        return new Settings(model, threads, accelerator, front, chosen);
    }
}
