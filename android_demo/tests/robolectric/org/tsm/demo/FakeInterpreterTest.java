package org.tsm.demo;

import static org.junit.Assert.assertTrue;

import java.io.File;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.Test;
import org.tensorflow.lite.Interpreter;

/** The recording interpreter has the same methods as the real one. */
public class FakeInterpreterTest {
    private static void assertHasAll(Class<?> fake, ClassLoader loader) throws Exception {
        Class<?> real = loader.loadClass(fake.getName());
        for (Method method : fake.getDeclaredMethods()) {
            int modifiers = method.getModifiers();
            boolean isOwn = Modifier.isStatic(modifiers) || !Modifier.isPublic(modifiers);
            if (!isOwn && !method.isBridge()) {
                Set<String> signatures =
                        Arrays.stream(real.getMethods())
                                .map(FakeInterpreterTest::signature)
                                .collect(Collectors.toSet());
                assertTrue(method.toString(), signatures.contains(signature(method)));
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

    private static String signature(Method method) {
        return method.getReturnType().getName()
                + " "
                + method.getName()
                + Arrays.toString(method.getGenericParameterTypes());
    }

    @Test
    public void hasTheRealMethods() throws Exception {
        String[] jars = System.getProperty("tflite").split(":");
        URL[] urls = new URL[jars.length];
        for (int i = 0; i < jars.length; i++) {
            urls[i] = new File(jars[i]).toURI().toURL();
        }

        ClassLoader platform = ClassLoader.getPlatformClassLoader();
        try (URLClassLoader loader = new URLClassLoader(urls, platform)) {
            assertHasAll(Interpreter.class, loader);
            assertHasAll(Interpreter.Options.class, loader);
        }
    }
}
