package org.tsm.core;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.List;

/**
 * Runs parts of the app for {@code tests/android/test_core.py}, which compares them with the Python code: numbers come
 * by standard input, big-endian, until it ends; results go to standard output. Needs a JDK only.
 */
public final class HostTool {
    private HostTool() {}

    public static void main(String[] arguments) throws Exception {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
        try {
            switch (arguments[0]) {
                case "yuv":
                    yuv(in);
                    break;
                case "refine":
                    refine(in, Arrays.asList(arguments).subList(1, arguments.length));
                    break;
                case "smooth":
                    smooth(in, Arrays.asList(arguments).subList(1, arguments.length));
                    break;
                case "clock":
                    clock(in, Double.parseDouble(arguments[1]));
                    break;
                case "metadata":
                    metadata(arguments[1], arguments[2]);
                    break;
                default:
                    throw new IllegalArgumentException(arguments[0]);
            }
        } catch (EOFException end) {
            System.out.flush();
        }
    }

    /** Frames: input size, width, height, rotation, mirror, then three planes: row stride, pixel stride, length, bytes. */
    private static void yuv(DataInputStream in) throws IOException {
        YuvFrame frame = new YuvFrame();
        YuvConverter converter = null;
        for (int converted = 0; ; ) {
            int size = in.readInt();
            converter = converted == size ? converter : new YuvConverter(size);
            converted = size;
            frame.width = in.readInt();
            frame.height = in.readInt();
            int rotation = in.readInt();
            boolean mirror = in.readInt() != 0;
            for (YuvFrame.Plane plane : new YuvFrame.Plane[] {frame.y, frame.u, frame.v}) {
                int rowStride = in.readInt();
                int pixelStride = in.readInt();
                byte[] bytes = new byte[in.readInt()];
                in.readFully(bytes);
                plane.load(ByteBuffer.wrap(bytes), rowStride, pixelStride);
            }
            TensorType type = new TensorType(TensorType.Element.UINT8, new int[] {1, size, size, 3}, 1, 0);
            ImageTensor image = new ImageTensor(type, size);
            converter.convert(frame, rotation, mirror, image);
            byte[] rgb = new byte[image.bytes.capacity()];
            image.bytes.get(rgb);
            System.out.write(rgb);
        }
    }

    private static void refine(DataInputStream in, List<String> labels) throws IOException {
        Smoother smoother = new Smoother(labels);
        while (true) {
            System.out.println(smoother.refine(in.readInt()));
        }
    }

    private static void smooth(DataInputStream in, List<String> labels) throws IOException {
        Smoother smoother = new Smoother(labels);
        float[] logits = new float[labels.size()];
        while (true) {
            for (int i = 0; i < logits.length; i++) {
                logits[i] = in.readFloat();
            }
            System.out.println(smoother.step(logits));
        }
    }

    private static void clock(DataInputStream in, double fps) throws IOException {
        FrameClock clock = new FrameClock(fps);
        while (true) {
            System.out.println((clock.take(in.readLong()) ? 1 : 0) + " " + clock.dropped());
        }
    }

    private static void metadata(String path, String name) throws IOException, ModelException {
        String text = new ModelMetadata(ByteBuffer.wrap(Files.readAllBytes(Paths.get(path)))).text(name);
        new PrintStream(System.out, true, "UTF-8").print(text);
    }
}
