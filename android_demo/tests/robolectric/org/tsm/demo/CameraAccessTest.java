package org.tsm.demo;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.robolectric.Shadows.shadowOf;

import android.Manifest;
import android.content.ComponentCallbacks2;
import android.content.pm.PackageManager;
import android.view.View;
import org.junit.Test;

/** Permission, and cameras that are missing or taken away. */
public class CameraAccessTest extends LiveScreenTestCase {
    private void answer(int permission) {
        String[] permissions = {Manifest.permission.CAMERA};
        activity.onRequestPermissionsResult(1, permissions, new int[] {permission});
    }

    @Test
    public void thePermissionIsRequestedAndGranted() {
        start();
        assertArrayEquals(
                new String[] {Manifest.permission.CAMERA},
                shadowOf(activity).getLastRequestedPermission().requestedPermissions);
        assertNull(ShadowReader.last);

        permit();
        answer(PackageManager.PERMISSION_GRANTED);
        showPreview();
        awaitModel();
        recognise(0, 2);
        await("a label", () -> text(R.id.label).equals("Swiping Left"));
    }

    @Test
    public void aRefusalIsShownAndAskedAgainOnlyOnDemand() {
        start();
        answer(PackageManager.PERMISSION_DENIED);
        awaitMessage(R.string.permission_refused);
        controller.pause().resume();
        awaitMessage(R.string.permission_refused);
        permit();
        activity.findViewById(R.id.retry).performClick();
        showPreview();
        assertNotNull(ShadowReader.last);
        assertEquals(View.GONE, activity.findViewById(R.id.message).getVisibility());
    }

    @Test
    public void aMissingCameraIsAMessage() throws Exception {
        permit();
        for (String id : cameras().getCameraIdList()) {
            shadowOf(cameras()).removeCamera(id);
        }
        start();
        awaitMessage(R.string.no_camera);
    }

    @Test
    public void anotherAppTakesTheCamera() {
        permit();
        start();
        awaitModel();

        shadowOf(cameras()).triggerDisconnect();
        awaitMessage(R.string.camera_in_use);

        activity.findViewById(R.id.retry).performClick();
        showPreview();
        awaitModel();
        recognise(1, 2);
        await("a label", () -> text(R.id.label).equals("Swiping Right"));
    }

    @Test
    public void lowMemoryClosesTheCamera() {
        permit();
        start();
        awaitModel();
        activity.onTrimMemory(ComponentCallbacks2.TRIM_MEMORY_RUNNING_CRITICAL);
        awaitMessage(R.string.low_memory);
        await("the reader to close", () -> ShadowReader.last.closed);
    }
}
