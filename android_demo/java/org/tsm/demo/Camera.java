package org.tsm.demo;

import android.annotation.SuppressLint;
import android.content.Context;
import android.graphics.ImageFormat;
import android.graphics.SurfaceTexture;
import android.hardware.camera2.CameraAccessException;
import android.hardware.camera2.CameraCaptureSession;
import android.hardware.camera2.CameraCharacteristics;
import android.hardware.camera2.CameraDevice;
import android.hardware.camera2.CameraManager;
import android.hardware.camera2.CaptureRequest;
import android.hardware.camera2.params.StreamConfigurationMap;
import android.media.ImageReader;
import android.os.Handler;
import android.os.Looper;
import android.util.Log;
import android.util.Size;
import android.view.Surface;
import java.util.Arrays;

/**
 * One camera, which sends its frames to a preview and to an image reader from {@link #open} to
 * {@link #close}. Use it on the main thread only.
 */
final class Camera {
    /** Receives the camera's events on the main thread. */
    interface Listener {
        /** Called when a camera is chosen, with the size and the orientation of its frames. */
        void onCameraChosen(Size size, int sensorOrientation, boolean front);

        /** Called when there is no camera, or when it failed and has been closed. */
        void onCameraError(int message);
    }

    private static final String TAG = "Camera";
    private static final int IMAGES = 3; // one being read, the newest, one being written

    private final CameraManager manager;
    private final Listener listener;
    private final Handler main = new Handler(Looper.getMainLooper());
    private CameraDevice device;
    private CameraCaptureSession session;
    private ImageReader reader;
    private Handler readerHandler;
    private Surface preview;
    private boolean open;

    Camera(Context context, Listener listener) {
        manager = (CameraManager) context.getSystemService(Context.CAMERA_SERVICE);
        this.listener = listener;
    }

    /**
     * Opens a camera. The user must have granted the permission.
     *
     * @param front whether to prefer a front camera; if there is none, another camera is opened
     * @param texture the preview's content
     * @param frames called on the handler's thread for each new frame
     */
    @SuppressLint("MissingPermission")
    void open(
            boolean front,
            SurfaceTexture texture,
            ImageReader.OnImageAvailableListener frames,
            Handler handler) {
        open = true;
        try {
            String id = choose(front);
            if (id == null) {
                fail(R.string.no_camera);
                return;
            }
            CameraCharacteristics characteristics = manager.getCameraCharacteristics(id);
            Size size = CameraSizes.choose(sizes(characteristics));
            int width = size.getWidth();
            int height = size.getHeight();

            texture.setDefaultBufferSize(width, height);
            preview = new Surface(texture);
            reader = ImageReader.newInstance(width, height, ImageFormat.YUV_420_888, IMAGES);
            reader.setOnImageAvailableListener(frames, handler);
            readerHandler = handler;

            Integer sensor = characteristics.get(CameraCharacteristics.SENSOR_ORIENTATION);
            int orientation = sensor == null ? 0 : sensor;
            listener.onCameraChosen(size, orientation, isFront(characteristics));
            manager.openCamera(id, new DeviceCallback(), main);
        } catch (CameraAccessException | SecurityException | IllegalArgumentException error) {
            Log.e(TAG, "open", error);
            fail(message(error));
        }
    }

    /** Closes everything, after the reader's thread has finished its current frame. */
    void close() {
        open = false;
        if (session != null) {
            session.close();
            session = null;
        }
        if (device != null) {
            device.close();
            device = null;
        }
        if (reader != null) {
            readerHandler.post(reader::close); // not while a frame is being read
            reader = null;
        }
        if (preview != null) {
            preview.release();
            preview = null;
        }
    }

    private String choose(boolean front) throws CameraAccessException {
        String any = null;
        for (String id : manager.getCameraIdList()) {
            CameraCharacteristics characteristics = manager.getCameraCharacteristics(id);
            if (sizes(characteristics).length == 0) {
                continue;
            }
            if (isFront(characteristics) == front) {
                return id;
            }
            any = any == null ? id : any;
        }
        return any;
    }

    private static boolean isFront(CameraCharacteristics characteristics) {
        Integer facing = characteristics.get(CameraCharacteristics.LENS_FACING);
        return facing != null && facing == CameraCharacteristics.LENS_FACING_FRONT;
    }

    private static Size[] sizes(CameraCharacteristics characteristics) {
        StreamConfigurationMap map =
                characteristics.get(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP);
        Size[] sizes = map == null ? null : map.getOutputSizes(ImageFormat.YUV_420_888);
        return sizes == null ? new Size[0] : sizes;
    }

    private void createSession(CameraDevice opened) {
        try {
            opened.createCaptureSession(
                    Arrays.asList(preview, reader.getSurface()), new SessionCallback(), main);
        } catch (CameraAccessException | IllegalStateException error) {
            Log.e(TAG, "session", error);
            fail(R.string.camera_failed);
        }
    }

    private void requestFrames(CameraCaptureSession configured) {
        try {
            CaptureRequest.Builder request =
                    device.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW);
            request.addTarget(preview);
            request.addTarget(reader.getSurface());
            configured.setRepeatingRequest(request.build(), null, main);
        } catch (CameraAccessException | IllegalStateException error) {
            Log.e(TAG, "request", error);
            fail(R.string.camera_failed);
        }
    }

    private void fail(int message) {
        close();
        listener.onCameraError(message);
    }

    private static int message(Exception error) {
        if (!(error instanceof CameraAccessException)) {
            return R.string.camera_failed;
        }
        switch (((CameraAccessException) error).getReason()) {
            case CameraAccessException.CAMERA_IN_USE:
            case CameraAccessException.MAX_CAMERAS_IN_USE:
                return R.string.camera_in_use;
            case CameraAccessException.CAMERA_DISABLED:
                return R.string.camera_disabled;
            default:
                return R.string.camera_failed;
        }
    }

    private final class DeviceCallback extends CameraDevice.StateCallback {
        @Override
        public void onOpened(CameraDevice opened) {
            if (!open) { // closed in the meantime
                opened.close();
                return;
            }
            device = opened;
            createSession(opened);
        }

        @Override
        public void onDisconnected(CameraDevice taken) {
            taken.close();
            if (open) {
                fail(R.string.camera_in_use);
            }
        }

        @Override
        public void onError(CameraDevice failed, int error) {
            Log.e(TAG, "device error " + error);
            failed.close();
            if (open) {
                boolean inUse =
                        error == ERROR_CAMERA_IN_USE || error == ERROR_MAX_CAMERAS_IN_USE;
                fail(inUse ? R.string.camera_in_use : R.string.camera_failed);
            }
        }
    }

    private final class SessionCallback extends CameraCaptureSession.StateCallback {
        @Override
        public void onConfigured(CameraCaptureSession configured) {
            if (device == null) { // closed in the meantime
                configured.close();
                return;
            }
            session = configured;
            requestFrames(configured);
        }

        @Override
        public void onConfigureFailed(CameraCaptureSession failed) {
            if (open) {
                fail(R.string.camera_failed);
            }
        }
    }
}
