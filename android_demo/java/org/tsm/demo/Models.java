package org.tsm.demo;

import android.content.Context;
import android.content.Intent;
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
import org.tsm.core.StreamModel;

/** The models that the user can choose: the app's assets, and files on the device. */
final class Models {
    private static final String EXTENSION = ".tflite";
    private static final int LARGEST = 256 << 20; // bytes
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
            throw new IllegalStateException("cannot read the app's own assets", error);
        }
        Collections.sort(names);
        return names;
    }

    /** Returns the chosen model, or the first asset if none is chosen or it no longer exists. */
    static String chosen(Context context, Settings settings) {
        List<String> assets = assets(context);
        String model = settings.model;
        boolean exists = model != null && (isFile(model) || assets.contains(model));
        return exists ? model : assets.get(0);
    }

    /** Returns the intent that lets the user pick a file on the device. */
    static Intent pickIntent() {
        Intent intent = new Intent(Intent.ACTION_OPEN_DOCUMENT);
        intent.addCategory(Intent.CATEGORY_OPENABLE);
        intent.setType("*/*"); // .tflite files have no MIME type
        return intent;
    }

    /** Keeps a picked file readable after a restart. */
    static void keepAccess(Context context, Uri file) {
        int flags = Intent.FLAG_GRANT_READ_URI_PERMISSION;
        context.getContentResolver().takePersistableUriPermission(file, flags);
    }

    /** Returns whether a model is a file on the device, rather than an asset. */
    static boolean isFile(String model) {
        return model.contains("://");
    }

    /** Returns the name of a model that the app displays. */
    static String name(String model) {
        if (isFile(model)) {
            return Uri.parse(model).getLastPathSegment();
        }
        return model.substring(0, model.length() - EXTENSION.length());
    }

    /**
     * Loads a model and prepares it for its first frame.
     *
     * @throws ModelException if this is not an online model, or if it cannot be run
     * @throws IOException if the file cannot be read
     */
    static StreamModel load(Context context, String model, int threads)
            throws ModelException, IOException {
        ModelFile file = new ModelFile(read(context, model));
        TfLiteModel interpreter = new TfLiteModel(file.content, threads);
        try {
            return StreamModel.of(file, interpreter);
        } catch (ModelException error) {
            interpreter.close();
            throw error;
        }
    }

    private static ByteBuffer read(Context context, String model)
            throws ModelException, IOException {
        try (InputStream stream = open(context, model)) {
            if (stream == null) {
                throw new IOException("cannot open " + model);
            }

            ReadableByteChannel channel = Channels.newChannel(stream);
            ByteBuffer content = direct(FIRST_BUFFER);
            while (channel.read(content) >= 0) {
                if (!content.hasRemaining()) {
                    if (content.capacity() >= LARGEST) {
                        throw new ModelException("The file is larger than 256 MB");
                    }
                    content.flip();
                    content = direct(2 * content.capacity()).put(content);
                }
            }

            content.flip();
            return direct(content.limit()).put(content);
        } catch (SecurityException error) {
            throw new IOException("access is no longer permitted", error);
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
