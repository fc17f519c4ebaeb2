package org.tsm.core;

import java.nio.FloatBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/** An online detector. */
public final class StreamDetector extends StreamModel {
    private static final String BOXES = "boxes";
    private static final String CLASSES = "classes";
    private static final String SCORES = "scores";
    private static final String COUNT = "count";
    private static final int CORNERS = 4;

    private final FloatBuffer boxes;
    private final FloatBuffer classes;
    private final FloatBuffer scores;
    private final FloatBuffer count;
    private final Detections found;

    /**
     * Takes ownership of an interpreter: {@link #close} closes it.
     *
     * @throws ModelException if its tensors are not those of an online detector
     */
    public StreamDetector(ModelFile file, FrameModel model) throws ModelException {
        super(file, model, shapes(file.maxDetections));
        for (String name : shapes(file.maxDetections).keySet()) {
            if (model.outputs().get(name).element != TensorType.Element.FLOAT32) {
                throw new ModelException("The output " + name + " must be float32");
            }
        }
        boxes = result(BOXES).asFloatBuffer();
        classes = result(CLASSES).asFloatBuffer();
        scores = result(SCORES).asFloatBuffer();
        count = result(COUNT).asFloatBuffer();
        found = new Detections(file.maxDetections);
    }

    private static Map<String, int[]> shapes(int most) {
        Map<String, int[]> shapes = new LinkedHashMap<>();
        shapes.put(BOXES, new int[] {1, most, CORNERS});
        shapes.put(CLASSES, new int[] {1, most});
        shapes.put(SCORES, new int[] {1, most});
        shapes.put(COUNT, new int[] {1});
        return shapes;
    }

    /**
     * Computes the frame in {@link #image} as the next one of the stream.
     *
     * @param across width of the upright frame that the image was made from, in pixels
     * @param down its height
     * @return objects with boxes in pixels of that frame; the next call overwrites them
     */
    public Detections step(int across, int down) {
        run();
        int classCount = file.labels.size();
        found.read(boxes, classes, scores, count.get(0), classCount, file.input, across, down);
        return found;
    }
}
