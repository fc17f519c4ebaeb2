package org.tsm.format;

import java.util.Locale;

/** A file that refers to something outside itself, or has content that is not allowed. */
public final class Damaged extends Exception {
    Damaged(String message, Object... arguments) {
        super(String.format(Locale.ROOT, message, arguments));
    }
}
