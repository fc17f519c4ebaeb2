package org.tsm.core;

import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.codehaus.mojo.animal_sniffer.SignatureChecker;
import org.codehaus.mojo.animal_sniffer.logging.PrintWriterLogger;
import org.junit.Test;

/**
 * The app calls only public methods of Android 6. The classes that it is compiled with also have
 * hidden and newer methods.
 */
public class PublicApiTest {
    private static SignatureChecker checker(Set<String> own) throws IOException {
        try (InputStream signatures = new FileInputStream(System.getProperty("signatures"))) {
            PrintWriterLogger logger = new PrintWriterLogger(System.err);
            SignatureChecker checker = new SignatureChecker(signatures, own, logger);
            checker.setSourcePath(List.of());
            return checker;
        }
    }

    @Test
    public void callsPublicMethodsOfAndroid6() throws IOException {
        SignatureChecker checker =
                checker(
                        Set.of(
                                "org.tsm.*",
                                "org.tsm.core.*",
                                "org.tsm.demo.*",
                                "org.tsm.format.*",
                                "org.tensorflow.*"));
        for (String jar : System.getProperty("app").split(":")) {
            assertTrue(new File(jar).isFile());
            checker.process(new File(jar));
        }
        assertFalse(checker.isSignatureBroken());
    }

    @Test
    public void theCheckerFindsNewerMethods() throws IOException {
        SignatureChecker checker = checker(Set.of());
        Path path = Files.createTempFile("Newer", ".class");
        try (InputStream own = PublicApiTest.class.getResourceAsStream("PublicApiTest.class")) {
            Files.write(path, own.readAllBytes()); // Set.of is newer than Android 6
        }
        checker.process(path.toFile());
        assertTrue(checker.isSignatureBroken());
        Files.delete(path);
    }
}
