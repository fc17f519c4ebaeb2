package org.tsm.demo;

import android.content.SharedPreferences;

/** The user's settings, which survive rotation and restarts. Immutable. */
final class Settings {
    private static final String MODEL = "model";
    private static final String THREADS = "threads";
    private static final String FRONT = "front";
    private static final String MIRROR = "mirror";
    private static final int DEFAULT_THREADS = 2;

    /** The name of an asset or the URI of a document; null for the first asset. */
    final String model;

    final int threads;
    final boolean front;

    /** Whether to swap left and right in the model's frames. */
    final boolean mirror;

    Settings(String model, int threads, boolean front, boolean mirror) {
        this.model = model;
        this.threads = threads;
        this.front = front;
        this.mirror = mirror;
    }

    static Settings load(SharedPreferences preferences) {
        return new Settings(
                preferences.getString(MODEL, null),
                preferences.getInt(THREADS, DEFAULT_THREADS),
                preferences.getBoolean(FRONT, true),
                preferences.getBoolean(MIRROR, false));
    }

    void save(SharedPreferences preferences) {
        preferences
                .edit()
                .putString(MODEL, model)
                .putInt(THREADS, threads)
                .putBoolean(FRONT, front)
                .putBoolean(MIRROR, mirror)
                .apply();
    }

    Settings withModel(String chosen) {
        return new Settings(chosen, threads, front, mirror);
    }

    Settings withThreads(int chosen) {
        return new Settings(model, chosen, front, mirror);
    }

    Settings withFront(boolean chosen) {
        return new Settings(model, threads, chosen, mirror);
    }

    Settings withMirror(boolean chosen) {
        return new Settings(model, threads, front, chosen);
    }
}
