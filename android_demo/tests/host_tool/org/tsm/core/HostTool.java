package org.tsm.core;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;

/**
 * Runs parts of the app for {@code tests/android/test_core.py}, which compares them with the Python
 * code. Reads big-endian numbers from standard input until it ends, and writes results to standard
 * output. Needs only a JDK.
 */
public final class HostTool {
    private HostTool() {}

    public static void main(String[] arguments) throws Exception {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
        List<String> rest = Arrays.asList(arguments).subList(1, arguments.length);
        try {
            switch (arguments[0]) {
                case "yuv":
                    yuv(in);
                    break;
                case "boxes":
                    boxes(in);
                    break;
                case "events":
                    events(in, rest);
                    break;
                case "presence":
                    presence(in, rest);
                    break;
                case "clock":
                    clock(in, Double.parseDouble(rest.get(0)));
                    break;
                case "metadata":
                    metadata(rest.get(0), rest.get(1));
                    break;
                default:
                    throw new IllegalArgumentException(arguments[0]);
            }
        } catch (EOFException end) {
            System.out.flush();
        }
    }

    /**
     * Converts frames. For each frame, the input has: height and width of the image, short side (0
     * to fit), width, height, rotation and mirror, and then three planes of row stride, pixel
     * stride, length and bytes.
     */
    private static void yuv(DataInputStream in) throws IOException {
        YuvFrame frame = new YuvFrame();
        YuvConverter converter = null;
        InputFrame last = InputFrame.fitted(0, 0);
        while (true) {
            InputFrame input = inputFrame(in.readInt(), in.readInt(), in.readInt());
            boolean isLast =
                    input.height == last.height
                            && input.width == last.width
                            && input.shortSide() == last.shortSide();
            if (!isLast) {
                converter = new YuvConverter(input);
                last = input;
            }

            frame.width = in.readInt();
            frame.height = in.readInt();
            int rotation = in.readInt();
            boolean mirror = in.readInt() != 0;
            for (YuvFrame.Plane plane : Arrays.asList(frame.y, frame.u, frame.v)) {
                int rowStride = in.readInt();
                int pixelStride = in.readInt();
                byte[] bytes = new byte[in.readInt()];
                in.readFully(bytes);
                plane.load(ByteBuffer.wrap(bytes), rowStride, pixelStride);
            }

            int[] shape = {1, input.height, input.width, 3};
            ImageTensor image =
                    new ImageTensor(new TensorType(TensorType.Element.UINT8, shape, 1, 0), input);
            converter.convert(frame, rotation, mirror, image);
            byte[] rgb = new byte[image.bytes.capacity()];
            image.bytes.get(rgb);
            System.out.write(rgb);
        }
    }

    private static InputFrame inputFrame(int height, int width, int shortSide) {
        return shortSide == 0
                ? InputFrame.fitted(height, width)
                : InputFrame.cropped(height, shortSide);
    }

    /**
     * Reads detections. For each frame, the input has: height and width of the image, number of
     * classes, number of rows, width and height of the frame as integers, and then the model's
     * outputs as floats. The output has one line per object: class, score and box.
     */
    private static void boxes(DataInputStream in) throws IOException {
        while (true) {
            InputFrame input = InputFrame.fitted(in.readInt(), in.readInt());
            int classes = in.readInt();
            float[][] outputs = new float[4][];
            int rows = in.readInt();
            int across = in.readInt();
            int down = in.readInt();
            int[] lengths = {4 * rows, rows, rows, 1};
            for (int i = 0; i < outputs.length; i++) {
                outputs[i] = new float[lengths[i]];
                for (int j = 0; j < lengths[i]; j++) {
                    outputs[i][j] = in.readFloat();
                }
            }
            Detections found = new Detections(rows);
            found.read(
                    FloatBuffer.wrap(outputs[0]),
                    FloatBuffer.wrap(outputs[1]),
                    FloatBuffer.wrap(outputs[2]),
                    outputs[3][0],
                    classes,
                    input,
                    across,
                    down);
            for (int i = 0; i < found.count(); i++) {
                StringBuilder line = new StringBuilder();
                line.append(found.classOf(i)).append(' ').append(found.score(i));
                for (int side = 0; side < 4; side++) {
                    line.append(' ').append(found.side(i, side));
                }
                System.out.println(line);
            }
            System.out.println();
        }
    }

    /**
     * Decodes a stream. The arguments are the five event rules, the number of classes, and the
     * background classes; classes are named by number. For each frame, the input has its time as a
     * double and its logits as floats. The output has one line per frame: the class whose event
     * begins, the class to show, and all mean probabilities.
     */
    private static void events(DataInputStream in, List<String> arguments) throws IOException {
        double[] rules = new double[5];
        for (int i = 0; i < rules.length; i++) {
            rules[i] = Double.parseDouble(arguments.get(i));
        }
        float[] logits = new float[Integer.parseInt(arguments.get(rules.length))];
        List<String> labels = new ArrayList<>();
        for (int i = 0; i < logits.length; i++) {
            labels.add(Integer.toString(i));
        }

        EventDecoder decoder =
                new EventDecoder(
                        labels,
                        new HashSet<>(arguments.subList(rules.length + 1, arguments.size())),
                        new EventRules(rules[0], rules[1], rules[2], rules[3], rules[4]));
        while (true) {
            double seconds = in.readDouble();
            for (int i = 0; i < logits.length; i++) {
                logits[i] = in.readFloat();
            }
            StringBuilder line = new StringBuilder();
            line.append(decoder.step(logits, seconds)).append(' ').append(decoder.shown());
            for (double probability : decoder.probabilities()) {
                line.append(' ').append(probability);
            }
            System.out.println(line);
        }
    }

    /**
     * Decodes a stream of a model for several classes per video. The arguments are the thresholds.
     * The input is that of {@link #events}. The output has one line per frame: the classes that
     * appear, the classes that are present, with commas ("-" if there are none), and all mean
     * probabilities.
     */
    private static void presence(DataInputStream in, List<String> arguments) throws IOException {
        double[] thresholds = new double[arguments.size()];
        for (int i = 0; i < thresholds.length; i++) {
            thresholds[i] = Double.parseDouble(arguments.get(i));
        }
        float[] logits = new float[thresholds.length];
        PresenceDecoder decoder = new PresenceDecoder(thresholds);
        while (true) {
            double seconds = in.readDouble();
            for (int i = 0; i < logits.length; i++) {
                logits[i] = in.readFloat();
            }
            decoder.step(logits, seconds);
            List<String> appeared = new ArrayList<>();
            List<String> present = new ArrayList<>();
            for (int i = 0; i < logits.length; i++) {
                if (decoder.hasAppeared(i)) {
                    appeared.add(Integer.toString(i));
                }
            }
            for (int index : decoder.present()) {
                present.add(Integer.toString(index));
            }
            StringBuilder line = new StringBuilder();
            line.append(appeared.isEmpty() ? "-" : String.join(",", appeared)).append(' ');
            line.append(present.isEmpty() ? "-" : String.join(",", present));
            for (double probability : decoder.probabilities()) {
                line.append(' ').append(probability);
            }
            System.out.println(line);
        }
    }

    private static void clock(DataInputStream in, double fps) throws IOException {
        FrameClock clock = new FrameClock(fps);
        while (true) {
            System.out.println((clock.take(in.readLong()) ? 1 : 0) + " " + clock.dropped());
        }
    }

    private static void metadata(String path, String name) throws IOException, ModelException {
        ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(Paths.get(path)));
        String text = new ModelMetadata(file).text(name);
        new PrintStream(System.out, true, "UTF-8").print(text);
    }
}
