package org.tsm.core;

/** A model file that the app cannot use; the message is for the person who chose it. */
public final class ModelException extends Exception {
    public ModelException(String message) {
        super(message);
    }
}
