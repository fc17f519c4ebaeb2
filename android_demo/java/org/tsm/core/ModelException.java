package org.tsm.core;

/** A model file that the app cannot use. The message is shown to the user. */
public final class ModelException extends Exception {
    public ModelException(String message) {
        super(message);
    }
}
