import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;

/**
 * Writes the partition that Kafka's own producer chooses for each of 10,000 keys, in base 36, 25 to a line.
 *
 * Numbers come from x = x * 1664525 + 1013904223 (32 bits, from 1); each is used without its lower 8 bits. For a key the first says over how
 * many partitions, from 1 to 1000, the second how long it is, up to 63 bytes, and those after that its bytes, each by its lower 8 bits.
 */
public class KafkaPartitions {
    static int state = 1;

    static int next() {
        state = state * 1664525 + 1013904223;
        return state >>> 8;
    }

    public static void main(String[] arguments) {
        for (int i = 0; i < 10_000; i++) {
            int partitions = 1 + next() % 1000;
            byte[] key = new byte[next() % 64];
            for (int k = 0; k < key.length; k++) key[k] = (byte) next();
            System.out.print(Integer.toString(BuiltInPartitioner.partitionForKey(key, partitions), 36) + (i % 25 == 24 ? "\n" : " "));
        }
    }
}
