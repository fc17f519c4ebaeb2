package org.tsm.demo;

import android.content.Context;
import android.net.Uri;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.tsm.core.ModelException;
import org.tsm.core.ModelFile;
import org.tsm.core.StreamClassifier;

/** The models that a person can choose: the app's assets, and files of the device. */
final class Models {
    private static final String EXTENSION = ".tflite";
    private static final int LARGEST = 256 << 20;
    private static final int FIRST_BUFFER = 4 << 20;

    private Models() {}

    /** Returns the names of the models in the app, sorted. */
    static List<String> assets(Context context) {
        List<String> names = new ArrayList<>();
        try {
            for (String name : context.getAssets().list("")) {
                if (name.endsWith(EXTENSION)) {
                    names.add(name);
                }
            }
        } catch (IOException error) {
            throw new IllegalStateException("the app's own assets cannot be read", error);
        }
        Collections.sort(names);
        return names;
    }

    /** Returns the model that the settings mean: the first asset where they name none, or one that is gone. */
    static String chosen(Context context, Settings settings) {
        List<String> assets = assets(context);
        boolean known = settings.model != null && (isFile(settings.model) || assets.contains(settings.model));
        return known ? settings.model : assets.get(0);
    }

    static boolean isFile(String model) {
        return model.contains("://");
    }

    /** Returns a model's name for people. */
    static String name(String model) {
        return isFile(model) ? Uri.parse(model).getLastPathSegment() : model.substring(0, model.length() - EXTENSION.length());
    }

    /**
     * Loads a model, ready for its first frame.
     *
     * @throws ModelException not an online TSM, or not to be run
     * @throws IOException the file cannot be read
     */
    static StreamClassifier load(Context context, String model, int threads, Settings.Accelerator accelerator)
            throws ModelException, IOException {
        ModelFile file = new ModelFile(read(context, model));
        TfLiteModel interpreter = new TfLiteModel(file.content, threads, accelerator);
        try {
            return new StreamClassifier(file, interpreter);
        } catch (ModelException error) {
            interpreter.close();
            throw error;
        }
    }

    private static ByteBuffer read(Context context, String model) throws ModelException, IOException {
        try (InputStream stream = open(context, model)) {
            if (stream == null) {
                throw new IOException(model);
            }
            ReadableByteChannel channel = Channels.newChannel(stream);
            ByteBuffer content = direct(FIRST_BUFFER);
            while (channel.read(content) >= 0) {
                if (!content.hasRemaining()) {
                    if (content.capacity() >= LARGEST) {
                        throw new ModelException("The file is too large for a model");
                    }
                    content.flip();
                    content = direct(2 * content.capacity()).put(content);
                }
            }
            content.flip();
            return direct(content.limit()).put(content);
        } catch (SecurityException error) {
            throw new IOException("no longer permitted", error);
        }
    }

    private static InputStream open(Context context, String model) throws IOException {
        if (isFile(model)) {
            return context.getContentResolver().openInputStream(Uri.parse(model));
        }
        return context.getAssets().open(model);
    }

    private static ByteBuffer direct(int size) {
        return ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
    }
}
