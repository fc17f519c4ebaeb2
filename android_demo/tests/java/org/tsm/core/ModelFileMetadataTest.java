package org.tsm.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Set;
import org.junit.Test;

/** What the app reads from a file's spec and from its smoothing rules. */
public class ModelFileMetadataTest {
    private static final String SPEC =
            "{\"modality\": \"rgb\", \"num_classes\": 3, \"input_size\": 224, \"fps\": 12.5,"
                    + " \"labels\": [\"left\", \"No gesture\", \"other\"]%s}";

    private static ModelFile read(String inSpec, String stream) throws ModelException {
        String spec = String.format(SPEC, inSpec);
        return new ModelFile(ByteBuffer.allocate(0), spec, stream);
    }

    private static String error(String inSpec, String stream) {
        return assertThrows(ModelException.class, () -> read(inSpec, stream)).getMessage();
    }

    @Test
    public void readsTheSmoothingRules() throws ModelException {
        ModelFile file =
                read(
                        "",
                        "{\"smoothing\": {\"averaged_steps\": 5, \"refractory_steps\": 3,"
                                + " \"keep_last\": [\"left\"],"
                                + " \"same_as\": {\"other\": \"No gesture\"}}}");
        assertEquals(5, file.smoothing.averagedSteps);
        assertEquals(3, file.smoothing.refractorySteps);
        assertEquals(Set.of("left"), file.smoothing.keepLast);
        assertEquals(Map.of("other", "No gesture"), file.smoothing.sameAs);
    }

    @Test
    public void missingRulesAreTheDefault() throws ModelException {
        for (String stream : new String[] {"{}", "{\"smoothing\": {}}", "{\"smoothing\": null}"}) {
            SmoothingRules rules = read("", stream).smoothing;
            assertEquals(stream, 12, rules.averagedSteps);
            assertEquals(stream, 1, rules.refractorySteps);
            assertTrue(stream, rules.keepLast.isEmpty() && rules.sameAs.isEmpty());
        }
    }

    @Test
    public void wrongRulesAreErrors() {
        assertEquals(
                "The file's averaged_steps is out of range: 0",
                error("", "{\"smoothing\": {\"averaged_steps\": 0}}"));
        assertEquals(
                "The file's refractory_steps is out of range: 1001",
                error("", "{\"smoothing\": {\"refractory_steps\": 1001}}"));
        assertTrue(error("", "{\"smoothing\": 12}").contains("cannot be read"));
        assertTrue(error("", "{\"smoothing\": {\"same_as\": []}}").contains("cannot be read"));
    }

    @Test
    public void readsInterpolationAndCrop() throws ModelException {
        assertEquals(256, read("", "{}").shortSide);
        assertEquals(256, read(", \"interpolation\": \"bilinear\"", "{}").shortSide);
        assertEquals(256, read(", \"crop_pct\": null, \"interpolation\": null", "{}").shortSide);
        assertEquals(248, read(", \"crop_pct\": 0.9", "{}").shortSide);
        assertEquals(224, read(", \"crop_pct\": 1", "{}").shortSide);
    }

    @Test
    public void unknownInterpolationAndCropAreErrors() {
        assertEquals(
                "The model needs bicubic interpolation; this app supports only bilinear",
                error(", \"interpolation\": \"bicubic\"", "{}"));
        assertEquals(
                "The spec's crop_pct is out of range: 1.5", error(", \"crop_pct\": 1.5", "{}"));
        assertEquals(
                "The spec's crop_pct is out of range: 0.0", error(", \"crop_pct\": 0", "{}"));
        assertTrue(error(", \"crop_pct\": \"half\"", "{}").contains("cannot be read"));
    }
}
