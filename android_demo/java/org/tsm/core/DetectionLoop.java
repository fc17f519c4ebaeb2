package org.tsm.core;

/** A loop that finds objects. */
public final class DetectionLoop extends FrameLoop {
    private final StreamDetector detector;
    private Detections found;
    private int frameWidth;
    private int frameHeight;

    /** Takes ownership of the detector: {@link #close} closes it. */
    public DetectionLoop(StreamDetector detector) {
        super(detector);
        this.detector = detector;
    }

    @Override
    void step(double seconds, int across, int down) {
        frameWidth = across;
        frameHeight = down;
        found = detector.step(across, down);
    }

    /**
     * Returns the objects in the last frame, with boxes in pixels of that frame when it is upright,
     * and mirrored if it was to be. The next frame overwrites them.
     */
    public Detections found() {
        return found;
    }

    /** Returns the width of the last frame when it is upright. */
    public int frameWidth() {
        return frameWidth;
    }

    /** Returns the height of the last frame when it is upright. */
    public int frameHeight() {
        return frameHeight;
    }
}
