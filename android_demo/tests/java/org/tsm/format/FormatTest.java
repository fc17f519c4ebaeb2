package org.tsm.format;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.zip.CRC32;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;
import org.junit.Test;
import org.tsm.core.Golden;

/** The parts of the check; ModelFileTest covers whole files. */
public class FormatTest {
    private static int[] ints(JSONArray array) throws JSONException {
        int[] values = new int[array.length()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.getInt(i);
        }
        return values;
    }

    private static OperatorCall call(JSONObject json) throws JSONException {
        List<int[]> shapes = new ArrayList<>();
        for (int i = 0; i < json.getJSONArray("shapes").length(); i++) {
            shapes.add(ints(json.getJSONArray("shapes").getJSONArray(i)));
        }

        Map<Integer, int[]> constants = new HashMap<>();
        JSONObject values = json.getJSONObject("constants");
        for (Iterator<String> keys = values.keys(); keys.hasNext(); ) {
            String position = keys.next();
            constants.put(Integer.valueOf(position), ints(values.getJSONArray(position)));
        }

        List<int[]> others = new ArrayList<>();
        for (int i = 0; i < json.getJSONArray("others").length(); i++) {
            others.add(ints(json.getJSONArray("others").getJSONArray(i)));
        }

        Map<String, Double> options = new HashMap<>();
        JSONObject numbers = json.getJSONObject("options");
        for (Iterator<String> names = numbers.keys(); names.hasNext(); ) {
            String name = names.next();
            options.put(name, numbers.getDouble(name));
        }
        return new OperatorCall(
                json.getString("rule"),
                shapes,
                constants,
                options,
                ints(json.getJSONArray("result")),
                json.getInt("broadcast_rank"),
                others);
    }

    @Test
    public void shapesAreThoseOfPython() throws JSONException {
        ByteBuffer content = new Golden("rules").bytes("shapes");
        TreeSet<String> accepted = new TreeSet<>();
        int count = 0;
        for (String line : StandardCharsets.UTF_8.decode(content).toString().split("\n")) {
            JSONObject json = new JSONObject(line);
            long[] expected = null;
            if (!json.isNull("expected")) {
                expected = OperatorCall.widened(ints(json.getJSONArray("expected")));
                accepted.add(json.getString("rule"));
            }
            assertArrayEquals(line, expected, result(call(json)));
            count++;
        }
        assertEquals(23 * 400, count);
        assertEquals(accepted.toString(), 23, accepted.size());
    }

    private static long[] result(OperatorCall call) {
        try {
            return new OperatorShapes(call).result();
        } catch (Damaged error) {
            return null;
        }
    }

    @Test
    public void everyOperatorOfTheListHasARule() {
        int rows = 0;
        for (int code = 0; code < 256; code++) {
            AllowedOperators.Row row = AllowedOperators.row(code);
            if (row != null) {
                rows++;
                List<int[]> none = new ArrayList<>();
                OperatorCall empty =
                        new OperatorCall(
                                row.shape,
                                none,
                                new HashMap<>(),
                                new HashMap<>(),
                                new int[0],
                                4,
                                none);
                // An unknown rule would be an IllegalStateException.
                assertThrows(
                        IndexOutOfBoundsException.class, () -> new OperatorShapes(empty).result());
            }
        }
        assertTrue("" + rows, rows > 30);
        assertEquals(null, AllowedOperators.row(32)); // CUSTOM
    }

    @Test
    public void checksumSkipsItsOwnPlace() {
        byte[] bytes = new byte[200_000]; // more than one part
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i * 31);
        }
        int at = 70_000;
        Arrays.fill(bytes, at, at + 4, (byte) 0);
        CRC32 expected = new CRC32();
        expected.update(bytes);
        ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        file.putInt(at, (int) expected.getValue());

        ByteBuffer stored = file.duplicate();
        stored.position(at).limit(at + 4);
        assertTrue(Checksum.matches(file, stored));
        file.put(at + 10_000, (byte) 1);
        assertTrue(!Checksum.matches(file, stored));
        assertTrue(!Checksum.matches(file, stored.duplicate().limit(at + 3)));
    }

    /** A file of 0.8 MB would take 40 GB of copies: its tables share one vector. */
    @Test
    public void sharedVectorsAreAnError() throws Damaged {
        int tables = 100_000;
        int numbers = 100_000;
        int table = 24 + 4 * tables;
        ByteBuffer file = ByteBuffer.allocate(table + 12 + 4 * numbers);
        file.order(ByteOrder.LITTLE_ENDIAN);
        file.putInt(0, 12); // the root table
        file.putShort(4, (short) 6).putShort(6, (short) 8).putShort(8, (short) 4); // a vtable
        file.putInt(12, 12 - 4).putInt(16, 4).putInt(20, tables);
        for (int i = 0; i < tables; i++) {
            file.putInt(24 + 4 * i, table - 24 - 4 * i);
        }
        file.putInt(table, table - 4).putInt(table + 4, 4).putInt(table + 8, numbers);

        List<Table> shared = Table.root(file).tables(0);
        assertEquals(tables, shared.size());
        assertEquals(numbers, shared.get(0).ints(0).length);
        Damaged error =
                assertThrows(
                        Damaged.class,
                        () -> {
                            for (Table one : shared) {
                                one.ints(0);
                            }
                        });
        assertEquals("vectors that overlap", error.getMessage());
    }
}
