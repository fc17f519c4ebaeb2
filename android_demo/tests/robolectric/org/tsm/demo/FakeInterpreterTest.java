package org.tsm.demo;

import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertTrue;

import java.io.File;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Arrays;
import org.junit.Test;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.nnapi.NnApiDelegate;

/** The recording interpreter has the real one's methods. */
public class FakeInterpreterTest {
    private static void assertHasAll(Class<?> fake, ClassLoader loader) throws Exception {
        Class<?> real = loader.loadClass(fake.getName());
        for (Method method : fake.getDeclaredMethods()) {
            boolean own = Modifier.isStatic(method.getModifiers()) || !Modifier.isPublic(method.getModifiers());
            if (!own && !method.isBridge()) {
                Method same = null;
                for (Method candidate : real.getMethods()) {
                    boolean equal = candidate.getName().equals(method.getName())
                            && Arrays.toString(candidate.getGenericParameterTypes())
                                    .equals(Arrays.toString(method.getGenericParameterTypes()))
                            && candidate.getReturnType().getName().equals(method.getReturnType().getName());
                    same = equal ? candidate : same;
                }
                assertNotNull(method.toString(), same);
            }
        }
        for (Constructor<?> constructor : fake.getConstructors()) {
            boolean found = false;
            for (Constructor<?> candidate : real.getConstructors()) {
                found |= Arrays.toString(candidate.getParameterTypes())
                        .equals(Arrays.toString(constructor.getParameterTypes()));
            }
            assertTrue(constructor.toString(), found);
        }
    }

    @Test
    public void hasTheRealMethods() throws Exception {
        String[] jars = System.getProperty("tflite").split(":");
        URL[] urls = new URL[jars.length];
        for (int i = 0; i < jars.length; i++) {
            urls[i] = new File(jars[i]).toURI().toURL();
        }
        try (URLClassLoader loader = new URLClassLoader(urls, ClassLoader.getPlatformClassLoader())) {
            assertHasAll(Interpreter.class, loader);
            assertHasAll(Interpreter.Options.class, loader);
            assertHasAll(NnApiDelegate.class, loader);
        }
    }
}
