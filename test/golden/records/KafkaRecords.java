import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.ControlRecordType;
import org.apache.kafka.common.record.DefaultRecordBatch;
import org.apache.kafka.common.record.EndTransactionMarker;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.MutableRecordBatch;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.utils.Utils;

/**
 * "write": writes named record batches made by Kafka's own classes, as lines of JSON ({"name", "bytes", "batches"}).
 * "read": reads lines of hex, each the records of a partition, and writes what Kafka's own classes say of them; fails when they are not valid.
 * "write-old": writes named message sets of formats v0 and v1, as lines of JSON ({"name", "bytes", "messages"}).
 * "read-old": as "read", but says what the messages are.
 * "murmur2": writes the hash of 1,000 keys, 8 hex digits each. Key i is i % 41 bytes long; byte k of it is (i * 31 + k * 167 + (i * k >> 3)) & 255.
 */
public class KafkaRecords {
    static final ObjectMapper JSON = new ObjectMapper();
    static final long NOW = 1_700_000_000_000L;

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "write" -> write();
            case "read" -> {
                BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    System.out.println(JSON.writeValueAsString(describe(ByteBuffer.wrap(HexFormat.of().parseHex(line)))));
                }
            }
            case "write-old" -> writeOld();
            case "read-old" -> {
                BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    System.out.println(JSON.writeValueAsString(describeOld(ByteBuffer.wrap(HexFormat.of().parseHex(line)))));
                }
            }
            case "murmur2" -> {
                for (int i = 0; i < 1000; i++) {
                    byte[] key = new byte[i % 41];
                    for (int k = 0; k < key.length; k++) key[k] = (byte) (i * 31 + k * 167 + (i * k >> 3));
                    System.out.print(String.format("%08x", Utils.murmur2(key)) + (i % 16 == 15 || i == 999 ? "\n" : " "));
                }
            }
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    static void write() throws Exception {
        for (String codec : new String[] {"none", "gzip"}) {
            Compression compression = codec.equals("gzip") ? Compression.gzip().build() : Compression.NONE;
            MemoryRecordsBuilder some = builder(compression, TimestampType.CREATE_TIME, 0, -1, -1, -1, false);
            some(some);
            print("some records, " + codec, some.build().buffer());
        }

        MemoryRecordsBuilder appended = builder(Compression.NONE, TimestampType.LOG_APPEND_TIME, 1L << 40, -1, -1, -1, false);
        some(appended);
        print("append time and a large offset", appended.build().buffer());

        MemoryRecordsBuilder transactional = builder(Compression.NONE, TimestampType.CREATE_TIME, 7, 1L << 33, 12, 345, true);
        transactional.append(NOW, bytes("k"), bytes("v"));
        print("transactional", transactional.build().buffer());

        print("commit", MemoryRecords.withEndTransactionMarker(20, NOW, 3, 1L << 33, (short) 12,
            new EndTransactionMarker(ControlRecordType.COMMIT, 5)).buffer());
        print("abort", MemoryRecords.withEndTransactionMarker(21, NOW, 3, 4, (short) 0,
            new EndTransactionMarker(ControlRecordType.ABORT, 6)).buffer());

        MemoryRecordsBuilder gaps = builder(Compression.NONE, TimestampType.CREATE_TIME, 100, -1, -1, -1, false);
        gaps.appendWithOffset(103, NOW, bytes("a"), bytes("1"));
        gaps.appendWithOffset(170, NOW - 5000, bytes("b"), bytes("2"));
        gaps.appendWithOffset(20000, NOW + (1L << 40), bytes("c"), bytes("3"));
        gaps.overrideLastOffset(20010);
        print("compacted, with gaps", gaps.build().buffer());

        ByteBuffer empty = ByteBuffer.allocate(DefaultRecordBatch.RECORD_BATCH_OVERHEAD);
        DefaultRecordBatch.writeEmptyHeader(empty, RecordBatch.MAGIC_VALUE_V2, 9, (short) 1, 10, 30, 39, 2, TimestampType.CREATE_TIME, NOW, false, false);
        empty.flip();
        print("compacted, empty", empty);

        MemoryRecordsBuilder lengths = builder(Compression.NONE, TimestampType.CREATE_TIME, 0, -1, -1, -1, false);
        for (int length : new int[] {0, 1, 50, 51, 52, 53, 54, 55, 56, 57, 63, 64, 65, 1000, 8192}) {
            byte[] value = new byte[length];
            java.util.Arrays.fill(value, (byte) length);
            lengths.append(NOW + (long) length * length * length * length, (byte[]) null, value);
        }
        for (int i = 0; i < 200; i++) lengths.append(NOW, (byte[]) null, (byte[]) null);
        print("many lengths", lengths.build().buffer());

        ByteBuffer two = ByteBuffer.allocate(4096);
        for (int i = 0; i < 2; i++) {
            MemoryRecordsBuilder one = builder(Compression.NONE, TimestampType.CREATE_TIME, 50 + i * 10, -1, -1, -1, false);
            some(one);
            two.put(one.build().buffer());
        }
        two.flip();
        print("two batches", two);
    }

    static void writeOld() throws Exception {
        for (byte magic = 0; magic < 2; magic++) {
            for (String codec : new String[] {"none", "gzip", "snappy", "lz4"}) {
                MemoryRecordsBuilder some = oldBuilder(magic, codec, magic == 0 ? TimestampType.NO_TIMESTAMP_TYPE : TimestampType.CREATE_TIME, 100);
                someOld(some);
                printOld("some messages, v" + magic + ", " + codec, some.build().buffer());
            }
            for (String codec : new String[] {"none", "gzip"}) {
                MemoryRecordsBuilder gaps = oldBuilder(magic, codec, magic == 0 ? TimestampType.NO_TIMESTAMP_TYPE : TimestampType.CREATE_TIME, 1L << 40);
                gaps.appendWithOffset((1L << 40) + 3, NOW, bytes("a"), bytes("1"));
                gaps.appendWithOffset((1L << 40) + 70, NOW - 5000, bytes("b"), bytes("2"));
                gaps.appendWithOffset((1L << 40) + 20000, NOW + 5000, bytes("c"), bytes("3"));
                printOld("compacted, with gaps, v" + magic + ", " + codec, gaps.build().buffer());
            }
        }
        for (String codec : new String[] {"none", "lz4"}) {
            MemoryRecordsBuilder appended = oldBuilder((byte) 1, codec, TimestampType.LOG_APPEND_TIME, 7);
            someOld(appended);
            printOld("append time, v1, " + codec, appended.build().buffer());
        }

        ByteBuffer mixed = ByteBuffer.allocate(1 << 16);
        long offset = 0;
        for (int magic = 0; magic < 3; magic++) {
            for (String codec : new String[] {"none", "gzip", "none"}) {
                TimestampType type = magic == 0 ? TimestampType.NO_TIMESTAMP_TYPE : TimestampType.CREATE_TIME;
                MemoryRecordsBuilder some = oldBuilder((byte) magic, codec, type, offset);
                someOld(some);
                mixed.put(some.build().buffer());
                offset += 5;
            }
        }
        mixed.flip();
        printOld("a log of all formats", mixed);
    }

    static MemoryRecordsBuilder oldBuilder(byte magic, String codec, TimestampType type, long offset) {
        Compression compression = switch (codec) {
            case "gzip" -> Compression.gzip().build();
            case "snappy" -> Compression.snappy().build();
            case "lz4" -> Compression.lz4().build();
            default -> Compression.NONE;
        };
        return MemoryRecords.builder(ByteBuffer.allocate(1 << 17), magic, compression, type, offset, NOW + 99);
    }

    static void someOld(MemoryRecordsBuilder builder) {
        boolean timed = builder.magic() > 0;
        builder.append(timed ? NOW : -1, bytes("key"), bytes("value"));
        builder.append(timed ? NOW + 1 : -1, (byte[]) null, bytes("no key"));
        builder.append(timed ? NOW - 100 : -1, bytes("tombstone"), (byte[]) null);
        builder.append(timed ? NOW + 70_000 : -1, new byte[0], new byte[0]);
        builder.append(-1, (byte[]) null, (byte[]) null);
    }

    static void printOld(String name, ByteBuffer buffer) throws Exception {
        ObjectNode line = JSON.createObjectNode();
        line.put("name", name);
        line.put("bytes", hex(buffer));
        line.set("messages", describeOld(buffer.duplicate()));
        System.out.println(JSON.writeValueAsString(line));
    }

    static ArrayNode describeOld(ByteBuffer buffer) {
        ArrayNode all = JSON.createArrayNode();
        int size = buffer.remaining();
        for (MutableRecordBatch batch : MemoryRecords.readableRecords(buffer).batches()) {
            batch.ensureValid();
            size -= batch.sizeInBytes();
            for (Record record : batch) {
                record.ensureValid();
                ObjectNode message = all.addObject();
                message.put("magic", batch.magic());
                message.put("compression", batch.compressionType().name);
                message.put("timestampType", switch (batch.timestampType()) {
                    case NO_TIMESTAMP_TYPE -> "none";
                    case CREATE_TIME -> "create";
                    case LOG_APPEND_TIME -> "append";
                });
                message.put("offset", record.offset());
                message.put("timestamp", record.timestamp());
                message.put("key", record.hasKey() ? hex(record.key()) : null);
                message.put("value", record.hasValue() ? hex(record.value()) : null);
            }
        }
        if (size != 0) throw new IllegalStateException(size + " bytes are left");
        return all;
    }

    static MemoryRecordsBuilder builder(Compression compression, TimestampType type, long offset, long producerId, int epoch, int sequence, boolean transactional) {
        return MemoryRecords.builder(ByteBuffer.allocate(1 << 17), RecordBatch.MAGIC_VALUE_V2, compression, type, offset, NOW + 99,
            producerId, (short) epoch, sequence, transactional, 3);
    }

    static void some(MemoryRecordsBuilder builder) {
        builder.append(NOW, bytes("key"), bytes("value"));
        builder.append(NOW + 1, (byte[]) null, bytes("no key"));
        builder.append(NOW - 100, bytes("tombstone"), (byte[]) null);
        builder.append(NOW + 70_000, new byte[0], new byte[0], new Header[] {
            new RecordHeader("a", bytes("1")), new RecordHeader("__proto__", bytes("2")), new RecordHeader("a", (byte[]) null),
            new RecordHeader("", new byte[0]), new RecordHeader("gr\u00fc\u00dfe \u20ac", bytes("3"))});
        builder.append(NOW + 86_400_000L * 365, (byte[]) null, (byte[]) null);
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static void print(String name, ByteBuffer buffer) throws Exception {
        ObjectNode line = JSON.createObjectNode();
        line.put("name", name);
        line.put("bytes", hex(buffer));
        line.set("batches", describe(buffer.duplicate()));
        System.out.println(JSON.writeValueAsString(line));
    }

    static ArrayNode describe(ByteBuffer buffer) {
        ArrayNode all = JSON.createArrayNode();
        int size = buffer.remaining();
        MemoryRecords records = MemoryRecords.readableRecords(buffer);
        for (MutableRecordBatch batch : records.batches()) {
            batch.ensureValid();
            size -= batch.sizeInBytes();
            ObjectNode one = all.addObject();
            one.put("baseOffset", batch.baseOffset());
            one.put("lastOffset", batch.lastOffset());
            one.put("nextOffset", batch.nextOffset());
            one.put("leaderEpoch", batch.partitionLeaderEpoch());
            one.put("magic", batch.magic());
            one.put("compression", batch.compressionType().name);
            one.put("timestampType", batch.timestampType() == TimestampType.CREATE_TIME ? "create" : "append");
            one.put("maxTimestamp", batch.maxTimestamp());
            one.put("isTransactional", batch.isTransactional());
            one.put("isControl", batch.isControlBatch());
            one.put("producerId", batch.producerId());
            one.put("producerEpoch", batch.producerEpoch());
            one.put("baseSequence", batch.baseSequence());
            one.put("recordCount", batch.countOrNull());
            one.put("sizeBytes", batch.sizeInBytes());
            ArrayNode messages = one.putArray("messages");
            for (Record record : batch) {
                record.ensureValid();
                ObjectNode message = messages.addObject();
                message.put("offset", record.offset());
                message.put("timestamp", record.timestamp());
                message.put("key", record.hasKey() ? hex(record.key()) : null);
                message.put("value", record.hasValue() ? hex(record.value()) : null);
                ArrayNode headers = message.putArray("headers");
                for (Header header : record.headers()) {
                    ArrayNode pair = headers.addArray();
                    pair.add(header.key());
                    pair.add(header.value() == null ? null : HexFormat.of().formatHex(header.value()));
                }
            }
        }
        if (size != 0) throw new IllegalStateException(size + " bytes are left");
        return all;
    }

    static String hex(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return HexFormat.of().formatHex(bytes);
    }
}
